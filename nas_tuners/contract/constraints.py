"""What an architecture must be like, besides belonging to its space."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar

from .errors import SearchSpaceError

if TYPE_CHECKING:
    from .decisions import IndexVector

Predicate = Callable[[dict[str, Any]], bool]
"""Takes an architecture as ``export`` writes it: key -> name or plain value, active keys only."""

ATTEMPTS = 1000
"""How many refusals in a row are put up with, unless told otherwise."""

_Space = TypeVar("_Space", bound="ConstrainedSpace")


@dataclass(frozen=True)
class Constraint:
    """Refuses some architectures of a space.

    Attributes:
        predicate: Whether an architecture may be proposed: a pure function.
        name: What messages call it.
        attempts: How many proposals in a row may be refused before a search gives up.
    """

    predicate: Predicate
    name: str
    attempts: int = ATTEMPTS

    def __deepcopy__(self, memo: object) -> Constraint:
        """Itself: a pure function, which copies of a tuner share."""
        return self

    def holds(self, architecture: dict[str, Any]) -> bool:
        """Whether an architecture keeps to it.

        Raises:
            SearchSpaceError: if the function raises, or returns something else than a bool.
        """
        try:
            verdict = self.predicate(architecture)
        except Exception as error:
            raise SearchSpaceError(
                f"the constraint {self.name!r} raised {type(error).__name__}: {error} (the "
                f"architecture is {architecture}; keys that are not active are missing)"
            ) from error
        if not _is_bool(verdict):
            raise SearchSpaceError(
                f"the constraint {self.name!r} must return True or False, but got {verdict!r} "
                f"(the architecture is {architecture})"
            )
        return bool(verdict)


class ConstrainedSpace(ABC):
    """A space of which constraints refuse some architectures.

    Attributes:
        constraints: They are asked in this order, each where those before it hold.
    """

    constraints: tuple[Constraint, ...] = ()

    @abstractmethod
    def sample(self, rng: Random) -> IndexVector:
        """Draw every active decision from its prior, whether or not the constraints hold."""

    def constrain(
        self: _Space, predicate: Predicate, *, name: str | None = None, attempts: int = ATTEMPTS
    ) -> _Space:
        """The same space with one more constraint, to which every tuner keeps.

        JSON, fingerprint and size stay as they are, and so do the vectors: a constraint only says
        which of them tuners may propose. Constraints are asked in the order in which they were
        added, and the later ones only where the earlier ones hold.

        Args:
            predicate: Takes an architecture as ``export`` writes it (key -> name or plain value,
                active keys only) and says whether it may be proposed. A pure function; one that
                is importable travels to other processes with the space.
            name: What messages call it; the function's name if not given.
            attempts: How many proposals in a row may be refused before a search gives up. With
                several constraints the highest counts.

        Raises:
            SearchSpaceError: if an argument is of the wrong kind.

        Example::

            def is_small(architecture):
                return architecture["width"] * architecture["depth"] <= 512

            tuner.update_search_space(space.constrain(is_small))
        """
        number = len(self.constraints) + 1
        added = make_constraint(predicate, name=name, attempts=attempts, number=number)
        return self.with_constraints([*self.constraints, added])

    def with_constraints(self: _Space, constraints: Iterable[Constraint]) -> _Space:
        """The same space with these constraints in place of its own, for instance of its twin.

        Raises:
            SearchSpaceError: if something is no constraint.
        """
        other = copy.copy(self)
        other.constraints = tuple(constraints)
        for constraint in other.constraints:
            if not isinstance(constraint, Constraint):
                raise SearchSpaceError(
                    "with_constraints() takes the constraints of another space, but got "
                    f"{constraint!r}; a function is added by constrain()"
                )
        return other

    def broken_constraint(self, vector: IndexVector) -> Constraint | None:
        """The first constraint that does not hold for a canonical vector; None if all do.

        Raises:
            SearchSpaceError: if a constraint raises, or does not return a bool.
        """
        for constraint in self.constraints:
            if not constraint.holds(self._architecture(vector)):
                return constraint
        return None

    def fits(self, vector: IndexVector) -> bool:
        """Whether a canonical vector keeps to all constraints.

        Raises:
            SearchSpaceError: as :meth:`broken_constraint`.
        """
        return self.broken_constraint(vector) is None

    def sample_fitting(self, rng: Random) -> IndexVector:
        """Draw from the prior until all constraints hold.

        Raises:
            SearchSpaceError: if too many draws in a row break one, or as
                :meth:`broken_constraint`.
        """
        refusals: Counter[str] = Counter()
        for _ in range(attempts_of(self.constraints)):
            vector = self.sample(rng)
            broken = self.broken_constraint(vector)
            if broken is None:
                return vector
            refusals[broken.name] += 1
        raise nothing_fits(refusals)

    @abstractmethod
    def _architecture(self, vector: IndexVector) -> dict[str, Any]:
        """What constraints see of a canonical vector."""


def attempts_of(constraints: Iterable[Constraint]) -> int:
    """How many refusals in a row are put up with: what the most patient constraint allows."""
    return max((constraint.attempts for constraint in constraints), default=1)


def nothing_fits(refusals: Counter[str]) -> SearchSpaceError:
    """The end of a vain search for an architecture that keeps to all constraints."""
    return SearchSpaceError(
        f"none of {refusals.total():,} architectures drawn at random fits "
        f"({tally(refusals)}): relax the constraint, or give it more `attempts`"
    )


def make_constraint(
    predicate: Predicate, *, name: str | None, attempts: int, number: int
) -> Constraint:
    """A checked constraint, the ``number``-th of its space.

    Raises:
        SearchSpaceError: if an argument is of the wrong kind.
    """
    if not callable(predicate):
        raise SearchSpaceError(
            "a constraint must be a function of the architecture that returns True or False, "
            f"but got {predicate!r}"
        )
    if isinstance(attempts, bool) or not isinstance(attempts, int) or attempts < 1:
        raise SearchSpaceError(
            f"`attempts` must be a whole number of at least 1, but got (attempts={attempts!r})"
        )
    return Constraint(predicate, name or _name_of(predicate, number), attempts)


def tally(refusals: Counter[str]) -> str:
    """What refused how often, the most frequent first."""
    return ", ".join(f"{times:,} by {why}" for why, times in refusals.most_common())


def _name_of(predicate: Predicate, number: int) -> str:
    if isinstance(predicate, partial):
        return _name_of(predicate.func, number)
    name: str = getattr(predicate, "__name__", type(predicate).__name__)
    return f"constraint {number}" if name == "<lambda>" else name


def _is_bool(value: object) -> bool:
    """Python's or NumPy's, which need not be loaded."""
    kind = type(value)
    return kind is bool or (kind.__module__ == "numpy" and kind.__name__ in ("bool", "bool_"))

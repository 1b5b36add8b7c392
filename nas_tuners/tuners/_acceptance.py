"""Which proposals may become trials."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, final

from nas_tuners.contract.architecture import to_parameters
from nas_tuners.contract.constraints import ATTEMPTS, attempts_of
from nas_tuners.contract.search_space import IndexVector, SearchSpace

Objections = Callable[[dict[str, Any]], Sequence[str]]
"""What speaks against parameters, a phrase each; nothing if they may be tried."""

_REMEMBERED = 20_000  # architectures
_LOOKED_AT = 100  # candidates, for a few that are accepted


@dataclass(frozen=True)
class Acceptance:
    """Which proposals may become trials, besides what the constraints of their space say.

    Attributes:
        objections: A function of the parameters alone.
        attempts: How many proposals in a row may be refused.
    """

    objections: Objections
    attempts: int = ATTEMPTS


@final
class Verdicts:
    """What speaks against the architectures of a space.

    What its constraints said is remembered, as they may be slow and tuners look at the same
    neighbours again and again. Copies of a tuner share the memory; a pickle starts with none.
    """

    def __init__(self, space: SearchSpace) -> None:
        self._space = space
        self._known: dict[IndexVector, str] = {}

    def __deepcopy__(self, memo: object) -> Verdicts:
        return self

    def __reduce__(self) -> tuple[object, ...]:
        return Verdicts, (self._space,)

    def objections(self, vector: IndexVector, acceptance: Acceptance | None) -> Sequence[str]:
        """A phrase each; nothing if the architecture may be tried."""
        broken = self._broken(vector) if self._space.constraints else ""
        if broken:
            return [broken]
        return acceptance.objections(to_parameters(self._space, vector)) if acceptance else []

    def attempts(self, acceptance: Acceptance | None) -> int:
        """How many proposals in a row may be refused: what the most patient one allows."""
        return max(attempts_of(self._space.constraints), acceptance.attempts if acceptance else 1)

    def _broken(self, vector: IndexVector) -> str:
        name = self._known.get(vector)
        if name is None:
            broken = self._space.broken_constraint(vector)
            name = broken.name if broken else ""
            if len(self._known) >= _REMEMBERED:
                self._known = {}
            self._known[vector] = name
        return name


def first_accepted(
    candidates: Iterable[IndexVector], accepts: Callable[[IndexVector], bool], count: int
) -> Iterator[IndexVector]:
    """The first few that are accepted, of as many as it is reasonable to look at."""
    looked_at = islice(candidates, max(count, _LOOKED_AT))
    return islice(filter(accepts, looked_at), count)

"""Proposals of which some are refused before anything is tried."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, final

from nas_tuners.contract.architecture import to_parameters
from nas_tuners.contract.errors import SearchSpaceExhausted, TunerError
from nas_tuners.contract.search_space import IndexVector

from ._base import Tuner

Objections = Callable[[dict[str, Any]], Sequence[str]]
"""What speaks against parameters, a phrase each; nothing if they may be tried."""

_Pending = Mapping[int, tuple[IndexVector, dict[str, Any] | None]]

_ASKED = 20  # refused proposals of a tuner, before architectures are drawn at random


@dataclass(frozen=True)
class Acceptance:
    """Which proposals may become trials.

    Attributes:
        objections: A function of the parameters alone.
        attempts: How many proposals in a row may be refused.
    """

    objections: Objections
    attempts: int = 1000


@final
class AcceptedProposal:
    """Asks a tuner for one trial until a proposal is accepted.

    What is refused stands as pending under a number below 0, so that the tuner looks elsewhere,
    and is forgotten with the trial: the next suggestion is a function of the study's history,
    whether or not this process has seen what was refused. After a few refusals architectures are
    drawn at random, without replacement. A tuner that enumerates is asked alone, and passes over
    what is refused for good, which changes nothing in its order.

    Args:
        tuner: In step with the study. Afterwards what was accepted is among its pending trials.
        number: The trial.
        pending: The trials that are running.
        acceptance: What is accepted.
    """

    def __init__(
        self, tuner: Tuner, number: int, pending: _Pending, acceptance: Acceptance
    ) -> None:
        self._tuner, self._number = tuner, number
        self._pending = pending
        self._acceptance = acceptance
        self._refused: dict[IndexVector, None] = {}
        self._count = 0
        self._reasons: Counter[str] = Counter()

    def find(self) -> None:
        """Leave the tuner with an accepted proposal.

        Raises:
            SearchSpaceExhausted: when nothing is left that is neither proposed nor refused.
            TunerError: if too many proposals in a row are refused, or the tuner fails.
        """
        try:
            found = self._enumerated() if self._tuner.enumerates else self._searched()
        except SearchSpaceExhausted as error:
            told = f" ({self._told()})" if self._reasons else ""
            raise SearchSpaceExhausted(f"{error}, or were refused{told}") from error
        self._tuner.set_pending({**self._pending, self._number: found})

    def _enumerated(self) -> tuple[IndexVector, dict[str, Any] | None]:
        # After a restart it meets again what it passed over for the trials before.
        for _ in range(self._acceptance.attempts * (1 + self._number)):
            vector, note = self._asked()
            if not self._is_refused(vector):
                return vector, note
            self._tuner.pass_over(vector)
        raise self._too_many()

    def _searched(self) -> tuple[IndexVector, dict[str, Any] | None]:
        for _ in range(min(_ASKED, self._acceptance.attempts)):
            vector, note = self._asked()
            if vector in self._refused:
                break  # a tuner that may repeat itself
            if not self._is_refused(vector):
                return vector, note
        return self._drawn(), None

    def _asked(self) -> tuple[IndexVector, dict[str, Any] | None]:
        refused = {-place: (vector, None) for place, vector in enumerate(self._refused, start=1)}
        self._tuner.set_pending({**self._pending, **refused})
        self._tuner.generate_parameters(self._number)
        vector = self._tuner.proposed_vector(self._number)
        return vector, self._tuner.proposal_note(self._number)

    def _drawn(self) -> IndexVector:
        self._tuner.set_pending(self._pending)
        rng = Random(f"{self._tuner.seed}:{self._number}:accepted")
        while len(self._refused) < self._acceptance.attempts:
            vector = self._tuner.draw_new(rng, self._refused.keys())
            if not self._is_refused(vector):
                return vector
        raise self._too_many()

    def _is_refused(self, vector: IndexVector) -> bool:
        objections = self._acceptance.objections(to_parameters(self._tuner.space, vector))
        if objections:
            self._count += 1
            self._reasons.update(objections)
            if not self._tuner.enumerates:
                self._refused[vector] = None
        return bool(objections)

    def _too_many(self) -> TunerError:
        return TunerError(
            f"none of {self._count:,} proposals in a row was accepted ({self._told()})"
        )

    def _told(self) -> str:
        """The objections, the most frequent first."""
        return ", ".join(f"{times:,} by {why}" for why, times in self._reasons.most_common())

"""What the base of a tuner and its algorithm hand to each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from nas_tuners.contract.search_space import IndexVector


@dataclass
class Ask:
    """What an algorithm may use for one proposal.

    Attributes:
        number: The parameter id.
        rng: Seeded by the tuner's seed and ``number``.
        pending: number -> vector of the proposals that have no result yet. Numbers below 0 stand
            for what was proposed for this trial and refused.
        note: Set this to a JSON dict to get it back with the result, also after a restart.
        accepts: Whether a vector keeps to the constraints. Algorithms need not ask, as what does
            not is refused; those that choose among candidates had better.
    """

    number: int
    rng: Random
    pending: dict[int, IndexVector]
    note: dict[str, Any] | None = None
    accepts: Callable[[IndexVector], bool] = lambda vector: True

    @property
    def running(self) -> int:
        """How many of the pending proposals are trials."""
        return sum(number >= 0 for number in self.pending)


@dataclass(frozen=True)
class Result:
    """What an algorithm learns from.

    Attributes:
        number: The parameter id; None for imported data.
        vector: The canonical index vector.
        value: What the trial reported (the first objective); None if it failed.
        score: The value, negated when minimizing: higher is better. None if the trial failed.
        note: What the algorithm noted when it proposed this; None for foreign results.
        scores: One score an objective; empty if the trial failed.
        excess: constraint -> by how much the result is beyond it; feasible at 0 and below.
        partial: step -> score of the intermediate results, in the order of steps.
        pruned: Whether the trial was stopped early: the score is that of its last step.
    """

    number: int | None
    vector: IndexVector
    value: float | None
    score: float | None
    note: dict[str, Any] | None
    scores: tuple[float, ...] = ()
    excess: Mapping[str, float] = field(default_factory=dict)
    partial: Mapping[int, float] = field(default_factory=dict)
    pruned: bool = False

    def __deepcopy__(self, memo: object) -> Result:
        """Itself: nobody changes a result, and copies of a tuner share thousands of them."""
        return self

    @property
    def violation(self) -> float:
        """The sum of what is beyond the constraints; 0 where all hold."""
        return sum(max(0.0, beyond) for beyond in self.excess.values())

    @property
    def merit(self) -> tuple[float, float] | None:
        """Orders results of one objective; None if the trial failed.

        The feasible by score, then the others by how little they violate: Deb, An Efficient
        Constraint Handling Method for Genetic Algorithms, 2000, section 3.
        """
        return None if self.score is None else (-self.violation, self.score)

"""Hyperband as a function of the history: who runs on, who is stopped, where the next one starts.

Nothing is kept between two calls, so that a run that goes on after a crash decides as the one
before it would have.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

BRACKET_ATTR = "nas_tuners:bracket"
"""System attribute of a trial: the bracket it was created for."""


@dataclass(frozen=True)
class Rung:
    """One stage of a bracket: so many trials, each up to the same budget."""

    size: int
    budget: int


@dataclass(frozen=True)
class BudgetTrial:
    """What Hyperband knows of a trial.

    Attributes:
        number: Its number in the study; of equal scores the lower number is the better.
        bracket: The bracket it was created for.
        scores: Budget -> score after it, higher is better.
        ended: Whether it will not run again: complete, stopped or failed.
    """

    number: int
    bracket: int
    scores: Mapping[int, float]
    ended: bool = False

    @classmethod
    def of(cls, trial: FrozenTrial, *, sign: float) -> BudgetTrial | None:
        """A trial of the study, whose intermediate values stand at their budgets.

        Args:
            trial: It.
            sign: 1 to maximize, -1 to minimize.

        Returns:
            None for a trial that was not created for a bracket.
        """
        bracket = trial.system_attrs.get(BRACKET_ATTR)
        if bracket is None:
            return None
        scores = {budget: sign * value for budget, value in trial.intermediate_values.items()}
        return cls(trial.number, bracket, scores, trial.state.is_finished())


@dataclass(frozen=True)
class Placement:
    """Where the next new trial goes, and its first budget."""

    bracket: int
    budget: int


@dataclass(frozen=True)
class Decision:
    """What is to be done; no trial is named twice, and those that wait for others not at all.

    Attributes:
        run: (number, budget) of the trials that must run up to a budget, the most urgent first:
            those that go on, and those that have not yet had their first result.
        prune: Those that are to be stopped.
        complete: Those that have their result at the maximum.
        next: Where a new trial would go.
    """

    run: tuple[tuple[int, int], ...]
    prune: tuple[int, ...]
    complete: tuple[int, ...]
    next: Placement


@dataclass(frozen=True)
class Schedule:
    """Which trials get which budget.

    Li, Jamieson, DeSalvo, Rostamizadeh, Talwalkar: Hyperband: A Novel Bandit-Based Approach to
    Hyperparameter Optimization, JMLR 18(185), 2018, https://arxiv.org/abs/1603.06560, algorithm 1.
    Bracket after bracket of successive halving, from the one that starts most trials with the
    smallest budget (s = s_max) to the one that gives all of its trials the maximum (s = 0), then
    from the beginning. Budgets are whole numbers, rounded down.

    Trials of one bracket do not wait for those of another: while the last trials of a rung run,
    new ones open the next bracket.

    Args:
        maximum: The largest budget, R in the paper.
        minimum: The smallest budget that is of use; the paper has 1.
        eta: One in ``eta`` trials goes on, with ``eta`` times the budget.
        brackets: How many brackets are used, beginning with s_max; all if not given.

    Raises:
        ValueError: if a number is out of its range.

    Example:
        >>> [(rung.size, rung.budget) for rung in Schedule(81).rungs(0)]
        [(81, 1), (27, 3), (9, 9), (3, 27), (1, 81)]
    """

    maximum: int
    minimum: int = 1
    eta: int = 3
    brackets: int | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.minimum <= self.maximum:
            raise ValueError(
                "`1 <= minimum <= maximum` must hold, "
                f"but got (minimum={self.minimum}, maximum={self.maximum})."
            )
        if self.eta < 2:
            raise ValueError(f"`eta` must be at least 2, but got (eta={self.eta}).")
        if self.brackets is not None and not 1 <= self.brackets <= self.s_max + 1:
            raise ValueError(
                f"`brackets` must be from 1 to {self.s_max + 1}, as many as there are from "
                f"{self.minimum} to {self.maximum} with eta {self.eta}, "
                f"but got (brackets={self.brackets})."
            )

    @property
    def s_max(self) -> int:
        """The largest s with ``minimum * eta**s <= maximum``, without a rounded logarithm."""
        s, budget = 0, self.minimum * self.eta
        while budget <= self.maximum:
            s, budget = s + 1, budget * self.eta
        return s

    def rungs(self, bracket: int) -> tuple[Rung, ...]:
        """The rungs of a bracket, counted from 0."""
        s = self.s_max - bracket % (self.brackets or self.s_max + 1)
        started = -(-(self.s_max + 1) * self.eta**s // (s + 1))  # rounded up
        return tuple(
            Rung(started // self.eta**i, self.maximum // self.eta ** (s - i)) for i in range(s + 1)
        )

    def decide(self, trials: Iterable[BudgetTrial], *, more: bool) -> Decision:
        """What follows from the history; the order of ``trials`` does not matter.

        A decision stands however the history goes on: it is made when all trials of a rung have
        their results, or have ended without one.

        Args:
            trials: Those that were created for a bracket.
            more: Whether new trials may come; if not, brackets that are not full go on with what
                they have.
        """
        members = defaultdict(list)
        for trial in sorted(trials, key=lambda trial: trial.number):
            members[trial.bracket].append(trial)
        place = self._place(members)
        run: list[tuple[int, int]] = []
        prune: list[int] = []
        complete: list[int] = []
        for bracket in sorted(members):
            if all(trial.ended for trial in members[bracket]):
                continue
            filled = bracket < place.bracket or not more
            rungs = _sized(self.rungs(bracket), len(members[bracket]), self.eta)
            standing = _climb(members[bracket], rungs, filled=filled)
            run += standing.run
            prune += standing.prune
            complete += standing.complete
        return Decision(tuple(run), tuple(prune), tuple(complete), place)

    def _place(self, members: Mapping[int, Sequence[BudgetTrial]]) -> Placement:
        """In the latest bracket; in the next one if that is full, or went on without being so."""
        latest = max(members, default=0)
        rungs, within = self.rungs(latest), members.get(latest, ())
        if len(within) >= rungs[0].size or _went_on(within, rungs):
            latest += 1
        return Placement(latest, self.rungs(latest)[0].budget)


@dataclass(frozen=True)
class _Standing:
    """The part of a :class:`Decision` that concerns one bracket."""

    run: list[tuple[int, int]]
    prune: list[int]
    complete: list[int]


def _climb(members: Sequence[BudgetTrial], rungs: Sequence[Rung], *, filled: bool) -> _Standing:
    """From rung to rung, as far as all have their results: the inner loop of algorithm 1."""
    prune: list[int] = []
    alive = list(members)
    for rung, following in pairwise(rungs):
        pending = _pending(alive, rung.budget)
        if pending or not filled:
            return _Standing(pending, prune, [])
        kept = _best(alive, rung.budget, following.size)
        prune += [trial.number for trial in alive if trial not in kept and not trial.ended]
        alive = kept
    last = rungs[-1].budget
    complete = [trial.number for trial in alive if last in trial.scores and not trial.ended]
    return _Standing(_pending(alive, last), prune, complete)


def _pending(trials: Iterable[BudgetTrial], budget: int) -> list[tuple[int, int]]:
    """(number, budget) of those whose result is still to come."""
    return [(t.number, budget) for t in trials if budget not in t.scores and not t.ended]


def _best(trials: Iterable[BudgetTrial], budget: int, count: int) -> list[BudgetTrial]:
    """Of those with a result; who failed does not go on even if nobody else is there."""
    scored = [trial for trial in trials if budget in trial.scores]
    best = sorted(scored, key=lambda trial: (-trial.scores[budget], trial.number))[:count]
    return sorted(best, key=lambda trial: trial.number)


def _sized(rungs: Sequence[Rung], count: int, eta: int) -> Sequence[Rung]:
    """The rungs of a bracket with so many trials: smaller if it never got full, but not empty."""
    if count >= rungs[0].size:
        return rungs
    return [Rung(max(1, count // eta**i), rung.budget) for i, rung in enumerate(rungs)]


def _went_on(trials: Iterable[BudgetTrial], rungs: Sequence[Rung]) -> bool:
    """Whether a trial was stopped after the first rung of the bracket, or has left it behind."""
    if len(rungs) == 1:
        return False
    first, second = rungs[0].budget, rungs[1].budget
    return any((t.ended and first in t.scores) or second in t.scores for t in trials)

"""Whether a tuner searches: better than at random, and without slowing down."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from statistics import fmean

import pytest

from nas_tuners.contract.errors import SearchSpaceExhausted
from nas_tuners.tuners._base import Tuner

from ._cases import TunerCases, drive
from ._landscapes import LANDSCAPES, SPACE, Objective, best_of_random, mean_of_best

_SEEDS = range(6)
_HANDICAP = 3  # how many times the trials of the tuner random search gets


class SearchCases(TunerCases):
    """Cases of :class:`~nas_tuners.testing.TunerSuite`."""

    @pytest.mark.parametrize("landscape", LANDSCAPES)
    def test_it_beats_random_search(self, landscape: str) -> None:
        """On six landscapes of a kind, with a third of the trials.

        The margin is several times what chance can do: random search in disguise does not pass.
        """
        if not self.learns:
            pytest.skip("does not learn")
        found, drawn = [], []
        for seed in _SEEDS:
            objective = LANDSCAPES[landscape](seed)
            tuner = self._start(SPACE, seed=seed)
            found.append(_best_found(tuner, objective, self.learning_budget))
            drawn.append(best_of_random(objective, _HANDICAP * self.learning_budget, seed))
        assert fmean(found) > fmean(drawn), (
            f"the tuner finds {fmean(found):.2f} on average, random search {fmean(drawn):.2f} "
            f"with {_HANDICAP} times the trials: does it use what it learns?"
        )

    def test_two_hundred_suggestions_are_affordable(self) -> None:
        """A floor for the throughput, far below what searches need to be comfortable."""
        if self.seconds_for_200 == math.inf:
            pytest.skip("may take any time")
        _, tuner = self._new("layers")
        trials, seconds = _run_within(self.seconds_for_200, tuner, 200)
        assert seconds <= self.seconds_for_200, (
            f"{trials} of 200 suggestions took {seconds:.3g} s of processor time, and all may "
            f"take {self.seconds_for_200:g}: does it do more than it must? If it is worth the "
            "time, set `seconds_for_200` of the suite higher (math.inf: no limit)"
        )

    def test_the_thousandth_suggestion_costs_no_more_than_the_two_hundredth(self) -> None:
        """Counted in calls, which no other load on the machine changes."""
        if not self.constant_cost:
            pytest.skip("cost grows with the history")
        tuner = self._start(SPACE)
        drive(tuner, 200)
        early = _calls(lambda: _run(tuner, first=200))
        drive(tuner, 750, first=250)
        late = _calls(lambda: _run(tuner, first=1_000))
        assert late < 1.5 * early, f"{early:,} calls for 50 trials after 200, {late:,} after 1,000"


def _best_found(tuner: Tuner, objective: Objective, trials: int) -> float:
    vectors = drive(tuner, trials, value_of=lambda _, vector: objective(vector))
    return mean_of_best([objective(vector) for vector in vectors])


def _run_within(allowed: float, tuner: Tuner, trials: int) -> tuple[int, float]:
    """The trials run, and their seconds; it stops beyond those allowed, or when the tuner ends."""
    start = time.process_time()
    seconds = 0.0
    for number in range(trials):
        try:
            drive(tuner, 1, first=number)
        except SearchSpaceExhausted:
            return number, seconds
        seconds = time.process_time() - start
        if seconds > allowed:
            return number + 1, seconds
    return trials, seconds


def _run(tuner: Tuner, first: int) -> None:
    drive(tuner, 50, first=first)


def _calls(work: Callable[[], None]) -> int:
    count = 0

    def note(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count

"""The suite finds what is wrong with a tuner."""

from __future__ import annotations

import math
from random import Random
from typing import Any

import pytest

from nas_tuners import RandomTuner
from nas_tuners.contract.errors import SearchSpaceExhausted
from nas_tuners.contract.search_space import IndexVector, SearchSpace
from nas_tuners.testing import TunerSuite
from nas_tuners.testing._landscapes import LANDSCAPES, SPACE
from nas_tuners.tuners import Ask, Result, Tuner, mutate

LANDSCAPE_NAMES = list(LANDSCAPES)


class Aimless(Tuner):
    """Evolution that mutates any member: random search in disguise."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.members: list[Result] = []

    def _propose(self, ask: Ask) -> IndexVector:
        if len(self.members) < 20:
            return self.space.sample(ask.rng)
        return mutate(self.space, self.parent(ask.rng).vector, ask.rng)

    def parent(self, rng: Random) -> Result:
        return rng.choice(self.members[-20:])

    def _learn(self, result: Result) -> None:
        if result.score is not None:
            self.members.append(result)


class Elitist(Aimless):
    """Looks for the best of all members each time."""

    def parent(self, rng: Random) -> Result:
        return max(self.members, key=_score)


class WrongWay(Aimless):
    """Evolution towards the worst."""

    def parent(self, rng: Random) -> Result:
        return min(self.members, key=_score)


class Forgetful(Aimless):
    """Keeps something that the history does not tell: how often it was asked."""

    asked = 0

    def _propose(self, ask: Ask) -> IndexVector:
        self.asked += 1
        return self.space.sample(Random(self.asked))


class Exact(Aimless):
    """Takes every result for a moderate number."""

    def _learn(self, result: Result) -> None:
        math.exp(result.score)  # type: ignore[arg-type]


class OwnResultsOnly(Aimless):
    """Wants its own note back with every result."""

    def _propose(self, ask: Ask) -> IndexVector:
        ask.note = {"number": ask.number}
        return self.space.sample(ask.rng)

    def _learn(self, result: Result) -> None:
        assert result.note is not None


class Short(Aimless):
    """Has ten proposals."""

    def _propose(self, ask: Ask) -> IndexVector:
        if ask.number == 10:
            raise SearchSpaceExhausted("there are no more than ten")
        return self.space.sample(ask.rng)


def _score(result: Result) -> float:
    assert result.score is not None
    return result.score


def _suite(kind: type[Tuner], **attributes: Any) -> TunerSuite:
    class Suite(TunerSuite):
        def make_tuner(self, space: SearchSpace, **options: Any) -> Tuner:
            return kind(**options)

    suite = Suite()
    vars(suite).update(attributes)
    return suite


@pytest.mark.parametrize("landscape", LANDSCAPE_NAMES)
@pytest.mark.parametrize("kind", [RandomTuner, Aimless, WrongWay])
def test_random_search_in_disguise_is_found_out(kind: type[Tuner], landscape: str) -> None:
    with pytest.raises(AssertionError, match="does it use what it learns"):
        _suite(kind).test_it_beats_random_search(landscape)


@pytest.mark.parametrize("landscape", LANDSCAPE_NAMES)
def test_a_plain_search_beats_random_search(landscape: str) -> None:
    _suite(Elitist).test_it_beats_random_search(landscape)


def test_cost_that_grows_is_found_out() -> None:
    suite = _suite(Elitist, constant_cost=True)
    with pytest.raises(AssertionError, match=r"calls for 50 trials after 200"):
        suite.test_the_thousandth_suggestion_costs_no_more_than_the_two_hundredth()


def test_suggestions_that_cost_too_much_are_found_out() -> None:
    suite = _suite(RandomTuner, seconds_for_200=0.0)
    expected = r"1 of 200 suggestions took \S+ s of processor time, and all may take 0.*"
    with pytest.raises(AssertionError, match=expected + "`seconds_for_200` of the suite higher"):
        suite.test_two_hundred_suggestions_are_affordable()


def test_the_floor_is_there_unless_it_is_lifted() -> None:
    """And a tuner that ends before is not to blame."""
    assert TunerSuite.seconds_for_200 == 60.0
    for tuner in (RandomTuner, Short):
        _suite(tuner).test_two_hundred_suggestions_are_affordable()
    with pytest.raises(pytest.skip.Exception, match="any time"):
        _suite(Short, seconds_for_200=math.inf).test_two_hundred_suggestions_are_affordable()


def test_state_beside_the_history_is_found_out() -> None:
    with pytest.raises(AssertionError):
        _suite(Forgetful).test_replaying_the_history_gives_the_same_next_suggestion("layers")


def test_results_that_are_no_moderate_numbers_are_tried() -> None:
    for kind in ("outlier", "failures in a row"):
        with pytest.raises(Exception, match="Exact raised while learning from trial"):
            _suite(Exact).test_odd_results_are_survived("layers", kind)


def test_results_of_strangers_are_tried() -> None:
    with pytest.raises(Exception, match="OwnResultsOnly raised while learning"):
        _suite(OwnResultsOnly).test_results_of_ids_it_never_proposed()


def test_repeats_are_found_out() -> None:
    class Repeating(TunerSuite):
        def make_tuner(self, space: SearchSpace, **options: Any) -> Tuner:
            return Elitist(dedup=False, **options)

    with pytest.raises(AssertionError, match="proposed twice"):
        Repeating().test_proposals_fit_the_space_and_do_not_repeat("layers")


@pytest.mark.parametrize("landscape", LANDSCAPE_NAMES)
def test_landscapes_differ_by_seed_only(landscape: str) -> None:
    vectors = [SPACE.sample(Random(seed)) for seed in range(20)]
    first, again, other = (LANDSCAPES[landscape](seed) for seed in (0, 0, 1))
    assert [first(v) for v in vectors] == [again(v) for v in vectors]
    assert [first(v) for v in vectors] != [other(v) for v in vectors]


def test_one_landscape_is_a_sum_and_the_other_is_not() -> None:
    """Exchanging one decision changes a sum by the same, whatever the other decisions are."""
    rng = Random(0)
    for name, is_sum in (("separable", True), ("pairwise", False)):
        objective = LANDSCAPES[name](0)
        gains = set()
        for _ in range(10):
            before = list(SPACE.sample(rng))
            before[4], after = 0, before.copy()
            after[4] = 1
            gains.add(round(objective(tuple(after)) - objective(tuple(before)), 6))
        assert (len(gains) == 1) == is_sum

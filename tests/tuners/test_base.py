"""What the base class does for every algorithm."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from nas_tuners.contract.errors import ArchitectureError, TunerError
from nas_tuners.contract.search_space import SearchSpace
from nas_tuners.testing._spaces import SPACES
from nas_tuners.tuners._base import Ask, Result, Tuner
from nas_tuners.tuners._bayesian import BayesianTuner
from nas_tuners.tuners._random import RandomTuner

CONDITIONAL = SearchSpace(SPACES["conditional"])
OPS = {"_type": "layer_choice", "_value": list("abcdefghij")}


class Fixed(Tuner):
    """Always proposes the same, whatever that is, and remembers what it was told."""

    def __init__(self, vector: Any) -> None:
        super().__init__(seed=0)
        self.vector = vector
        self.scores: list[float | None] = []

    def _propose(self, ask: Ask) -> Any:
        return self.vector

    def _learn(self, result: Result) -> None:
        self.scores.append(result.score)


@pytest.mark.parametrize(
    ("vector", "message"),
    [
        ((1, 2, None, 0, None), r"kernel: inactive here, yet it is 2 .*space.canonical\(vector\)"),
        ((1, None), "2 entries for 5 decisions"),
        ((9, None, None, 0, None), "block: 9 is not an index below 3"),
        (None, "raised while proposing trial 0: TypeError"),
    ],
)
def test_a_wrong_proposal_reaches_no_trial(vector: Any, message: str) -> None:
    tuner = Fixed(vector)
    tuner.update_search_space(CONDITIONAL)
    with pytest.raises(TunerError, match=message):
        tuner.generate_parameters(0)


def test_a_list_will_do() -> None:
    tuner = Fixed([1, None, None, 0, None])
    tuner.update_search_space(CONDITIONAL)
    assert tuner.generate_parameters(0)["block"] == {"_value": "pool", "_idx": 1}


def test_told_values_that_are_not_finite_are_failures() -> None:
    tuner = Fixed((1, None, None, 0, None))
    tuner.update_search_space(CONDITIONAL)
    for number, value in enumerate([math.nan, math.inf, 0.5]):
        tuner.tell(number, (1, None, None, 0, None), value)
    assert tuner.scores == [None, None, 0.5]


@pytest.mark.parametrize(
    "rare",
    [
        {f"k{i}": OPS | {"_active_if": {"root": [9]}} for i in range(20)},
        {"lr": {"_type": "uniform", "_value": [0, 1], "_active_if": {"root": [9]}}},
    ],
    ids=["huge", "infinite"],
)
def test_most_of_a_space_may_lie_behind_one_candidate(rare: dict[str, Any]) -> None:
    """Nine of ten draws are known soon; the rest is found, without listing it."""
    tuner = RandomTuner(seed=0)
    tuner.update_search_space({"root": OPS} | rare)
    proposals = [str(tuner.generate_parameters(number)) for number in range(300)]
    assert len(set(proposals)) == 300


def test_a_trial_is_still_pending_after_parameters_that_do_not_fit() -> None:
    tuner = Fixed((1, None, None, 0, None))
    tuner.update_search_space(CONDITIONAL)
    parameters = tuner.generate_parameters(0)
    with pytest.raises(ArchitectureError, match="block"):
        tuner.receive_trial_result(0, {"block": "no such"}, 1.0)
    assert tuner.scores == []
    tuner.receive_trial_result(0, parameters, 2.0)
    assert tuner.scores == [2.0]


def test_goals_cannot_turn_round_after_results() -> None:
    tuner = RandomTuner(seed=0)
    tuner.update_search_space(CONDITIONAL)
    tuner.optimize_mode = "minimize"
    tuner.tell(0, (1, None, None, 0, None), 1.0)
    tuner.optimize_mode = {"loss": "minimize"}
    with pytest.raises(ValueError, match=r"prepared with .*give it to the tuner's constructor"):
        tuner.optimize_mode = "maximize"
    assert tuner.optimize_mode == {"loss": "minimize"}


def test_the_number_of_objectives_is_settled_with_the_space() -> None:
    tuner = BayesianTuner(seed=0)
    tuner.update_search_space(CONDITIONAL)
    with pytest.raises(ValueError, match="BayesianTuner was prepared with optimize_mode='maxim"):
        tuner.optimize_mode = {"accuracy": "maximize", "size": "minimize"}


class Remembers(Tuner):
    """Draws at random and keeps what it was told."""

    def __init__(self, **options: Any) -> None:
        super().__init__(seed=0, **options)
        self.told: list[Result] = []

    def _propose(self, ask: Ask) -> Any:
        return self.space.sample(ask.rng)

    def _learn(self, result: Result) -> None:
        self.told.append(result)


def _remembers(**options: Any) -> Remembers:
    tuner = Remembers(**options)
    tuner.update_search_space({"op": OPS})
    return tuner


def test_reports_that_are_no_numbers_are_left_out() -> None:
    tuner = _remembers(optimize_mode="minimize")
    reports: dict[int, Any] = {3: {"default": 0.3}, 1: math.nan, 2: None, 0: 0.5, 4: "0.1"}
    parameters = tuner.generate_parameters(0)
    tuner.receive_trial_result(0, parameters, 0.25, intermediate=reports, pruned=True)
    assert [*tuner.told[0].partial.items()] == [(0, -0.5), (3, -0.3)]


def test_a_note_that_is_none_does_not_use_up_the_trial() -> None:
    tuner = _remembers()
    parameters = tuner.generate_parameters(0)
    wrong: Any = "x"
    with pytest.raises(ValueError, match="`note` must be a dict or None, but got"):
        tuner.receive_trial_result(0, parameters, 0.5, wrong)
    tuner.receive_trial_result(0, parameters, 0.5)
    assert [result.value for result in tuner.told] == [0.5]


def test_bounds_stand_once_something_is_learned() -> None:
    bounded = {"default": "maximize", "ms": "<= 5"}
    tuner = _remembers(optimize_mode=bounded)
    tuner.optimize_mode = {"default": "maximize", "ms": "<= 6"}
    tuner.receive_trial_result(None, {"op": "a"}, {"default": 1.0, "ms": 7.0})
    with pytest.raises(ValueError, match="was prepared with optimize_mode="):
        tuner.optimize_mode = bounded


def test_keys_in_another_order_are_other_vectors() -> None:
    keys = {"a": OPS, "b": OPS}
    tuner = Remembers()
    tuner.update_search_space(keys)
    tuner.update_search_space(dict(keys))
    with pytest.raises(TunerError, match="and the order of its keys, cannot change"):
        tuner.update_search_space(dict(reversed(keys.items())))


def test_seeds_and_switches() -> None:
    seed: Any = np.int64(3)
    assert type(RandomTuner(seed=seed).seed) is int
    for wrong in (True, 1.5, "3"):
        seed = wrong
        with pytest.raises(ValueError, match="`seed` must be an integer or None"):
            RandomTuner(seed=seed)
    dedup: Any = "no"
    with pytest.raises(ValueError, match="`dedup` must be True or False"):
        RandomTuner(dedup=dedup)

"""Optuna's samplers keep the rules as tuners."""

from __future__ import annotations

import math
import subprocess
import sys
import warnings
from typing import Any, ClassVar

import optuna
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.trial import FrozenTrial, TrialState

from nas_tuners.contract.errors import TunerError
from nas_tuners.contract.search_space import SearchSpace
from nas_tuners.testing import TunerSuite
from nas_tuners.testing._spaces import SPACES
from nas_tuners.tuners import hypervolume, make_tuner
from nas_tuners.tuners._base import OptimizeMode, Tuner
from nas_tuners.tuners._optuna_tuner import OptunaTuner
from nas_tuners.tuners._random import RandomTuner

# Optuna calls some of its samplers experimental.
pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


def test_what_finished_trials_have_in_common_is_not_read_again_and_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else a suggestion costs (trials x parameters x candidates), many times the sampler's own."""
    compared = []
    equal = CategoricalDistribution.__eq__

    def counted(self: CategoricalDistribution, other: Any) -> bool:
        compared.append(self)
        return equal(self, other)

    tuner = OptunaTuner(optuna.samplers.TPESampler(n_startup_trials=5), seed=0, dedup=False)
    tuner.update_search_space(SPACES["layers"])
    for number in range(60):
        if number == 50:
            monkeypatch.setattr(CategoricalDistribution, "__eq__", counted)
        parameters = tuner.generate_parameters(number)
        tuner.receive_trial_result(number, parameters, float(number))
    assert len(compared) < 10 * 50


def test_the_sampler_sees_the_pending_trials() -> None:
    """Brute force leaves them out by itself."""
    tuner = OptunaTuner(optuna.samplers.BruteForceSampler(), seed=0, dedup=False)
    tuner.update_search_space(SPACES["one candidate"])
    proposals = [str(tuner.generate_parameters(number)) for number in range(int(tuner.space.size))]
    assert len(set(proposals)) == tuner.space.size


def test_the_given_sampler_stays_as_it_was() -> None:
    sampler = optuna.samplers.TPESampler(n_startup_trials=2)
    for space in ("layers", "inputs"):
        tuner = OptunaTuner(sampler, seed=0)
        tuner.update_search_space(SPACES[space])
        for number in range(6):
            tuner.receive_trial_result(number, tuner.generate_parameters(number), 1.0)
    assert sampler._search_space._study_id is None


class _Watching(optuna.samplers.RandomSampler):
    """Random, and keeps what it was shown."""

    shown: ClassVar[list[FrozenTrial]] = []

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        _Watching.shown = [other for other in study.trials if other.number != trial.number]
        return {}


def _show(result: Any, mode: OptimizeMode = "maximize", **told: Any) -> FrozenTrial:
    """One result as the sampler sees it."""
    tuner = OptunaTuner(_Watching(), optimize_mode=mode, seed=0)
    tuner.update_search_space(SPACES["layers"])
    parameters = tuner.generate_parameters(0)
    tuner.receive_trial_result(0, parameters, result, **told)
    tuner.generate_parameters(1)
    [trial] = _Watching.shown
    return trial


def test_the_sampler_sees_every_objective_as_one_to_maximize() -> None:
    shown = _show({"acc": 0.5, "ms": 3.0}, {"acc": "maximize", "ms": "minimize"})
    assert shown.values == [0.5, -3.0]


@pytest.mark.skipif(not hasattr(FrozenTrial, "constraints"), reason="Optuna 4 has none")
def test_the_sampler_sees_bounds_as_constraints() -> None:
    mode = {"default": "maximize", "ms": "<= 5", "recall": ">= 0.75"}
    shown = _show({"default": 0.5, "ms": 3.0, "recall": 0.5}, mode)
    assert shown.constraints == {"ms": -2.0, "recall": 0.25}


def test_the_sampler_sees_a_stopped_trial_with_its_steps() -> None:
    shown = _show(0.4, intermediate={0: 0.1, 5: 0.4}, pruned=True)
    assert (shown.state, shown.value) == (TrialState.PRUNED, 0.4)
    assert shown.intermediate_values == {0: 0.1, 5: 0.4}
    assert _show(0.4, "minimize", intermediate={0: 0.1}).intermediate_values == {0: -0.1}


def test_of_several_objectives_a_stopped_trial_counts_as_what_it_reached() -> None:
    """Optuna's samplers compare pruned trials by a direction, of which there must be one."""
    mode = {"acc": "maximize", "ms": "minimize"}
    shown = _show({"acc": 0.4, "ms": 1.0}, mode, intermediate={0: 0.1}, pruned=True)
    assert (shown.state, shown.values) == (TrialState.COMPLETE, [0.4, -1.0])


def test_the_sampler_sees_a_failure_as_such() -> None:
    assert _show(None).state == TrialState.FAIL


def _search(tuner: Tuner, trials: int) -> list[dict[str, Any]]:
    """Seven layers of four candidates; quality and cost both rise with the candidates' indices."""
    tuner.update_search_space(
        {f"edge_{i}": {"_type": "layer_choice", "_value": list("abcd")} for i in range(7)}
    )
    found = []
    for number in range(trials):
        parameters = tuner.generate_parameters(number)
        indices = [entry["_idx"] for entry in parameters.values()]
        quality = float(sum(indices))
        cost = float(sum(index * (place + 1) for place, index in enumerate(indices)))
        found.append({"default": quality, "cost": cost})
        tuner.receive_trial_result(number, parameters, found[-1])
    return found


@pytest.mark.skipif(not hasattr(FrozenTrial, "constraints"), reason="Optuna 4 has none")
@pytest.mark.parametrize(
    ("name", "arguments", "trials"),
    [
        ("tpe", {"n_startup_trials": 10}, 100),
        ("nsga2", {"population_size": 10}, 100),
        ("cmaes", {"popsize": 8}, 200),
    ],
)
def test_bounds_are_kept(name: str, arguments: dict[str, Any], trials: int) -> None:
    """Without them the best are all too costly."""
    late = {}
    for bound in ("<= 35", "<= 1000"):
        mode = {"default": "maximize", "cost": bound}
        found = _search(make_tuner(name, arguments, optimize_mode=mode, seed=1), trials)
        late[bound] = [result["cost"] <= 35 for result in found[-trials // 3 :]]
    assert sum(late["<= 35"]) > sum(late["<= 1000"]) + trials / 10


@pytest.mark.parametrize(
    ("name", "arguments", "trials"),
    [
        ("tpe", {"n_startup_trials": 10}, 100),
        ("nsga2", {"population_size": 16}, 250),
        ("nsga3", {"population_size": 16}, 250),
    ],
)
def test_a_front_is_found(name: str, arguments: dict[str, Any], trials: int) -> None:
    mode = {"default": "maximize", "cost": "minimize"}
    volumes = []
    for tuner in (make_tuner(name, arguments, optimize_mode=mode, seed=1), RandomTuner(seed=1)):
        points = [(r["default"], -r["cost"]) for r in _search(tuner, trials)]
        volumes.append(hypervolume(points, (0.0, -84.0)))
    assert volumes[0] > 1.02 * volumes[1]


def test_cmaes_refuses_several_objectives_at_once() -> None:
    mode = {"acc": "maximize", "ms": "minimize"}
    with pytest.raises(ValueError, match=r"2 objectives, which OptunaTuner\(CmaEsSampler\) does"):
        OptunaTuner(optuna.samplers.CmaEsSampler(), optimize_mode=mode)


def test_subsets_are_written_as_suits_the_sampler() -> None:
    content = {
        "in": {"_type": "input_choice", "_value": {"candidates": list("abcde"), "n_chosen": 2}}
    }
    names = {}
    for sampler in (
        optuna.samplers.TPESampler(),
        optuna.samplers.NSGAIISampler(),
        optuna.samplers.CmaEsSampler(),
        optuna.samplers.BruteForceSampler(),
    ):
        tuner = OptunaTuner(sampler, seed=0)
        tuner.update_search_space(content)
        tuner.receive_trial_result(None, {"in": {"_idx": [0, 3]}}, 1.0)
        names[type(sampler).__name__] = tuner._study.trials[0].params
    assert names == {
        "TPESampler": {"in[0]": "a", "in[1]": "d"},
        "NSGAIISampler": {f"in/{label}": label in "ad" for label in "abcde"},
        "CmaEsSampler": {f"in/{label}": 0.75 if label in "ad" else 0.25 for label in "abcde"},
        "BruteForceSampler": {"in": "{a, d}"},
    }


@pytest.mark.extended
class TestRandomSampler(TunerSuite):
    budget = 40
    learns = False

    def make_tuner(self, space: SearchSpace, **options: Any) -> Tuner:
        return OptunaTuner(optuna.samplers.RandomSampler(), **options)


class TestTPESampler(TunerSuite):
    budget = 40
    learning_budget = 100

    def make_tuner(self, space: SearchSpace, **options: Any) -> Tuner:
        return OptunaTuner(optuna.samplers.TPESampler(n_startup_trials=10), **options)


class TestCmaEsSampler(TunerSuite):
    budget = 40
    learns = False  # it does, but the 72 scores of the landscapes take it thousands of trials
    large_spaces = False

    def make_tuner(self, space: SearchSpace, **options: Any) -> Tuner:
        sampler = optuna.samplers.CmaEsSampler(popsize=6, warn_independent_sampling=False)
        return OptunaTuner(sampler, **options)


class TestNSGAIISampler(TunerSuite):
    budget = 40
    learning_budget = 100

    def make_tuner(self, space: SearchSpace, **options: Any) -> Tuner:
        return OptunaTuner(optuna.samplers.NSGAIISampler(population_size=10), **options)


class TestGPSampler(TunerSuite):
    budget = 7
    learns = False  # it does, but takes minutes
    seconds_for_200 = math.inf  # some minutes too

    def make_tuner(self, space: SearchSpace, **options: Any) -> Tuner:
        sampler = optuna.samplers.GPSampler(n_startup_trials=4, deterministic_objective=True)
        return OptunaTuner(sampler, **options)


class TestBruteForceSampler(TunerSuite):
    budget = 40
    learns = False
    infinite_spaces = False
    large_spaces = False

    def make_tuner(self, space: SearchSpace, **options: Any) -> Tuner:
        return OptunaTuner(optuna.samplers.BruteForceSampler(), **options)


def test_brute_force_of_an_infinite_space_names_what_is_infinite() -> None:
    space = {
        "op": {"_type": "layer_choice", "_value": ["a", "b"]},
        "lr": {"_type": "loguniform", "_value": [0.1, 1.0]},
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        tuner = OptunaTuner(optuna.samplers.BruteForceSampler(), seed=0)
    with pytest.raises(TunerError, match="'lr' has infinitely many values: make it a grid"):
        tuner.update_search_space(space)


def test_cmaes_without_its_package_is_refused_at_once() -> None:
    """Not after the first trials, which CmaEsSampler draws at random, have been trained."""
    script = """
import importlib.util, optuna
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "cmaes" else find(name, *rest)
from nas_tuners import OptunaTuner
OptunaTuner(optuna.samplers.CmaEsSampler())
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "ValueError: CmaEsSampler needs the package cmaes: pip install cmaes" in done.stderr

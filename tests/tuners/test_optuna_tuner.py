"""Optuna's samplers keep the rules as tuners."""

from __future__ import annotations

from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution

from nas_tuners.contract.search_space import SearchSpace
from nas_tuners.testing import TunerSuite
from nas_tuners.testing._spaces import SPACES
from nas_tuners.tuners._base import Tuner
from nas_tuners.tuners._optuna_tuner import OptunaTuner

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


class TestRandomSampler(TunerSuite):
    budget = 40

    def make_tuner(self, space: SearchSpace, **options: Any) -> Tuner:
        return OptunaTuner(optuna.samplers.RandomSampler(), **options)


class TestTPESampler(TunerSuite):
    budget = 40

    def make_tuner(self, space: SearchSpace, **options: Any) -> Tuner:
        return OptunaTuner(optuna.samplers.TPESampler(n_startup_trials=10), **options)


class TestCmaEsSampler(TunerSuite):
    budget = 40

    def make_tuner(self, space: SearchSpace, **options: Any) -> Tuner:
        sampler = optuna.samplers.CmaEsSampler(popsize=6, warn_independent_sampling=False)
        return OptunaTuner(sampler, **options)


class TestNSGAIISampler(TunerSuite):
    budget = 40

    def make_tuner(self, space: SearchSpace, **options: Any) -> Tuner:
        return OptunaTuner(optuna.samplers.NSGAIISampler(population_size=10), **options)


class TestGPSampler(TunerSuite):
    budget = 10

    def make_tuner(self, space: SearchSpace, **options: Any) -> Tuner:
        sampler = optuna.samplers.GPSampler(n_startup_trials=5, deterministic_objective=True)
        return OptunaTuner(sampler, **options)


class TestBruteForceSampler(TunerSuite):
    budget = 40
    infinite_spaces = False

    def make_tuner(self, space: SearchSpace, **options: Any) -> Tuner:
        return OptunaTuner(optuna.samplers.BruteForceSampler(), **options)

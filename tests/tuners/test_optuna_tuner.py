"""Optuna's samplers keep the rules as tuners."""

from __future__ import annotations

from typing import Any

import optuna
import pytest

from nas_tuners.contract.search_space import SearchSpace
from nas_tuners.testing import TunerSuite
from nas_tuners.tuners._base import Tuner
from nas_tuners.tuners._optuna_tuner import OptunaTuner

# Optuna calls some of its samplers experimental.
pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


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

"""Every tuner keeps the rules."""

from __future__ import annotations

from random import Random
from typing import Any

from nas_tuners.contract.architecture import to_architecture
from nas_tuners.contract.search_space import SearchSpace
from nas_tuners.testing import TunerSuite
from nas_tuners.tuners._base import Tuner
from nas_tuners.tuners._batch import BatchTuner
from nas_tuners.tuners._grid_search import GridSearchTuner
from nas_tuners.tuners._random import RandomTuner
from nas_tuners.tuners._regularized_evolution import RegularizedEvolutionTuner


class TestRandomTuner(TunerSuite):
    learns = False
    constant_cost = True

    def make_tuner(self, space: SearchSpace, **options: Any) -> Tuner:
        return RandomTuner(**options)


class TestGridSearchTuner(TunerSuite):
    seeded = False
    learns = False
    constant_cost = True

    def make_tuner(self, space: SearchSpace, **options: Any) -> Tuner:
        return GridSearchTuner(**options)


class TestBatchTuner(TunerSuite):
    seeded = False
    learns = False

    def make_tuner(self, space: SearchSpace, **options: Any) -> Tuner:
        if isinstance(space.size, int) and space.size < 10_000:
            vectors = list(space.enumerate())
            Random(0).shuffle(vectors)
        else:
            rng = Random(0)
            vectors = [space.sample(rng) for _ in range(500)]
        return BatchTuner([to_architecture(space, vector) for vector in vectors], **options)


class TestRegularizedEvolutionTuner(TunerSuite):
    constant_cost = True

    def make_tuner(self, space: SearchSpace, **options: Any) -> Tuner:
        return RegularizedEvolutionTuner(population_size=20, sample_size=5, **options)

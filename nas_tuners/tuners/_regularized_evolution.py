"""Regularized evolution."""

from __future__ import annotations

from collections import deque
from random import Random
from typing import final

from nas_tuners.contract.search_space import IndexVector

from ._base import Ask, OptimizeMode, Result, Tuner
from ._encoding import crossover, mutate
from ._options import require_numbers, require_whole

_CHILDREN = 20  # that may turn out to be known, before something new is drawn at random


@final
class RegularizedEvolutionTuner(Tuner):
    """Evolution in which the oldest dies, not the worst.

    Real, Aggarwal, Huang, Le: Regularized Evolution for Image Classifier Architecture Search, AAAI
    2019 (https://arxiv.org/abs/1802.01548), algorithm 1: the population starts at random (lines
    3-8); then the best of a sample, drawn without replacement (lines 10-15), is mutated (line 16);
    the child joins the population and the oldest member leaves (lines 18-20). A mutation changes
    exactly one decision and always changes it.

    The population is the last ``population_size`` results that succeeded, in the order in which
    they finished, so any number of trials may run at once. Pending trials count towards the start:
    no more than ``population_size`` are drawn at random, unless some fail. A child that has been
    evaluated or is pending is dropped and another pair of parents tried. Asking costs O(number of
    decisions + sample_size + pending trials), telling O(1).

    Args:
        population_size: P of the paper. Its 100 leaves little to evolve in the 50 to 400 trials
            that people can pay for.
        sample_size: S of the paper, the size of the tournament.
        crossover_probability: How often a child mixes the winners of two tournaments, decision by
            decision, in place of a mutation. The paper has none.
        optimize_mode: See :class:`Tuner`.
        seed: See :class:`Tuner`.
        dedup: See :class:`Tuner`.

    Example::

        tuner = RegularizedEvolutionTuner(population_size=100, sample_size=25, seed=0)
    """

    _attempts = 1  # known children are dropped here, before they are checked

    def __init__(
        self,
        *,
        population_size: int = 20,
        sample_size: int = 10,
        crossover_probability: float = 0.0,
        optimize_mode: OptimizeMode = "maximize",
        seed: int | None = None,
        dedup: bool = True,
    ) -> None:
        super().__init__(optimize_mode=optimize_mode, seed=seed, dedup=dedup)
        require_whole(population_size=population_size, sample_size=sample_size)
        require_numbers(crossover_probability=crossover_probability)
        if not 1 <= sample_size <= population_size:
            raise ValueError(
                "`1 <= sample_size <= population_size` must hold, but got "
                f"(sample_size={sample_size}, population_size={population_size})."
            )
        if not 0 <= crossover_probability <= 1:
            raise ValueError(
                "`0 <= crossover_probability <= 1` must hold, but got "
                f"(crossover_probability={crossover_probability})."
            )
        self.population_size = population_size
        self.sample_size = sample_size
        self.crossover_probability = crossover_probability
        self._population: deque[tuple[tuple[float, ...], IndexVector]] = deque(
            maxlen=population_size
        )

    def _propose(self, ask: Ask) -> IndexVector:
        started = len(self._population) + ask.running
        if started < self.population_size or not self._population:
            return self.space.sample(ask.rng)
        pending = set(ask.pending.values())
        for _ in range(_CHILDREN):
            child = self._child(ask.rng)
            if not self.dedup or (child not in self._evaluated and child not in pending):
                break
        return child

    def _learn(self, result: Result) -> None:
        if result.merit is not None:
            self._population.append((result.merit, result.vector))

    def _child(self, rng: Random) -> IndexVector:
        if self.crossover_probability and rng.random() < self.crossover_probability:
            return crossover(self.space, self._winner(rng), self._winner(rng), rng)
        return mutate(self.space, self._winner(rng), rng)

    def _winner(self, rng: Random) -> IndexVector:
        """The best of a sample; of equals, the first drawn."""
        size = min(self.sample_size, len(self._population))
        members = rng.sample(range(len(self._population)), size)
        best = max(members, key=lambda member: self._population[member][0])
        return self._population[best][1]

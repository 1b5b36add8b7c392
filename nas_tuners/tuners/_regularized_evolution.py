"""Regularized evolution."""

from __future__ import annotations

from collections import deque
from typing import final

from nas_tuners.contract.search_space import IndexVector

from ._base import Ask, OptimizeMode, Result, Tuner
from ._encoding import mutate


@final
class RegularizedEvolutionTuner(Tuner):
    """Evolution in which the oldest dies, not the worst.

    Real, Aggarwal, Huang, Le: Regularized Evolution for Image Classifier Architecture Search, AAAI
    2019 (https://arxiv.org/abs/1802.01548), algorithm 1: the population starts at random; then the
    best of a sample, drawn without replacement, is mutated; the child joins the population and the
    oldest member leaves. A mutation changes exactly one decision and always changes it.

    The population is the last ``population_size`` results that succeeded, in the order in which
    they finished, so any number of trials may run at once and failed ones are replaced. Asking
    costs O(number of decisions + sample_size), telling O(1).

    Args:
        population_size: P of the paper. Its 100 leaves little to evolve in the 50 to 400 trials
            that people can pay for.
        sample_size: S of the paper, the size of the tournament.
        optimize_mode: See :class:`Tuner`.
        seed: See :class:`Tuner`.
        dedup: See :class:`Tuner`.

    Example::

        tuner = RegularizedEvolutionTuner(population_size=20, sample_size=5, seed=0)
    """

    def __init__(
        self,
        *,
        population_size: int = 50,
        sample_size: int = 10,
        optimize_mode: OptimizeMode = "maximize",
        seed: int | None = None,
        dedup: bool = True,
    ) -> None:
        super().__init__(optimize_mode=optimize_mode, seed=seed, dedup=dedup)
        if not 1 <= sample_size <= population_size:
            raise ValueError(
                "`1 <= sample_size <= population_size` must hold, but got "
                f"(sample_size={sample_size}, population_size={population_size})."
            )
        self.population_size = population_size
        self.sample_size = sample_size
        self._population: deque[tuple[float, IndexVector]] = deque(maxlen=population_size)

    def _propose(self, ask: Ask) -> IndexVector:
        started = len(self._population) + len(ask.pending)
        if started < self.population_size or not self._population:
            return self.space.sample(ask.rng)
        size = min(self.sample_size, len(self._population))
        members = ask.rng.sample(range(len(self._population)), size)
        best = max(members, key=lambda member: self._population[member][0])
        return mutate(self.space, self._population[best][1], ask.rng)

    def _learn(self, result: Result) -> None:
        if result.score is not None:
            self._population.append((result.score, result.vector))

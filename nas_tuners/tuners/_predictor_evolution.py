"""Evolution whose children are chosen by a cheap predictor."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from random import Random
from typing import final

import numpy as np

from nas_tuners.contract.search_space import IndexVector, SearchSpace

from ._acceptance import first_accepted
from ._base import Ask, OptimizeMode, Result, Tuner
from ._encoding import crossover, mutate
from ._features import Array
from ._linear_ensemble import MEMBERS, EnsembleFitter, LinearEnsemble
from ._options import require_positive
from ._random_features import RandomFeatures, Rows
from ._spos_evolution import Ranked, update_best
from ._targets import (
    Scores,
    excess_of,
    failures,
    final_scores,
    from_elsewhere,
    gaussian_ranks,
    signed_scale,
)

_PARENTS = 10  # of a generation
_GENERATIONS = 4
_CHILDREN = 30  # of a generation
_DRAWN = 10  # at random, in the first generation
_CROSSOVER = 0.3  # how often a child has two parents
_PRIOR_WEIGHT = 0.5  # of scores from elsewhere, before there are results

_Merit = tuple[float, float]
_Transform = Callable[[Array], Array]
_Judge = Callable[[Sequence[IndexVector]], list[_Merit]]


@final
class PredictorEvolutionTuner(Tuner):
    """Evolution inside a cheap model of the results, of which only the best child is tried.

    Take it for thousands of trials, large batches, or hundreds of keys. The plan is that of
    White, Neiswanger, Savani, BANANAS, AAAI 2021 (https://arxiv.org/abs/1910.11858) and of Wei et
    al., NPENAS, 2022 (https://arxiv.org/abs/2003.12857): mutate the best, let an ensemble choose
    among the children. Here the ensemble has 32 linear models of single effects and random
    features, and each is a draw from the posterior (Lu, Van Roy, Ensemble Sampling, 2017,
    https://arxiv.org/abs/1705.07347). A suggestion takes one member at random and evolves the ten
    best results for four generations of thirty children towards what it believes (Thompson
    sampling). So a batch spreads out without knowing of each other.

    The models see the normal scores of the ranks of the results, so neither heavy tails nor units
    matter. Noise and share of interactions are decided by the marginal likelihood. All is fitted
    anew whenever the results have grown by 1 or 2 %, to at most 2,000 of them: the best half, the
    rest evenly. So the targets are always today's ranks.

    Each bound has an ensemble of its own, and a child that a member believes beyond one ranks
    below all others (Eriksson, Poloczek, SCBO, AISTATS 2021). Not to fail is one more bound.
    Pruned trials count as noisy estimates of what they would have reached. Scores given to
    :meth:`warm_start` are learned by an ensemble, whose prediction is a feature with a learned
    weight, 1/2 a priori.

    Cost: some milliseconds a suggestion, at 10,000 results as at 200; a fit, which one in fifty to
    a hundred suggestions waits for, takes a tenth of a second, or half a second with 500 keys.

    Args:
        n_startup_trials: Architectures drawn at random before the ensemble is asked.
        optimize_mode: See :class:`Tuner`; bounds are handled.
        seed: See :class:`Tuner`.
        dedup: See :class:`Tuner`.

    Example::

        tuner = PredictorEvolutionTuner(seed=0)
        batch = tuner.generate_multiple_parameters(range(50))
    """

    uses_scores = True
    _attempts = 1  # known children are dropped here
    _refusable = 20  # an evolution each

    def __init__(
        self,
        *,
        n_startup_trials: int = 10,
        optimize_mode: OptimizeMode = "maximize",
        seed: int | None = None,
        dedup: bool = True,
    ) -> None:
        super().__init__(optimize_mode=optimize_mode, seed=seed, dedup=dedup)
        require_positive(n_startup_trials=n_startup_trials)
        self.n_startup_trials = n_startup_trials
        self._results: list[Result] = []
        self._history: list[Result] = []  # with the failed ones
        self._best: list[Ranked] = []
        self._measured: dict[str, list[Result]] = {}  # bound -> results that have its metric
        self._known_scores: list[Result] = []

    def _prepare(self, space: SearchSpace) -> None:
        self._features = RandomFeatures(space, Random(f"{self.seed}:features"))
        self._objective = self._fitter("learn", final_scores, gaussian_ranks)
        self._elsewhere = self._fitter("scores", final_scores, gaussian_ranks)
        self._failures = self._fitter("failures", failures, signed_scale)
        self._bounds: dict[str, EnsembleFitter] = {}

    def _fitter(
        self, name: str, read: Callable[[Sequence[Result]], Scores], transform: _Transform
    ) -> EnsembleFitter:
        return EnsembleFitter(self._features, read, transform, f"{self.seed}:{name}")

    def _warm_start(self, scores: Sequence[tuple[IndexVector, float]]) -> None:
        self._known_scores += from_elsewhere(scores)
        self._objective.forget()

    def _learn(self, result: Result) -> None:
        self._history.append(result)
        if result.merit is None:
            return
        self._results.append(result)
        self._best = update_best(self._best, (result.merit, result.vector), _PARENTS)
        for name in result.excess:
            self._measured.setdefault(name, []).append(result)
            if name not in self._bounds:
                read = partial(excess_of, name=name)
                self._bounds[name] = self._fitter(f"bound {name}", read, signed_scale)

    def _propose(self, ask: Ask) -> IndexVector:
        started = len(self._history) + ask.running
        if self._results and started >= self.n_startup_trials:
            parents = [vector for _, vector in self._best]
            return self._evolve(parents, self._judge(ask.rng), ask)
        if self._known_scores and started % 2 == 0:
            drawn = [self.space.sample(ask.rng) for _ in range(_CHILDREN)]
            return self._evolve(drawn, self._judge_by_scores, ask)
        return self.space.sample(ask.rng)

    # ---- evolution ------------------------------------------------------------------------------

    def _evolve(self, parents: Sequence[IndexVector], judge: _Judge, ask: Ask) -> IndexVector:
        """The best of all generations that is new and accepted; a random one if none is."""
        tried = set(ask.pending.values())
        merits: dict[IndexVector, _Merit] = {}
        drawn = [self.space.sample(ask.rng) for _ in range(_DRAWN)]
        for _ in range(_GENERATIONS):
            children = [self._child(parents, ask.rng) for _ in range(_CHILDREN)]
            new = [v for v in dict.fromkeys([*children, *drawn]) if v not in merits]
            if self.dedup:
                new = [v for v in new if v not in self._evaluated and v not in tried]
            merits.update(zip(new, judge(new), strict=True))
            ranked = sorted(merits, key=merits.__getitem__, reverse=True)
            found = [*first_accepted(ranked, ask.accepts, _PARENTS)]
            parents = found or parents
            drawn = []
        return found[0] if found else self.space.sample(ask.rng)

    def _child(self, parents: Sequence[IndexVector], rng: Random) -> IndexVector:
        """Of two parents, or of one with one or two changes."""
        if len(parents) > 1 and rng.random() < _CROSSOVER:
            first, second = rng.sample(parents, 2)
            child = crossover(self.space, first, second, rng)
        else:
            child = mutate(self.space, rng.choice(parents), rng)
        return mutate(self.space, child, rng) if rng.random() < 1 / 3 else child

    # ---- the predictor --------------------------------------------------------------------------

    def _judge(self, rng: Random) -> _Judge:
        """What one member of each ensemble believes of architectures, comparable as merits."""
        member = rng.randrange(MEMBERS)
        complete = self._with_scores if self._known_scores else None
        objective = self._objective.fit(self._results, complete)
        bounds = [*self._ensembles_of_bounds()]

        def judge(vectors: Sequence[IndexVector]) -> list[_Merit]:
            rows = self._features.rows(vectors)
            beyond = np.zeros(len(vectors))
            for bound in bounds:
                beyond += np.maximum(bound.predict(rows, member), 0.0)
            belief = objective.predict(complete(rows) if complete else rows, member)
            return [*zip(-beyond, belief, strict=True)]

        return judge

    def _ensembles_of_bounds(self) -> Iterator[LinearEnsemble]:
        for name, fitter in self._bounds.items():
            yield fitter.fit(self._measured[name])
        if len(self._history) > len(self._results):
            yield self._failures.fit(self._history)

    def _judge_by_scores(self, vectors: Sequence[IndexVector]) -> list[_Merit]:
        expected = self._elsewhere.fit(self._known_scores).mean(self._features.rows(vectors))
        return [(0.0, float(score)) for score in expected]

    def _with_scores(self, rows: Rows) -> Rows:
        """With the prediction of scores from elsewhere, at the size of its expected effect."""
        expected = self._elsewhere.fit(self._known_scores).mean(rows)
        return rows.with_common(_PRIOR_WEIGHT * expected)

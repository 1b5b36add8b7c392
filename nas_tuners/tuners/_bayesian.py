"""Bayesian optimization made for architectures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from random import Random
from typing import final

import numpy as np

from nas_tuners.contract.domains import Categorical, Entry
from nas_tuners.contract.search_space import IndexVector, SearchSpace

from ._acquisition import (
    chebyshev,
    log_expected_improvement,
    log_probability_below,
)
from ._base import Ask, OptimizeMode, Result, Tuner
from ._features import Array, Features
from ._gaussian_process import Posterior
from ._maximization import maximize
from ._options import require_positive
from ._surrogate import Model, Prior, Surrogate
from ._targets import (
    excess_of,
    failures,
    final_scores,
    from_elsewhere,
    gaussian_ranks,
    signed_scale,
)
from ._unseen import draw_unseen

_INCUMBENTS = 6  # whose neighbours are candidates
_SAMPLES = 64  # of several objectives
_DOUBT = 1.7  # times too small are deviations, the parameters of the kernel being uncertain too

_OfFeatures = Callable[[Array], Array]


@final
class BayesianTuner(Tuner):
    """Bayesian optimization with a Gaussian process made for architectures.

    Take it when a trial costs minutes or more and 20 to some thousand trials are affordable.

    The surrogate: a Gaussian process whose kernel adds up effects of single decisions,
    interactions (exponential Hamming with learned relevance; symmetric differences of subsets) and
    a bag of operations (how often each candidate stands anywhere); see
    :class:`~nas_tuners.tuners._kernel.ArchitectureKernel`. It sees the normal scores of the ranks
    of the results, so neither heavy tails nor outliers nor units matter. Its parameters have
    maximum posterior density, fitted anew whenever the results have grown by a tenth.

    The acquisition: the logarithm of expected improvement over the best result, times the
    chances that the trial succeeds and that every bound holds, each from a process of its own. Up
    to 2,000 architectures it is ranked over all; in larger spaces it is climbed from neighbours of
    the best, from changes of two decisions, and from random draws. Pending trials count as results
    at their expected value (kriging believer: Ginsbourger, Le Riche, Carraro, 2010), so a batch
    spreads out. With several objectives each has a process, and the improvement is that of a
    randomly weighted Chebyshev function (Knowles, ParEGO, 2006).

    Pruned trials count as noisy estimates of what they would have reached (see
    :func:`~nas_tuners.tuners._targets.final_scores`). Scores given to :meth:`warm_start` enter as
    a second process whose mean is a feature with a learned weight, 1/2 a priori.

    Cost: milliseconds with one BLAS thread, which experiments take by themselves; elsewhere set
    ``OPENBLAS_NUM_THREADS=1`` before Python starts, as more slow small matrices down. Exact up
    to 400 results, O(n^2 * candidates); beyond, the process sees the better 200 and 200 evenly
    spread over the rest, so that a suggestion costs the same at 10,000.

    Args:
        n_startup_trials: Architectures tried before the surrogate is asked, in which every
            alternative is tried equally often.
        optimize_mode: See :class:`Tuner`; several objectives and bounds are handled.
        seed: See :class:`Tuner`.
        dedup: See :class:`Tuner`.

    Example::

        tuner = BayesianTuner(seed=0)
        study = optuna.create_study(direction="maximize", sampler=TunerSampler(tuner, space))
    """

    multi_objective = True
    uses_scores = True
    _refusable = 20  # an acquisition each

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
        self._known_scores: list[Result] = []
        self._prior: Prior | None = None

    def _prepare(self, space: SearchSpace) -> None:
        self._features = Features(space)
        self._objectives = self._new_objectives()
        self._elsewhere = Surrogate(self._features, final_scores, gaussian_ranks)
        self._failures = Surrogate(self._features, failures, signed_scale)
        self._bounds: dict[str, Surrogate] = {}

    def _new_objectives(self) -> list[Surrogate]:
        return [
            Surrogate(self._features, partial(final_scores, objective=index), gaussian_ranks)
            for index in range(len(self.goals.objectives))
        ]

    def _warm_start(self, scores: Sequence[tuple[IndexVector, float]]) -> None:
        self._known_scores += from_elsewhere(scores)
        if self._known_scores:
            self._prior = self._elsewhere.model(self._known_scores).mean
            self._objectives = self._new_objectives()  # what was fitted without them is void

    def _learn(self, result: Result) -> None:
        self._history.append(result)
        if result.score is None:
            return
        self._results.append(result)
        for name in result.excess:
            if name not in self._bounds:
                read = partial(excess_of, name=name)
                self._bounds[name] = Surrogate(self._features, read, signed_scale)

    def _propose(self, ask: Ask) -> IndexVector:
        started = len(self._history) + ask.running
        if self._results and started >= self.n_startup_trials:
            targets, weights = self._targets(), self._weights(ask.rng)
            acquisition = self._acquisition(ask, targets, weights)
            return self._best(acquisition, self._incumbents(targets, weights), ask)
        if self._prior is not None and started % 2 == 0:
            by_score = sorted(self._known_scores, key=_score, reverse=True)
            return self._best(self._prior, [known.vector for known in by_score[:_INCUMBENTS]], ask)
        return self._balanced(ask)

    def _balanced(self, ask: Ask) -> IndexVector:
        """Of every choice one of the alternatives that were tried least."""
        tried = [*(result.vector for result in self._history), *ask.pending.values()]
        entries: list[Entry] = []
        for position, decision in enumerate(self.space.decisions):
            entry = decision.domain.sample(ask.rng)
            if isinstance(decision.domain, Categorical) and decision.domain.size > 1:
                entry = _rarest([vector[position] for vector in tried], decision.domain, ask.rng)
            entries.append(entry)
        return self.space.canonical(entries)

    def _best(
        self, acquisition: _OfFeatures, incumbents: Sequence[IndexVector], ask: Ask
    ) -> IndexVector:
        known = {*ask.pending.values()}
        if self.dedup:
            known |= self._evaluated
        found = maximize(
            lambda vectors: acquisition(self._features.encode(vectors)),
            self.space,
            incumbents,
            known,
            ask.rng,
            ask.accepts,
        )
        if found is not None:
            return found
        if not self.dedup:
            return self.space.sample(ask.rng)
        return draw_unseen(self.space, ask.rng, known, set())

    # ---- the acquisition ------------------------------------------------------------------------

    def _targets(self) -> Array:
        """The results as the processes see them: (n, objectives)."""
        targets = [surrogate.targets(self._results) for surrogate in self._objectives]
        return np.stack(targets, axis=-1)

    def _weights(self, rng: Random) -> Array:
        """How much each objective counts this time: uniform on the simplex."""
        if len(self._objectives) == 1:
            return np.ones(1)
        drawn = np.array([rng.expovariate(1.0) for _ in self._objectives])
        weights: Array = drawn / drawn.sum()
        return weights

    def _incumbents(self, targets: Array, weights: Array) -> list[IndexVector]:
        """The best results, those that keep all bounds first."""
        worth = chebyshev(targets - targets.max(axis=0), weights)
        violation = np.array([result.violation for result in self._results])
        best = np.lexsort((-worth, violation))[:_INCUMBENTS]
        return [self._results[index].vector for index in best]

    def _acquisition(self, ask: Ask, targets: Array, weights: Array) -> _OfFeatures:
        pending = self._features.encode([ask.pending[number] for number in sorted(ask.pending)])
        models = [
            surrogate.model(self._results, pending=pending, prior=prior)
            for surrogate, prior in zip(self._objectives, self._priors(), strict=True)
        ]
        terms = [*self._chances()]
        feasible = np.array([result.violation <= 0 for result in self._results])
        if feasible.any():
            compared = targets[feasible]
            terms.append(
                _improvement(models[0], float(compared.max()))
                if len(models) == 1
                else _improvement_of_several(models, compared, weights, ask.rng)
            )
        return lambda features: np.sum([term(features) for term in terms], axis=0)

    def _priors(self) -> list[Prior | None]:
        """Scores from elsewhere are about the first objective."""
        return [self._prior, *(None for _ in self._objectives[1:])]

    def _chances(self) -> Iterator[_OfFeatures]:
        """The logarithms of the chances that bounds hold and that the trial succeeds."""
        for name, surrogate in self._bounds.items():
            measured = [result for result in self._results if name in result.excess]
            yield partial(_holds, surrogate.model(measured))
        if len(self._history) > len(self._results):
            yield partial(_holds, self._failures.model(self._history))


def _holds(model: Model, features: Array) -> Array:
    return log_probability_below(*model.posterior(features), 0.0)


def _improvement(model: Model, best: float) -> _OfFeatures:
    def improvement(features: Array) -> Array:
        mean, deviation = model.posterior(features)
        return log_expected_improvement(mean, _DOUBT * deviation, best)

    return improvement


def _improvement_of_several(
    models: Sequence[Model], compared: Array, weights: Array, rng: Random
) -> _OfFeatures:
    """Improvement of a weighted Chebyshev function.

    Its distribution is that of samples from the processes, taken as normal.
    """
    normal = np.array([[rng.gauss(0.0, 1.0) for _ in models] for _ in range(_SAMPLES)])
    ideal = compared.max(axis=0)
    best = float(chebyshev(compared - ideal, weights).max())

    def improvement(features: Array) -> Array:
        mean, deviation = _stacked([model.posterior(features) for model in models])
        drawn = mean[None] + _DOUBT * deviation[None] * normal[:, None]
        scores = chebyshev(drawn - ideal, weights)
        return log_expected_improvement(scores.mean(axis=0), scores.std(axis=0) + 1e-6, best)

    return improvement


def _stacked(posteriors: Sequence[Posterior]) -> tuple[Array, Array]:
    """Means and deviations: (n, objectives) each."""
    means = np.stack([posterior.mean for posterior in posteriors], axis=-1)
    return means, np.stack([posterior.deviation for posterior in posteriors], axis=-1)


def _score(result: Result) -> float:
    assert result.score is not None, "failed trials are kept apart"
    return result.score


def _rarest(entries: Sequence[Entry | None], domain: Categorical, rng: Random) -> int:
    counts = [0] * domain.size
    for entry in entries:
        if entry is not None:
            counts[int(entry)] += 1
    least = min(counts)
    return rng.choice([index for index, count in enumerate(counts) if count == least])

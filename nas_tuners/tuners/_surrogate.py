"""A model of one metric: which results it sees, when it is fitted, what it then predicts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Union, final

import numpy as np

from ._exchange import Result
from ._features import Array, Features
from ._gaussian_process import GaussianProcess, Posterior, fit_parameters
from ._kernel import ArchitectureKernel
from ._targets import Scores, representatives

_EXACT = 400  # results that the process is conditioned on
_FITTED = 200  # results that its parameters are fitted to
_GROWTH = 10  # a fit lasts until the results have grown by one part in so many
_PRIOR_WEIGHT = 0.5  # of scores from elsewhere; the kernel holds the variance of the weight

Prior = Callable[[Array], Array]


@final
class Model:
    """A process conditioned on results.

    Args:
        process: The process of what the prior leaves over.
        kernel: Its kernel.
        prior: Scores from elsewhere, of encoded architectures.
    """

    def __init__(
        self, process: GaussianProcess, kernel: ArchitectureKernel, prior: Union[Prior, None]
    ) -> None:
        self._process, self._kernel, self._prior = process, kernel, prior

    def posterior(self, features: Array) -> Posterior:
        """The metric of encoded architectures, on the scale of the targets."""
        scores = None if self._prior is None else self._prior(features)
        found = self._process.posterior(self._kernel.rows(features, scores))
        if scores is None:
            return found
        return Posterior(found.mean + _PRIOR_WEIGHT * scores, found.deviation)

    def mean(self, features: Array) -> Array:
        """The mean of :meth:`posterior` alone, which is cheaper."""
        scores = None if self._prior is None else self._prior(features)
        mean = self._process.mean(self._kernel.rows(features, scores))
        return mean if scores is None else mean + _PRIOR_WEIGHT * scores


@final
class Surrogate:
    """Models one metric of the results.

    What it predicts is a function of the results in their order: the parameters of the kernel are
    those fitted to the first k results, where k is the last of 1, 2, ... growing by a tenth, that
    is not beyond their number.

    Args:
        features: Of the search space.
        read: Takes the metric out of results.
        transform: Brings it to about zero mean and unit variance.
    """

    def __init__(
        self,
        features: Features,
        read: Callable[[Sequence[Result]], Scores],
        transform: Callable[[Array], Array],
    ) -> None:
        self._features, self._read, self._transform = features, read, transform
        self._kernel = ArchitectureKernel(features)
        self._fit: tuple[int, Array] = (0, self._kernel.prior_mean)

    def model(
        self,
        results: Sequence[Result],
        *,
        pending: Array | None = None,
        prior: Prior | None = None,
    ) -> Model:
        """The metric given results; pending architectures count at their expected value."""
        self._refit(results, prior)
        features, targets, extra = self._observe(results, _EXACT)
        model = self._condition(features, targets, extra, prior)
        if pending is None or not len(pending):
            return model
        expected = model.mean(pending)
        return self._condition(
            np.concatenate([features, pending]),
            np.concatenate([targets, expected]),
            np.concatenate([extra, np.zeros(len(pending))]),
            prior,
        )

    def targets(self, results: Sequence[Result]) -> Array:
        """What the process is given of the results: their metric, transformed."""
        return self._transform(self._read(results).values)

    def _condition(
        self, features: Array, targets: Array, extra: Array, prior: Prior | None
    ) -> Model:
        scores = None if prior is None else prior(features)
        rows = self._kernel.rows(features, scores)
        left = targets if scores is None else targets - _PRIOR_WEIGHT * scores
        process = GaussianProcess(self._kernel, self._fit[1], rows, left, extra)
        return Model(process, self._kernel, prior)

    def _refit(self, results: Sequence[Result], prior: Prior | None) -> None:
        size = _last_fit(len(results))
        if self._fit[0] == size:
            return
        features, targets, extra = self._observe(results[:size], _FITTED)
        scores = None if prior is None else prior(features)
        left = targets if scores is None else targets - _PRIOR_WEIGHT * scores
        rows = self._kernel.rows(features, scores)
        self._fit = (size, fit_parameters(self._kernel, rows, left, extra))

    def _observe(self, results: Sequence[Result], limit: int) -> tuple[Array, Array, Array]:
        values, extra = self._read(results)
        kept = representatives(values, limit)
        vectors = [results[index].vector for index in kept]
        return self._features.encode(vectors), self._transform(values)[kept], extra[kept]


def _last_fit(results: int) -> int:
    size = 1
    while (following := size + max(1, size // _GROWTH)) <= results:
        size = following
    return size

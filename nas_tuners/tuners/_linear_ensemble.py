"""An ensemble of linear models, each of which is a draw from the posterior.

Of targets y = X w + e with w ~ N(m, s^2 I) and e ~ N(0, r s^2 I) the posterior of w has the mean
m + (X'X + r I)^-1 X'(y - X m) and the covariance r s^2 (X'X + r I)^-1 (Bishop, Pattern Recognition
and Machine Learning, 2006, equations 3.50 and 3.51).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, final

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from ._exchange import Result
from ._features import Array
from ._random_features import RandomFeatures, Rows
from ._targets import Scores, representatives

MEMBERS = 32
_LEARNED = 2_000  # results that the weights are fitted to
_JUDGED = 200  # results whose likelihood decides on the hyper-parameters
_EACH = 50  # a fit lacks at most the last one in so many results
_SHARES = (0.03, 0.1, 0.3, 0.6)  # of the variance, due to what is mixed
_NOISES = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)  # r
_USUAL_NOISE = 0.1  # what the variance of an estimate in place of a result is compared with

Complete = Callable[[Rows], Rows]


class Parameters(NamedTuple):
    """What the marginal likelihood decides."""

    share: float
    noise: float
    scale: float


@final
class LinearEnsemble:
    """Members that predict one metric of any architecture.

    Args:
        parameters: Of the prior.
        weights: The posterior mean, then one column a member.
    """

    def __init__(self, parameters: Parameters, weights: Array) -> None:
        self._share, self._weights = parameters.share, weights

    def mean(self, rows: Rows) -> Array:
        """The posterior mean."""
        mean: Array = rows.weighted(self._share) @ self._weights[:, 0]
        return mean

    def predict(self, rows: Rows, member: int) -> Array:
        """What one of :data:`MEMBERS` members believes."""
        belief: Array = rows.weighted(self._share) @ self._weights[:, 1 + member]
        return belief


@final
class EnsembleFitter:
    """Fits ensembles to one metric of the results, anew each time they have grown by 1 or 2 %.

    An ensemble is a function of the results in their order: it is fitted to the first k, where k
    is the last multiple of a power of two that grows with their number. Nothing is carried over
    from one fit to the next, so targets may be ranks, which change with every result.

    Args:
        features: Of the search space.
        read: Takes the metric out of results.
        transform: Brings it to about zero mean and unit variance.
        seed: Of the draws.
    """

    def __init__(
        self,
        features: RandomFeatures,
        read: Callable[[Sequence[Result]], Scores],
        transform: Callable[[Array], Array],
        seed: str,
    ) -> None:
        self._features, self._read, self._transform, self._seed = features, read, transform, seed
        self._fitted: tuple[int, LinearEnsemble] | None = None

    def forget(self) -> None:
        """Fit anew the next time."""
        self._fitted = None

    def fit(self, results: Sequence[Result], complete: Complete | None = None) -> LinearEnsemble:
        """The ensemble of at least one result; ``complete`` adds common columns to rows."""
        size = last_fit(len(results))
        if self._fitted is None or self._fitted[0] != size:
            self._fitted = (size, self._fit(results[:size], complete))
        return self._fitted[1]

    def _fit(self, results: Sequence[Result], complete: Complete | None) -> LinearEnsemble:
        rows, targets = self._observe(results, complete)
        prior_mean = _prior_mean(rows)
        judged = representatives(targets, _JUDGED)
        few = Rows(*(columns[judged] for columns in rows))
        left = targets[judged] - few.weighted(0.0) @ prior_mean
        parameters = fit_parameters(few, left)
        design = rows.weighted(parameters.share)
        rng = np.random.default_rng([*f"{self._seed}:{len(results)}".encode()])
        weights = draw_weights(design, targets, parameters, prior_mean, MEMBERS, rng)
        return LinearEnsemble(parameters, weights)

    def _observe(self, results: Sequence[Result], complete: Complete | None) -> tuple[Rows, Array]:
        """Rows and targets; both are small where a target is an estimate, as it is noisier."""
        values, extra_noise = self._read(results)
        kept = representatives(values, _LEARNED)
        rows = self._features.rows([results[index].vector for index in kept])
        if complete is not None:
            rows = complete(rows)
        precision = 1.0 / np.sqrt(1.0 + extra_noise[kept] / _USUAL_NOISE)
        scaled = Rows(*(columns * precision[:, None] for columns in rows))
        return scaled, self._transform(values)[kept] * precision


def last_fit(results: int) -> int:
    """The largest size, up to this one, at which ensembles are fitted.

    Every size below 100, every second below 200, every fourth below 400, and so on.
    """
    step = 1 << max(0, (results // _EACH).bit_length() - 1)
    return results - results % step


def fit_parameters(rows: Rows, targets: Array) -> Parameters:
    """Those of the largest marginal likelihood among a few.

    The variance s^2 is integrated out under a weak prior, inverse gamma (1/2, 1/2), and then
    estimated: y'K^-1 y with one more observation of size one, where K is the covariance for s = 1.
    """
    common, single, mixed = (columns @ columns.T for columns in rows)
    best, parameters = -np.inf, Parameters(_SHARES[0], _NOISES[-1], 1.0)
    for share in _SHARES:
        values, vectors = np.linalg.eigh(common + (1 - share) * single + share * mixed)
        squares = (vectors.T @ targets) ** 2
        for noise in _NOISES:
            variances = np.maximum(values, 0.0) + noise
            total = 1.0 + (squares / variances).sum()
            count = 1.0 + len(targets)
            evidence = -0.5 * np.log(variances).sum() - 0.5 * count * np.log(total)
            if evidence > best:
                best = evidence
                parameters = Parameters(share, noise, float(np.sqrt(total / count)))
    return parameters


def draw_weights(
    rows: Array,
    targets: Array,
    parameters: Parameters,
    prior_mean: Array,
    members: int,
    rng: np.random.Generator,
) -> Array:
    """The mean of the posterior and draws from it: (width, 1 + members).

    Each member starts at a draw from the prior and is fitted to targets with new noise: exactly a
    draw from the posterior (Lu, Van Roy, Ensemble Sampling, 2017, section 3.1).
    """
    _, noise, scale = parameters
    prior = scale * rng.standard_normal((rows.shape[1], members))
    errors = scale * np.sqrt(noise) * rng.standard_normal((len(rows), members))
    start = prior_mean[:, None] + np.column_stack([np.zeros(rows.shape[1]), prior])
    aims = targets[:, None] + np.column_stack([np.zeros(len(rows)), errors])
    weights: Array = start + _ridge(rows, aims - rows @ start, noise)
    return weights


def _ridge(rows: Array, targets: Array, noise: float) -> Array:
    """(X'X + r I)^-1 X'y = X'(XX' + r I)^-1 y, whichever is smaller."""
    n, width = rows.shape
    square = rows @ rows.T if n <= width else rows.T @ rows
    square[np.diag_indices(len(square))] += noise
    factor = cho_factor(square, lower=True, overwrite_a=True)
    if n <= width:
        weights: Array = rows.T @ cho_solve(factor, targets)
        return weights
    solved: Array = cho_solve(factor, rows.T @ targets)
    return solved


def _prior_mean(rows: Rows) -> Array:
    """Of the weights: 1 for what is known beforehand, which the constant is not."""
    mean = np.zeros(sum(columns.shape[1] for columns in rows))
    mean[1 : rows.common.shape[1]] = 1.0
    return mean

"""Which of several noisy means is the highest."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_QUANTILES = 200  # of a mean's posterior
_SCALES = 50  # of the noise's posterior
_LEAST = 1e-12  # noise beside the means, so that equal measurements stay comparable


def pooled_deviation(groups: Sequence[Sequence[float]]) -> tuple[float, int]:
    """The standard deviation within groups, the same in all, and its degrees of freedom.

    ``(nan, 0)`` where no group has two values; infinite where it is beyond what a float can be.
    """
    degrees = sum(len(group) - 1 for group in groups if group)
    if not degrees:
        return math.nan, 0
    centers = [statistics.mean(group) if group else math.nan for group in groups]
    residuals = [
        value - center for group, center in zip(groups, centers, strict=True) for value in group
    ]
    return math.hypot(*residuals) / math.sqrt(degrees), degrees  # squares could be too large


def probability_of_best(groups: Sequence[Sequence[float]]) -> list[float] | None:
    """The posterior probability of each group to have the highest mean.

    Measurements are normal around their group's mean with one common variance; the prior is the
    non-informative one, p(means, variance) ~ 1 / variance. Then the variance is a scaled inverse
    chi-squared, and given it the means are independent normals (Gelman et al., Bayesian Data
    Analysis, 3rd edition, section 3.2; Box & Tiao, Bayesian Inference in Statistical Analysis,
    1973, section 2.11). Both integrals are taken over equally probable quantiles.

    Returns:
        Probabilities that sum to one, 0 for empty groups; None if the noise is unknown, because no
        group has two values, or because it is beyond what a float can be.
    """
    deviation, degrees = pooled_deviation(groups)
    if not math.isfinite(deviation):
        return None
    filled = [place for place, group in enumerate(groups) if group]
    means = np.array([statistics.mean(groups[place]) for place in filled])
    counts = np.array([len(groups[place]) for place in filled], dtype=float)
    unit = max(deviation, float(abs(means).max())) or 1.0  # in it, no value is too large to add
    noise = max(deviation / unit, _LEAST)
    chances = _chances(means / unit, _deviations(noise, degrees)[:, None] / np.sqrt(counts))
    probabilities = [0.0] * len(groups)
    for place, chance in zip(filled, (chances / chances.sum()).tolist(), strict=True):
        probabilities[place] = chance
    return probabilities


def _deviations(deviation: float, degrees: int) -> NDArray[np.float64]:
    """Quantiles of the posterior of the noise's standard deviation."""
    from scipy.stats import chi2

    quantiles = chi2.ppf(_middles(_SCALES), degrees)
    return np.asarray(deviation * np.sqrt(degrees / quantiles), dtype=float)


def _chances(means: NDArray[np.float64], errors: NDArray[np.float64]) -> NDArray[np.float64]:
    """P(mean i is the highest), averaged over the rows of ``errors``: E prod_j Phi(...)."""
    from scipy.special import ndtr, ndtri

    draws = ndtri(_middles(_QUANTILES))
    chances = np.empty(len(means))
    for place, mean in enumerate(means):
        values = mean + errors[:, place, None] * draws  # (scales, quantiles)
        others = np.arange(len(means)) != place
        distances = (values[..., None] - means[others]) / errors[:, None, others]
        chances[place] = ndtr(distances).prod(axis=-1).mean()
    return chances


def _middles(count: int) -> NDArray[np.float64]:
    return (np.arange(count) + 0.5) / count

"""How much a trial of an architecture may be worth."""

from __future__ import annotations

import numpy as np
from scipy.special import erfcx, log_ndtr, ndtr

from ._features import Array

_TAIL = -1.0  # below, the plain formula loses digits


def log_expected_improvement(mean: Array, deviation: Array, best: float) -> Array:
    """log E[max(0, f - best)] for f ~ N(mean, deviation^2), exact far into the tail.

    Expected improvement: Jones, Schonlau, Welch, 1998, equation 15. Its logarithm with erfcx:
    Ament et al., Unexpected Improvements to Expected Improvement, 2023, equations 8 and 9.
    """
    z = (mean - best) / deviation
    near = np.maximum(z, _TAIL)
    density = np.exp(-0.5 * near * near) / np.sqrt(2 * np.pi)
    plain = np.log(density + near * ndtr(near))
    far = np.minimum(z, _TAIL)
    # phi(z) + z Phi(z) = phi(z) (1 + z sqrt(pi / 2) erfcx(-z / sqrt 2))
    ratio = 1.0 + far * np.sqrt(np.pi / 2) * erfcx(-far / np.sqrt(2))
    # The difference cancels where z is far below zero: there it is 1 / z^2 (asymptotic series).
    ratio = np.where(far < -1e3, 1.0 / (far * far), np.maximum(ratio, 1e-300))
    tail = -0.5 * far * far - 0.5 * np.log(2 * np.pi) + np.log(ratio)
    result: Array = np.where(z > _TAIL, plain, tail) + np.log(deviation)
    return result


def log_probability_below(mean: Array, deviation: Array, bound: float) -> Array:
    """log P(f <= bound), the probability that a constraint holds.

    Gardner et al., Bayesian Optimization with Inequality Constraints, 2014, equation 4.
    """
    result: Array = log_ndtr((bound - mean) / deviation)
    return result


def chebyshev(scores: Array, weights: Array) -> Array:
    """Several objectives as one: (..., objectives) -> (...), higher is better.

    The augmented Chebyshev function: Knowles, ParEGO, 2006, equation 2, for scores in place of
    costs.
    """
    weighted = scores * weights
    result: Array = weighted.min(axis=-1) + 0.05 * weighted.sum(axis=-1)
    return result

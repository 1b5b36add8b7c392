"""Where a learning curve leads: curves of several families, averaged by how well they fit.

Every curve is ``y = c + d * g(x)`` with a shape ``g`` out of a fixed set. A shape's two
coefficients and what is uncertain about them have closed forms, so that nothing is iterated and
nothing can fail to converge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

Array = NDArray[np.float64]

_POINTS = 200  # of a longer curve so many are looked at, evenly spread
_NOISE = 0.01  # of the range of the values: no real curve is known better than that
_POWERS = np.geomspace(0.1, 4.0, 24)
_OFFSETS = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
_RATES = np.geomspace(0.01, 10.0, 12)
_STEEPNESSES = (0.5, 0.65, 0.8, 1.0, 1.25, 1.6, 2.0, 3.0)


@dataclass(frozen=True)
class Prediction:
    """A value to come: Student's t distributions, one a shape, and the weights of the shapes.

    Means and deviations are in units of ``scale`` from ``origin``.
    """

    means: Array
    deviations: Array
    weights: Array
    degrees: int
    origin: float
    scale: float

    @property
    def mean(self) -> float:
        """What is expected."""
        return self.origin + self.scale * float(self.weights @ self.means)

    def chance_above(self, mark: float) -> float:
        """The probability that the value will be at least ``mark``."""
        distance = self.means - (mark - self.origin) / self.scale
        return float(self.weights @ stdtr(self.degrees, distance / self.deviations))


def predict(at: Sequence[float], values: Sequence[float], last: float) -> Prediction:
    """The value of a curve at ``last``, from those at earlier places.

    Args:
        at: The places, from 1; four at least, no two of them equal.
        values: Finite numbers.
        last: The place to come.
    """
    x, y = _thinned(np.asarray(at, dtype=float), np.asarray(values, dtype=float))
    origin, scale = float(y[0]), float(np.ptp(y) or abs(y[0]) or 1.0)
    shapes, priors = _shapes(np.append(x, float(last)), float(last))
    unit = (y - origin) / scale
    means, variances, weights = _regress(shapes[:, :-1], shapes[:, -1], unit, priors)
    return Prediction(means, np.sqrt(variances), weights, len(y) - 2, origin, scale)


def _thinned(x: Array, y: Array) -> tuple[Array, Array]:
    if len(x) <= _POINTS:
        return x, y
    kept = np.linspace(0, len(x) - 1, _POINTS).round().astype(int)
    return x[kept], y[kept]


def _shapes(x: Array, last: float) -> tuple[Array, Array]:
    """Every shape at every place, and how likely it is before anything is known of the curve.

    The families are equally likely, and so are the shapes of each.
    """
    scales = np.geomspace(0.5, 10.0 * last, 48)
    families = [
        _powers(x),
        _exponentials(x, scales),
        _sigmoids(x, scales),
        _logarithms(x),
        _inverse_logarithm(x),
    ]
    priors = [np.full(len(f), 1 / len(f) / len(families)) for f in families]
    return np.concatenate(families), np.concatenate(priors)


def _powers(x: Array) -> Array:
    """pow4, ``(x + b)^-a``; pow3 where b is 0."""
    offsets, powers = np.meshgrid(_OFFSETS, _POWERS)
    return np.asarray((x + offsets.reshape(-1, 1)) ** -powers.reshape(-1, 1))


def _exponentials(x: Array, scales: Array) -> Array:
    """``exp(-(x / k)^a)``, which exp4, Janoschek and Weibull write in three ways."""
    scale, steepness = np.meshgrid(scales, _STEEPNESSES)
    return np.asarray(np.exp(-((x / scale.reshape(-1, 1)) ** steepness.reshape(-1, 1))))


def _sigmoids(x: Array, scales: Array) -> Array:
    """MMF, ``1 / (1 + (x / k)^a)``; Hill3 and log power are such curves through 0."""
    scale, steepness = np.meshgrid(scales, _STEEPNESSES)
    return np.asarray(1 / (1 + (x / scale.reshape(-1, 1)) ** steepness.reshape(-1, 1)))


def _logarithms(x: Array) -> Array:
    """``log(1 + a log(x))``, with log log linear among them."""
    return np.asarray(np.log1p(_RATES[:, None] * np.log(x)))


def _inverse_logarithm(x: Array) -> Array:
    """ilog2, ``1 / log(x + 1)``."""
    return np.asarray(1 / np.log(x + 1))[None, :]


def _regress(shapes: Array, targets: Array, y: Array, priors: Array) -> tuple[Array, Array, Array]:
    """Linear regression on each shape: the predictions, their variances and weights.

    With a flat prior for the coefficients and the logarithm of the noise, what is predicted has
    Student's t distribution with n - 2 degrees of freedom around the least-squares curve.
    """
    n = len(y)
    told = np.ptp(shapes, axis=1) > 1e-6 * np.abs(shapes).max(axis=1) + 1e-100  # others are flat
    shapes, targets, priors = shapes[told], targets[told], priors[told]
    middle = shapes.mean(axis=1)
    centred, distance = shapes - middle[:, None], targets - middle
    spread = (centred**2).sum(axis=1)
    slopes = centred @ (y - y.mean()) / spread
    errors = ((y - y.mean() - slopes[:, None] * centred) ** 2).sum(axis=1) + (n - 2) * _NOISE**2
    variances = errors / (n - 2) * (1 + 1 / n + distance**2 / spread)
    to_come = np.abs(targets - shapes[:, -1]) / np.ptp(shapes, axis=1)
    return y.mean() + slopes * distance, variances, _weights(errors, priors / (1 + to_come), n)


def _weights(errors: Array, priors: Array, n: int) -> Array:
    """By Schwarz's criterion: as all shapes have two coefficients, the errors decide alone.

    Beforehand a curve is the less likely the more of it is yet to come, in parts of what has been
    seen: the first few results do not tell one that will rise a hundredfold from a flat one.
    """
    logarithms = np.log(priors) - n / 2 * np.log(errors)
    weights = np.exp(logarithms - logarithms.max())
    return np.asarray(weights / weights.sum())

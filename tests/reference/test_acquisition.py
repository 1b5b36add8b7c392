"""What a trial may be worth, against simulation and against formulas without cancellation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, stats

from nas_tuners.tuners._acquisition import (
    chebyshev,
    log_expected_improvement,
    log_probability_below,
)


def _log_ei(z: float, deviation: float = 1.0) -> float:
    found = log_expected_improvement(np.array([z * deviation]), np.array([deviation]), 0.0)
    return float(found[0])


def _log_ei_by_continued_fraction(z: float) -> float:
    """For z < 0: phi(z) K / (x + K) with x = -z and K = 1 / (x + 2 / (x + 3 / (x + ...))).

    phi(z) + z Phi(z) = phi(z) (1 - x R), where R = 1 / (x + K) is Mills' ratio (Abramowitz and
    Stegun, 26.2.14); nothing cancels.
    """
    x, fraction = -z, 0.0
    for depth in range(2_000, 1, -1):
        fraction = depth / (x + fraction)
    k = 1.0 / (x + fraction)
    return -0.5 * z * z - 0.5 * math.log(2 * math.pi) + math.log(k) - math.log(x + k)


@pytest.mark.parametrize(
    ("mean", "deviation"),
    [(-1.5, 2.0), (0.0, 0.3), (0.0, 2.0), (0.7, 0.3), (3.0, 0.3), (3.0, 2.0)],
)
def test_expected_improvement_is_the_mean_improvement(mean: float, deviation: float) -> None:
    best = 0.5
    drawn = np.random.default_rng(0).normal(mean, deviation, size=500_000)
    improvement = np.maximum(drawn - best, 0.0)
    expected = math.log(improvement.mean())
    found = log_expected_improvement(np.array([mean]), np.array([deviation]), best)
    error = improvement.std() / improvement.mean() / math.sqrt(len(drawn))
    assert found[0] == pytest.approx(expected, abs=5 * error)


@pytest.mark.parametrize("z", [4.0, 1.0, 0.0, -0.99, -1.0, -1.01, -3.0, -8.0, -20.0])
def test_expected_improvement_is_the_integral(z: float) -> None:
    """phi(z) times the integral of u exp(-u^2 / 2 + z u) over u > 0."""
    scale = max(1.0, -z)
    area, _ = integrate.quad(
        lambda t: t * math.exp(-0.5 * (t / scale) ** 2 + z * t / scale),
        0,
        max(60.0, 20 * z * scale),
        epsabs=0,
        epsrel=1e-11,
        points=[1.0, max(2.0, z * scale)],
    )
    expected = -0.5 * z * z - 0.5 * math.log(2 * math.pi) + math.log(area) - 2 * math.log(scale)
    assert _log_ei(z) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("z", [-1.0, -5.0, -20.0, -1e2, -999.0, -1001.0, -1e4, -1e5, -1e8])
@pytest.mark.parametrize("deviation", [1.0, 1e-5])
def test_the_logarithm_is_exact_far_in_the_tail(z: float, deviation: float) -> None:
    expected = _log_ei_by_continued_fraction(z) + math.log(deviation)
    assert _log_ei(z, deviation) == pytest.approx(expected, rel=1e-14, abs=1e-5)


def test_it_rises_with_the_mean_everywhere() -> None:
    z = np.concatenate([-np.logspace(8, 0, 4_001), np.linspace(-0.999, 50, 2_001)])
    found = log_expected_improvement(z, np.ones(len(z)), 0.0)
    assert np.isfinite(found).all()
    assert (np.diff(found) > 0).all()


def test_where_the_mean_is_far_above_it_is_the_difference() -> None:
    assert _log_ei(1e6, 1e-3) == pytest.approx(math.log(1e3))


def test_the_probability_that_a_bound_holds() -> None:
    mean, deviation = np.array([-2.0, 0.0, 0.5, 30.0]), np.array([1.0, 2.0, 0.1, 1.0])
    found = log_probability_below(mean, deviation, 0.3)
    assert found == pytest.approx(stats.norm(mean, deviation).logcdf(0.3), rel=1e-12)
    drawn = np.random.default_rng(0).normal(mean, deviation, size=(500_000, 4)) <= 0.3
    assert np.exp(found) == pytest.approx(drawn.mean(axis=0), abs=3e-3)
    assert np.isfinite(found).all()


def test_chebyshev_is_the_worst_objective_and_a_little_of_all() -> None:
    rng = np.random.default_rng(0)
    scores, weights = rng.normal(size=(4, 5, 3)), np.array([0.2, 0.5, 0.3])
    expected = [
        [
            min(w * s for w, s in zip(weights, point, strict=True))
            + 0.05 * sum(w * s for w, s in zip(weights, point, strict=True))
            for point in row
        ]
        for row in scores
    ]
    assert chebyshev(scores, weights) == pytest.approx(np.array(expected))


def test_every_point_of_a_front_is_the_best_for_some_weights() -> None:
    """Also where the front is concave, which no weighted sum reaches; dominated points never."""
    angles = np.linspace(0.15, np.pi / 2 - 0.15, 9)
    front = 1.0 - np.stack([np.cos(angles), np.sin(angles)], axis=1)  # maximized: concave
    dominated = front - 0.05
    points = np.concatenate([front, dominated])
    ideal = points.max(axis=0)
    first = np.linspace(0.005, 0.995, 400)
    winners = {
        int(np.argmax(chebyshev(points - ideal, np.array([weight, 1 - weight]))))
        for weight in first
    }
    assert winners >= set(range(1, 8)), "all but, perhaps, the ends"
    assert winners <= set(range(9))

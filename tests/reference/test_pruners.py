"""Early stopping against brute force, closed forms and curves whose end is known."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from nas_tuners.pruners import MedianStoppingPruner
from nas_tuners.pruners._learning_curves import _NOISE, _regress, predict
from tests.pruners.study_kit import running, study_of

Array = NDArray[np.float64]

results = st.one_of(st.integers(-3, 3).map(float), st.just(math.nan))
histories = st.lists(results, min_size=1, max_size=5)


def _is_median_stopped(trial: list[float], others: list[list[float]], direction: str) -> bool:
    """Golovin et al., section 3.2.2, by counting: at least half of the averages are better.

    Strictly worse than the median of an even number is worse than the mean of the two in the
    middle.
    """
    better = max if direction == "maximize" else min
    known = [value for value in trial if value == value]
    averages = []
    for other in others:
        seen = [value for value in other[: len(trial)] if value == value]
        averages += [sum(seen) / len(seen)] if seen else []
    if not known or not averages:
        return False
    averages.sort()
    middle = (averages[(len(averages) - 1) // 2] + averages[len(averages) // 2]) / 2
    best = better(known)
    return best != middle and better(best, middle) == middle


@settings(max_examples=150, deadline=None)
@given(histories, st.lists(histories, max_size=6), st.sampled_from(["maximize", "minimize"]))
def test_median_stopping(trial: list[float], others: list[list[float]], direction: str) -> None:
    study = study_of([], direction=direction)
    for other in others:
        finished = running(study, other)
        study.tell(finished.number, 0.0)
    stopped = MedianStoppingPruner().prune(study, running(study, trial))
    assert stopped == _is_median_stopped(trial, others, direction)


def test_one_shape_is_a_linear_regression() -> None:
    """Its prediction interval is that of the textbook: t(n - 2), s sqrt(1 + x' (X'X)^-1 x)."""
    rng = np.random.default_rng(0)
    shape, target, y = rng.random(9), 3.0, 10 * rng.random(9)
    design = np.column_stack([np.ones(9), shape])
    coefficients, squares = np.linalg.lstsq(design, y, rcond=None)[:2]
    at = np.array([1.0, target])
    leverage = at @ np.linalg.inv(design.T @ design) @ at
    means, variances, weights = _regress(shape[None], np.array([target]), y, np.ones(1))
    assert means[0] == pytest.approx(coefficients @ at)
    noise = squares[0] / 7 + _NOISE**2
    assert variances[0] == pytest.approx(noise * (1 + leverage))
    assert weights.tolist() == [1.0]


def test_weights_are_those_of_schwarz() -> None:
    """exp(-BIC / 2), BIC = n log(errors / n) + 2 log(n), among shapes with as much to come."""
    x = np.arange(1.0, 9.0)
    shapes = np.stack([x, x**1.001])
    y = np.sqrt(x)
    targets = shapes[:, -1]  # nothing is to come
    _, variances, weights = _regress(shapes, targets, y, np.array([0.5, 0.5]))
    leverages = [1 + 1 / 8 + (s[-1] - s.mean()) ** 2 / ((s - s.mean()) ** 2).sum() for s in shapes]
    errors = variances / leverages * 6
    bic = 8 * np.log(errors / 8) + 2 * np.log(8)
    expected = np.exp(-bic / 2) / np.exp(-bic / 2).sum()
    assert weights == pytest.approx(expected)


def test_the_chance_is_that_of_the_mixture() -> None:
    x = list(range(1, 16))
    prediction = predict(x, [0.9 - 0.6 / k for k in x], 100)
    chances = [
        stats.t.sf((0.88 - prediction.origin) / prediction.scale, prediction.degrees, loc, scale)
        for loc, scale in zip(prediction.means, prediction.deviations, strict=True)
    ]
    assert prediction.chance_above(0.88) == pytest.approx(prediction.weights @ chances)


FAMILIES: dict[str, Callable[[Array], Array]] = {
    "pow3": lambda x: 0.9 - 0.6 * x**-0.7,
    "pow4": lambda x: 0.92 - (0.5 * x + 1.3) ** -1.2,
    "exp4": lambda x: 0.9 - np.exp(-0.15 * x**0.8 - 0.2),
    "Janoschek": lambda x: 0.85 - (0.85 - 0.1) * np.exp(-0.1 * x**0.9),
    "Weibull": lambda x: 0.85 - (0.85 - 0.1) * np.exp(-((0.1 * x) ** 1.1)),
    "MMF": lambda x: 0.93 - (0.93 - 0.1) / (1 + (0.2 * x) ** 1.3),
    "Hill3": lambda x: 0.8 * x**1.2 / (5**1.2 + x**1.2),
    "log power": lambda x: 0.8 / (1 + (x / np.exp(1.5)) ** -1.4),
    "ilog2": lambda x: 0.95 - 0.4 / np.log(x + 1),
    "vapor pressure": lambda x: np.exp(-0.3 - 1.5 / x + 0.02 * np.log(x)),
    "log log linear": lambda x: np.log(0.25 * np.log(x) + 1.4),
}
SCALES = [(1.0, 0.0), (-1.0, 0.0), (1e6, -3e6)]  # what is minimized comes with another sign


@pytest.mark.parametrize(("scale", "origin"), SCALES)
@pytest.mark.parametrize("family", FAMILIES)
def test_curves_of_the_paper_are_extrapolated(family: str, scale: float, origin: float) -> None:
    """From 40 points to the 100th; the curve's own range is about 0.6."""
    x = np.arange(1.0, 101.0)
    y = origin + scale * FAMILIES[family](x)
    prediction = predict(x[:40].tolist(), y[:40].tolist(), 100)
    assert abs(prediction.mean - y[-1]) < 0.05 * abs(scale)
    assert 0.01 < prediction.chance_above(y[-1]) < 0.99


@pytest.mark.parametrize("family", sorted(set(FAMILIES) - {"vapor pressure"}))
def test_what_is_unlikely_is_rare(family: str) -> None:
    """With noise: the true end is given less than 5 % in few more than 5 of 100 cases."""
    rng = np.random.default_rng(0)
    x = np.arange(1.0, 101.0)
    y = FAMILIES[family](x)
    chances = []
    for _ in range(100):
        noisy = y[:20] + 0.01 * rng.normal(size=20)
        chances.append(predict(x[:20].tolist(), noisy.tolist(), 100).chance_above(y[-1]))
    assert np.mean(np.array(chances) < 0.05) <= 0.12


def test_a_flat_curve_stays() -> None:
    prediction = predict([1, 2, 3, 4, 5, 6], [0.5] * 6, 100)
    assert prediction.mean == pytest.approx(0.5)


def test_long_curves_are_thinned() -> None:
    x = np.arange(1.0, 5001.0)
    y = FAMILIES["pow3"](x)
    prediction = predict(x.tolist(), y.tolist(), 10_000)
    assert prediction.degrees == 198
    assert prediction.mean == pytest.approx(FAMILIES["pow3"](np.array([1e4]))[0], abs=0.005)

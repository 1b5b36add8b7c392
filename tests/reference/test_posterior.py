"""The probability of being best, against closed forms and simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from nas_tuners._posterior import pooled_deviation, probability_of_best


@pytest.mark.parametrize("counts", [(3, 3), (2, 5), (2, 1), (10, 10)])
@pytest.mark.parametrize("distance", [0.0, 0.5, 2.0])
def test_two_groups_are_a_t_test(counts: tuple[int, int], distance: float) -> None:
    """P(mean 1 > mean 2) = T((m1 - m2) / (s sqrt(1/n1 + 1/n2))) with the pooled degrees."""
    rng = np.random.default_rng(0)
    groups = [rng.normal(loc, size=n).tolist() for loc, n in zip((distance, 0), counts)]  # noqa: B905
    deviation, degrees = pooled_deviation(groups)
    spread = deviation * math.sqrt(sum(1 / n for n in counts))
    t = (np.mean(groups[0]) - np.mean(groups[1])) / spread
    probabilities = probability_of_best(groups)
    assert probabilities is not None
    assert probabilities[0] == pytest.approx(stats.t.cdf(t, degrees), abs=1e-3)
    assert sum(probabilities) == pytest.approx(1.0)


def test_several_groups_against_draws_from_the_posterior() -> None:
    rng = np.random.default_rng(1)
    groups = [
        rng.normal(loc, size=n).tolist() for loc, n in [(0.0, 3), (0.4, 2), (0.6, 4), (1, 1)]
    ]
    deviation, degrees = pooled_deviation(groups)
    sigma = deviation * np.sqrt(degrees / rng.chisquare(degrees, size=200_000))
    means = [rng.normal(np.mean(g), sigma / math.sqrt(len(g))) for g in groups]
    winners = np.argmax(means, axis=0)
    drawn = [float((winners == place).mean()) for place in range(4)]
    assert probability_of_best(groups) == pytest.approx(drawn, abs=5e-3)


def test_the_probabilities_are_calibrated() -> None:
    """Of the cases in which a candidate is given about 70 %, it is the best in about 70 %.

    True means come from a wide distribution, near enough to the flat prior.
    """
    rng = np.random.default_rng(2)
    given, right = [], []
    for _ in range(1_000):
        truth = rng.normal(0, 1.5, size=4)
        groups = [rng.normal(mean, 1.0, size=4).tolist() for mean in truth]
        probabilities = probability_of_best(groups)
        assert probabilities is not None
        given += probabilities
        right += [place == truth.argmax() for place in range(4)]
    chance, best = np.array(given), np.array(right)
    for low, high in [(0.05, 0.2), (0.2, 0.4), (0.4, 0.6), (0.6, 0.8), (0.8, 0.95)]:
        within = (chance >= low) & (chance < high)
        assert within.sum() > 150
        assert best[within].mean() == pytest.approx(chance[within].mean(), abs=0.07)


def test_the_pooled_deviation_is_that_of_one_way_anova() -> None:
    groups = [[1.0, 3.0], [5.0], [], [2.0, 4.0, 9.0]]
    residuals = sum(float(np.var(group)) * len(group) for group in groups if group)
    assert pooled_deviation(groups) == (pytest.approx(math.sqrt(residuals / 3)), 3)


@pytest.mark.parametrize("scale", [1e-300, 1e-9, 1e200, 1e307])
def test_values_of_any_size_are_judged_alike(scale: float) -> None:
    groups = [[1.0, 3.0], [5.0], [2.0, 4.0, 9.0]]
    scaled = [[scale * value for value in group] for group in groups]
    assert pooled_deviation(scaled)[0] == pytest.approx(scale * pooled_deviation(groups)[0])
    assert probability_of_best(scaled) == pytest.approx(probability_of_best(groups))


def test_noise_beyond_what_a_float_can_be_is_unknown() -> None:
    groups = [[1.7e308, -1.7e308], [1.0]]
    assert pooled_deviation(groups) == (math.inf, 1)
    assert probability_of_best(groups) is None


def test_without_repetition_the_noise_is_unknown() -> None:
    assert probability_of_best([[1.0], [2.0], []]) is None
    assert probability_of_best([]) is None
    assert math.isnan(pooled_deviation([[1.0], []])[0])


def test_without_noise_the_highest_is_certain_and_equals_share() -> None:
    assert probability_of_best([[1.0, 1.0], [2.0, 2.0]]) == pytest.approx([0.0, 1.0])
    assert probability_of_best([[2.0, 2.0], [0.0], [2.0]]) == pytest.approx(
        [0.5, 0.0, 0.5], abs=1e-3
    )
    assert probability_of_best([[1.7e308, 1.7e308]] * 2) == pytest.approx([0.5, 0.5])
    assert probability_of_best([[0.0, 0.0]] * 2) == pytest.approx([0.5, 0.5])


def test_a_group_without_values_cannot_be_the_best() -> None:
    probabilities = probability_of_best([[], [1.0, 2.0], [1.5, 2.5]])
    assert probabilities is not None
    assert probabilities[0] == 0.0
    assert sum(probabilities) == pytest.approx(1.0)

"""Fronts of several objectives."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytest

from nas_tuners.tuners import Result, hypervolume, non_dominated, pareto_front


def _dominates(one: list[float], other: list[float]) -> bool:
    pairs = list(zip(one, other, strict=True))
    return all(a >= b for a, b in pairs) and any(a > b for a, b in pairs)


@pytest.mark.parametrize("objectives", [1, 2, 3, 4])
@pytest.mark.parametrize("seed", range(5))
def test_against_the_definition(objectives: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.integers(0, 6, size=(60, objectives)).astype(float).tolist()
    expected = [
        index
        for index, point in enumerate(points)
        if not any(_dominates(other, point) for other in points)
    ]
    assert non_dominated(points) == expected


def test_equal_points_are_all_on_the_front() -> None:
    assert non_dominated([(1, 2), (1, 2), (0, 2), (2, 1)]) == [0, 1, 3]


def test_infinite_scores_have_a_place() -> None:
    assert non_dominated([(-math.inf, 3), (math.inf, 0), (1, 3)]) == [1, 2]


def test_of_nothing() -> None:
    assert non_dominated([]) == []
    assert hypervolume([], (0.0, 0.0)) == 0.0
    assert hypervolume([(-1.0, 5.0), (0.0, 5.0)], (0.0, 0.0)) == 0.0


@pytest.mark.parametrize(
    ("points", "reference", "message"),
    [
        ([(1.0, 2.0), (1.0,)], (0.0, 0.0), r"of one length, got \[1, 2\]"),
        ([(1.0, 2.0)], (0.0,), r"of one length, got \[1, 2\]"),
        ([(1.0, math.nan)], (0.0, 0.0), "NaN"),
        ([(1.0, math.inf)], (0.0, 0.0), "must be finite"),
        ([(1.0, 1.0)], (0.0, -math.inf), "must be finite"),
        ([()], (), r"of one length, got \[0\]"),
    ],
)
def test_what_is_no_volume_is_refused(
    points: list[tuple[float, ...]], reference: tuple[float, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        hypervolume(points, reference)


def test_the_front_of_results_leaves_out_failures_and_what_is_beyond_a_bound() -> None:
    def result(number: int, scores: tuple[float, ...], excess: Mapping[str, float]) -> Result:
        value = scores[0] if scores else None
        return Result(number, (number,), value, value, None, scores=scores, excess=excess)

    results = [
        result(0, (9.0, 9.0), {"size": 0.5}),
        result(1, (1.0, 3.0), {"size": -1.0}),
        result(2, (), {}),
        result(3, (3.0, 1.0), {"size": 0.0}),
        result(4, (1.0, 1.0), {}),
    ]
    assert [r.number for r in pareto_front(results)] == [1, 3]
    assert pareto_front(results[:1]) == []

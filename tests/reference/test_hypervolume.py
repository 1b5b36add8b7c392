"""Hypervolume against inclusion-exclusion over all subsets of points."""

from __future__ import annotations

import math
from itertools import chain, combinations

import numpy as np
import pytest

from nas_tuners.tuners import hypervolume, non_dominated


def _by_inclusion_exclusion(points: np.ndarray, reference: np.ndarray) -> float:
    """Union of boxes = sum of boxes - sum of intersections of two + ..."""
    subsets = chain.from_iterable(
        combinations(range(len(points)), size) for size in range(1, len(points) + 1)
    )
    return math.fsum(
        (-1) ** (len(subset) + 1)
        * math.prod(np.maximum(points[list(subset)].min(axis=0) - reference, 0.0))
        for subset in subsets
    )


@pytest.mark.parametrize("objectives", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("seed", range(6))
def test_against_inclusion_exclusion(objectives: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(9, objectives))
    reference = rng.normal(size=objectives) - 1.0
    expected = _by_inclusion_exclusion(points, reference)
    assert hypervolume(points.tolist(), reference.tolist()) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("objectives", [2, 3, 4])
def test_equal_coordinates(objectives: int) -> None:
    """Small whole numbers: ties, duplicates and points on the edge of each other."""
    rng = np.random.default_rng(objectives)
    for _ in range(20):
        points = rng.integers(0, 4, size=(8, objectives)).astype(float)
        reference = np.zeros(objectives)
        expected = _by_inclusion_exclusion(points, reference)
        assert hypervolume(points.tolist(), reference.tolist()) == pytest.approx(expected)


def test_only_the_front_counts() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(60, 3)).tolist()
    front = [points[index] for index in non_dominated(points)]
    assert len(front) < 60
    reference = (-4.0, -4.0, -4.0)
    assert hypervolume(front, reference) == pytest.approx(hypervolume(points, reference))


def test_a_simplex_of_many_points_fills_its_known_volume() -> None:
    """n points on x + y = 1: a staircase of area 1/2 - 1/(2n) below the line, exactly."""
    n = 1_000
    points = [(i / n, 1 - i / n) for i in range(n + 1)]
    assert hypervolume(points, (0.0, 0.0)) == pytest.approx(0.5 - 0.5 / n)

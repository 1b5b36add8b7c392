"""The kernel of architectures against a double loop over pairs, written from its formula."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings

from nas_tuners.contract.domains import Categorical, Entry, Grid, Subset
from nas_tuners.contract.search_space import IndexVector, SearchSpace
from nas_tuners.contract.space_json import print_spec
from nas_tuners.testing._spaces import SPACES
from nas_tuners.tuners._features import Array, Features
from nas_tuners.tuners._kernel import SCORE_VARIANCE, ArchitectureKernel
from tests.strategies import generators, spaces

CELL = SearchSpace(
    {
        key: body
        for node in range(3)
        for key, body in {
            f"op_{node}": {"_type": "layer_choice", "_value": ["conv", "pool", "skip"]},
            f"from_{node}": {
                "_type": "input_choice",
                "_value": {"candidates": list("abcd"), "n_chosen": [1, 3]},
            },
        }.items()
    }
    | {"width": {"_type": "quniform", "_value": [8, 40, 8]}}
)
LONG = SearchSpace(
    {f"op_{i}": {"_type": "layer_choice", "_value": list("abc")} for i in range(61)}
)
WIDTHS = SearchSpace(
    {f"width_{i}": {"_type": "choice", "_value": [8, 16, 32, 64]} for i in range(3)}
    | {"odd": {"_type": "choice", "_value": [7, 3, 5]}}
)
UNSHARED = SearchSpace(
    {f"op_{i}": {"_type": "layer_choice", "_value": list("abcdef"[: i + 2])} for i in range(4)}
)


class _Direct:
    """k(x, x') of two architectures by sets and counters, with parameters as numbers."""

    def __init__(self, space: SearchSpace, parameters: Array) -> None:
        self._space = space
        self._free = [i for i, d in enumerate(space.decisions) if d.domain.size > 1]
        labels = [str(print_spec(space.decision_specs[i])) for i in self._free]
        self._groups = [
            [i for i, other in zip(self._free, labels, strict=True) if other == label]
            for label, count in Counter(labels).items()
            if count > 1
        ]
        natural = [math.exp(parameter) for parameter in parameters]
        self._thetas = natural[: len(self._free)] if len(self._free) <= 60 else natural[:1]
        rest = natural[len(self._thetas) :]
        self._amplitudes, self._lengths = rest[:4], rest[4:-1]

    def __call__(self, x: IndexVector, y: IndexVector, z: Sequence[float] = (0, 0)) -> float:
        a_1, a_2, a_3, a_4 = self._amplitudes
        total = 1.0 + SCORE_VARIANCE * z[0] * z[1]
        total += a_1 * sum(self._alike(i, x, y) for i in self._free) / max(len(self._free), 1)
        thetas = self._thetas * len(self._free) if len(self._free) > 60 else self._thetas
        away = sum(
            theta * self._different(i, x, y) for theta, i in zip(thetas, self._free, strict=True)
        )
        total += a_2 * math.exp(-away)
        if not self._groups:
            return total
        counts = [(self._count(group, x), self._count(group, y)) for group in self._groups]
        total += a_3 * sum(_dot(one, other) for one, other in counts) / len(counts)
        distances = [
            _dot(one, one) + _dot(other, other) - 2 * _dot(one, other) for one, other in counts
        ]
        weighted = zip(self._lengths, distances, strict=True)
        return total + a_4 * math.exp(-sum(length * distance for length, distance in weighted))

    def _different(self, position: int, x: IndexVector, y: IndexVector) -> float:
        """Hamming, relative symmetric difference, or distance of numbers or ranks."""
        one, other = x[position], y[position]
        domain = self._space.decisions[position].domain
        if one is None or other is None:
            return 0.5 * (self._alike(position, x, x) + self._alike(position, y, y))
        if isinstance(domain, Categorical):
            ranks = abs(float(one) - float(other)) / (domain.size - 1)
            return self._blend(position, float(one != other), ranks)
        if isinstance(domain, Subset):
            difference = {*domain.chosen(one)} ^ {*domain.chosen(other)}
            return len(difference) / _largest_difference(domain)
        assert isinstance(domain, Grid)
        return abs(float(one) - float(other)) / (domain.size - 1)

    def _alike(self, position: int, x: IndexVector, y: IndexVector) -> float:
        one, other = x[position], y[position]
        domain = self._space.decisions[position].domain
        if one is None or other is None:
            return 0.0
        if isinstance(domain, Categorical):
            ranks = 2 * min(float(one), float(other)) / (domain.size - 1)
            return self._blend(position, float(one == other), ranks)
        if isinstance(domain, Subset):
            common = {*domain.chosen(one)} & {*domain.chosen(other)}
            return 2 * len(common) / _largest_difference(domain)
        assert isinstance(domain, Grid)
        return 2 * min(float(one), float(other)) / (domain.size - 1)

    def _blend(self, position: int, identity: float, ranks: float) -> float:
        ordered = self._space.decision_specs[position] == WIDTHS.decision_specs[0]
        return identity / 4 + 3 * ranks / 4 if ordered else identity

    def _count(self, group: Sequence[int], x: IndexVector) -> Counter[int]:
        chosen: Counter[int] = Counter()
        for position in group:
            entry = x[position]
            if entry is not None:
                chosen.update(self._columns(position, entry))
        return chosen

    def _columns(self, position: int, entry: Entry) -> dict[int, float]:
        """Candidate -> what it adds to the count of a list that so many decisions share."""
        domain = self._space.decisions[position].domain
        size = math.sqrt(next(len(group) for group in self._groups if position in group))
        if isinstance(domain, Subset):
            size *= math.sqrt(_largest_difference(domain) / 2)
        if isinstance(domain, Grid):
            size *= math.sqrt((domain.size - 1) / 2)
            return dict.fromkeys(range(int(entry)), 1 / size)
        assert isinstance(domain, (Categorical, Subset))
        if self._space.decision_specs[position] == WIDTHS.decision_specs[0]:
            step = math.sqrt(2 * 3 / 4 / (domain.size - 1)) / size
            return {-1 - int(entry): 0.5 / size} | dict.fromkeys(range(int(entry)), step)
        return dict.fromkeys(domain.chosen(entry), 1 / size)


def _dot(one: Counter[int], other: Counter[int]) -> float:
    return sum(one[candidate] * other[candidate] for candidate in one)


def _largest_difference(domain: Subset) -> int:
    subsets = [set(domain.chosen(rank)) for rank in range(domain.size)]
    return max(len(one ^ other) for one, other in combinations(subsets, 2))


def _some(space: SearchSpace, count: int, seed: int = 0) -> list[IndexVector]:
    rng = Random(seed)
    return [space.sample(rng) for _ in range(count)]


def _kernel(space: SearchSpace, seed: int = 0) -> tuple[ArchitectureKernel, Array]:
    """A kernel, and parameters around its prior mean."""
    kernel = ArchitectureKernel(Features(space))
    noise = np.random.default_rng(seed).normal(size=len(kernel.prior_mean))
    return kernel, kernel.prior_mean + noise


@pytest.mark.parametrize(
    "space",
    [
        CELL,
        LONG,
        UNSHARED,
        WIDTHS,
        *(SearchSpace(SPACES[name]) for name in ("layers", "inputs", "conditional", "small")),
    ],
    ids=["cell", "61 keys", "unshared", "widths", "layers", "inputs", "conditional", "small"],
)
def test_the_matrix_is_the_formula_for_every_pair(space: SearchSpace) -> None:
    kernel, parameters = _kernel(space)
    direct = _Direct(space, parameters)
    first, second = _some(space, 7), _some(space, 9, seed=1)
    features = Features(space)
    found = kernel.matrix(
        parameters, kernel.rows(features.encode(first)), kernel.rows(features.encode(second))
    )
    expected = [[direct(x, y) for y in second] for x in first]
    assert found == pytest.approx(np.array(expected), rel=1e-9)
    diagonal = kernel.diagonal(parameters, kernel.rows(features.encode(first)))
    assert diagonal == pytest.approx([direct(x, x) for x in first], rel=1e-9)


def test_scores_from_elsewhere_enter_as_a_linear_feature() -> None:
    kernel, parameters = _kernel(CELL)
    vectors, scores = _some(CELL, 6), np.array([0.3, -1.2, 0.0, 2.0, -0.1, 1.0])
    rows = kernel.rows(Features(CELL).encode(vectors), scores)
    direct = _Direct(CELL, parameters)
    expected = [
        [direct(x, y, (a, b)) for y, b in zip(vectors, scores, strict=True)]
        for x, a in zip(vectors, scores, strict=True)
    ]
    assert kernel.matrix(parameters, rows, rows) == pytest.approx(np.array(expected), rel=1e-9)


@settings(max_examples=60, deadline=None)
@given(space=spaces(), rng=generators())
def test_matrices_are_positive_semidefinite_and_have_their_diagonal(
    space: SearchSpace, rng: Random
) -> None:
    vectors = [space.sample(rng) for _ in range(12)]
    kernel, parameters = _kernel(space, seed=rng.randrange(1_000))
    scores = np.array([rng.gauss(0, 1) for _ in vectors])
    rows = kernel.rows(Features(space).encode(vectors), scores)
    matrix = kernel.matrix(parameters, rows, rows)
    assert matrix == pytest.approx(matrix.T)
    assert kernel.diagonal(parameters, rows) == pytest.approx(np.diag(matrix))
    lowest = np.linalg.eigvalsh(matrix).min()
    assert lowest > -1e-9 * matrix.max(), "not positive semidefinite"


@pytest.mark.parametrize("space", [CELL, LONG, UNSHARED], ids=["cell", "61 keys", "unshared"])
def test_the_gradient_is_that_of_finite_differences(space: SearchSpace) -> None:
    kernel, parameters = _kernel(space)
    rows = kernel.rows(Features(space).encode(_some(space, 8)))
    weights = np.random.default_rng(2).normal(size=(8, 8))
    weights += weights.T

    def weighted(at: Array) -> float:
        matrix = kernel.matrix(at, rows, rows) + kernel.noise(at) * np.eye(8)
        return float((weights * matrix).sum())

    step = 1e-5
    numeric = [
        (weighted(parameters + step * one) - weighted(parameters - step * one)) / (2 * step)
        for one in np.eye(len(parameters))
    ]
    found = kernel.gradient(parameters, rows, weights)
    assert found == pytest.approx(np.array(numeric), rel=1e-6, abs=1e-7)


def test_more_than_sixty_decisions_share_a_relevance() -> None:
    kernel, parameters = _kernel(LONG)
    assert len(parameters) == 1 + 4 + 1 + 1, "theta, four amplitudes, one list, the noise"
    assert len(_kernel(CELL)[1]) == 7 + 4 + 2 + 1
    changed = [tuple(int(i == place) for i in range(61)) for place in range(61)]
    rows = kernel.rows(Features(LONG).encode([(0,) * 61, *changed]))
    near = kernel.matrix(parameters, rows, rows)[0, 1:]
    assert near == pytest.approx(np.full(61, near[0])), "no decision counts for more"


# ---- features -----------------------------------------------------------------------------------


def _half_squared(features: Features, one: IndexVector, other: IndexVector) -> float:
    first, second = features.encode([one, other])
    return float(((first - second) ** 2).sum() / 2)


def test_numbers_differ_by_their_distance_on_the_scale_of_the_prior() -> None:
    """1, 10, 100, 1,000 are equally far apart where they are taken as powers of ten."""
    log = SearchSpace({"lr": {"_type": "loguniform", "_value": [1.0, 10_000.0]}})
    features = Features(log)
    assert _half_squared(features, (10.0,), (100.0,)) == pytest.approx(0.25)
    assert _half_squared(features, (1.0,), (1_000.0,)) == pytest.approx(0.75)
    grid = SearchSpace({"units": {"_type": "qloguniform", "_value": [1, 256, 1]}})
    features = Features(grid)
    low, high = _half_squared(features, (0,), (15,)), _half_squared(features, (15,), (255,))
    assert low == pytest.approx(high, rel=0.05), "1 to 16 as far as 16 to 256"


def test_the_ends_of_a_number_are_as_far_apart_as_two_alternatives() -> None:
    for body in (
        {"_type": "randint", "_value": [3, 5]},
        {"_type": "quniform", "_value": [0, 1, 0.01]},
        {"_type": "qloguniform", "_value": [1, 9_000, 1]},
    ):
        space = SearchSpace({"n": body})
        last = int(space.size) - 1
        assert _half_squared(Features(space), (0,), (last,)) == pytest.approx(1.0, rel=1e-2)


@pytest.mark.parametrize(
    ("options", "ordered"),
    [
        ([8, 16, 32, 64], True),
        ([0.5, 0.25, 0.1], True),
        ([3, 5], False),  # two differ or do not
        ([8, 64, 16], False),
        (["8", "16", "32"], False),
        ([1, 2, None], False),
        ([False, True, 2], False),
    ],
)
def test_options_that_are_numbers_in_order_are_near_their_neighbours(
    options: list[object], ordered: bool
) -> None:
    space = SearchSpace({"width": {"_type": "choice", "_value": options}})
    features, last = Features(space), len(options) - 1
    near, far = (_half_squared(features, (0,), (other,)) for other in (1, last))
    assert far == pytest.approx(1.0)
    assert near == pytest.approx(0.25 + 0.75 / last if ordered else 1.0)


def test_subsets_of_more_candidates_than_a_float_can_count() -> None:
    """Their ranks are whole numbers of any size."""
    body = {"candidates": [f"in{i}" for i in range(70)], "n_chosen": None}
    space = SearchSpace({"from": {"_type": "input_choice", "_value": body}})
    domain = space.decisions[0].domain
    assert isinstance(domain, Subset)
    vectors = _some(space, 5)
    vectors.append((domain.size - 1,))
    rows = Features(space).encode(vectors)
    for (rank,), row in zip(vectors, rows, strict=True):
        assert rank is not None
        assert tuple(np.flatnonzero(row)) == domain.chosen(rank)


def test_inactive_decisions_are_zero_and_nothing_is_a_row() -> None:
    space = SearchSpace(
        SPACES["small"]
        | {
            "lr": {"_type": "uniform", "_value": [0, 1], "_active_if": {"block": [0]}},
            "many": {
                "_type": "input_choice",
                "_value": {"candidates": list(map(str, range(20))), "n_chosen": None},
                "_active_if": {"block": [0]},
            },
        }
    )
    features = Features(space)
    inactive = space.canonical([1, 0, 0, 0.5, 3])
    assert inactive.count(None) == 3
    assert np.count_nonzero(features.encode([inactive, inactive])) == 2, "one block is active"
    assert features.encode([]).shape == (0, features.width)

"""The four domains against brute force and closed forms."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from nas_tuners.contract.domains import Categorical, Continuous, Entry, Grid, Prior, Subset
from nas_tuners.contract.search_space import SearchSpace
from tests.strategies import generators, grids, priors

SUBSETS = [
    Subset(n, low, high) for n in range(1, 6) for low in range(n + 1) for high in range(low, n + 1)
]


def _number(kind: str, *value: float) -> Grid | Continuous:
    domain = SearchSpace({"x": {"_type": kind, "_value": list(value)}}).decisions[0].domain
    assert isinstance(domain, (Grid, Continuous))
    return domain


def _grid(kind: str, *value: float) -> Grid:
    domain = _number(kind, *value)
    assert isinstance(domain, Grid)
    return domain


def _probabilities(grid: Grid) -> list[float]:
    """The exact mass of each index: where the quantile function changes over to the next."""
    edges = [0.0]
    for index in range(grid.size - 1):
        low, high = 0.0, 1.0
        while (middle := (low + high) / 2) not in (low, high):
            low, high = (middle, high) if grid.from_unit(middle) <= index else (low, middle)
        edges.append(high)
    return [right - left for left, right in itertools.pairwise([*edges, 1.0])]


# ---- categorical --------------------------------------------------------------------------------


def test_a_categorical_sample_is_uniform() -> None:
    rng, domain = Random(0), Categorical(5)
    counts = Counter(domain.sample(rng) for _ in range(5000))
    assert stats.chisquare([counts[index] for index in range(5)]).pvalue > 1e-3


@pytest.mark.parametrize("size", [2, 3, 7])
def test_a_categorical_mutates_to_every_other_alternative(size: int) -> None:
    rng, domain = Random(0), Categorical(size)
    for entry in range(size):
        reached = {domain.mutate(entry, rng) for _ in range(50 * size)}
        assert reached == set(range(size)) - {entry}


@pytest.mark.parametrize("entry", [-1, 3, 1.0, True, "1", None, [0], math.nan])
@pytest.mark.parametrize(
    "domain", [Categorical(3), Subset(3, 1, 1), Grid(0, 2, 1, Prior(-0.5, 2.5))]
)
def test_a_finite_domain_holds_only_its_indices(
    domain: Categorical | Subset | Grid, entry: object
) -> None:
    assert domain.size == 3
    assert all(map(domain.contains, range(3)))
    assert not domain.contains(entry)


# ---- subsets ------------------------------------------------------------------------------------


@pytest.mark.parametrize("domain", SUBSETS, ids=str)
def test_ranks_number_every_subset_by_length_and_colexicographically(domain: Subset) -> None:
    expected = [
        chosen
        for length in range(domain.low, domain.high + 1)
        for chosen in sorted(
            itertools.combinations(range(domain.n), length), key=lambda c: tuple(reversed(c))
        )
    ]
    assert [domain.chosen(rank) for rank in range(domain.size)] == expected
    assert [domain.index(chosen) for chosen in expected] == list(range(domain.size))


@pytest.mark.parametrize("domain", SUBSETS, ids=str)
def test_neighbours_are_the_subsets_one_move_away(domain: Subset) -> None:
    everything = [set(domain.chosen(rank)) for rank in range(domain.size)]
    for rank, chosen in enumerate(everything):
        one_away = {
            other
            for other, candidates in enumerate(everything)
            if sorted((len(chosen - candidates), len(candidates - chosen))) in ([0, 1], [1, 1])
        }
        neighbours = domain.neighbours(rank)
        assert set(neighbours) == one_away
        assert len(neighbours) == len(one_away)


@pytest.mark.parametrize("domain", [Subset(5, 2, 2), Subset(4, 0, 4), Subset(4, 1, 3)], ids=str)
def test_subsets_mutate_uniformly_to_neighbours(domain: Subset) -> None:
    rng = Random(0)
    for rank in range(domain.size):
        counts = Counter(domain.mutate(rank, rng) for _ in range(600))
        assert set(counts) == set(domain.neighbours(rank))
        assert stats.chisquare(list(counts.values())).pvalue > 1e-4


def test_subsets_are_sampled_uniformly() -> None:
    rng, domain = Random(0), Subset(4, 1, 3)
    counts = Counter(domain.sample(rng) for _ in range(7000))
    assert stats.chisquare([counts[rank] for rank in range(14)]).pvalue > 1e-3


def test_large_subsets_are_ranked_without_being_listed() -> None:
    domain = Subset(200, 100, 100)
    assert domain.size == math.comb(200, 100)
    for rank in (0, 12345678901234567890, domain.size - 1):
        assert domain.index(domain.chosen(rank)) == rank


# ---- grids --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "value", "numbers", "probabilities"),
    [
        # round(U/5)*5 of U in [2, 10], clipped: half a step, a whole one, half a step of 8
        ("quniform", (2, 10, 5), [2, 5, 10], [0.0625, 0.625, 0.3125]),
        ("quniform", (0, 1, 0.5), [0, 0.5, 1], [0.25, 0.5, 0.25]),
        ("quniform", (0.1, 0.5, 0.1), [0.1, 0.2, 0.3, 0.4, 0.5], [1 / 8, *[1 / 4] * 3, 1 / 8]),
        ("quniform", (-3, 3, 2), [-3, -2, 0, 2, 3], None),
        ("quniform", (0, 2.6, 1), [0, 1, 2, 2.6], [0.5 / 2.6, 1 / 2.6, 1 / 2.6, 0.1 / 2.6]),
        ("quniform", (0.3, 0.4, 1), [0.3], [1.0]),
        ("randint", (0, 4), [0, 1, 2, 3], [0.25] * 4),
        ("randint", (-2, 1), [-2, -1, 0], [1 / 3] * 3),
        ("randint", (7, 8), [7], [1.0]),
        # log2 of the edges 1, 1.5, 2.5, 3.5, 4, of 2 in all
        (
            "qloguniform",
            (1, 4, 1),
            [1, 2, 3, 4],
            [
                math.log2(1.5) / 2,
                math.log2(2.5 / 1.5) / 2,
                math.log2(3.5 / 2.5) / 2,
                math.log2(4 / 3.5) / 2,
            ],
        ),
    ],
)
def test_a_grid_has_these_numbers_with_these_probabilities(
    kind: str, value: tuple[float, ...], numbers: list[float], probabilities: list[float] | None
) -> None:
    grid = _grid(kind, *value)
    assert [grid.value(index) for index in range(grid.size)] == numbers
    if probabilities:
        assert _probabilities(grid) == pytest.approx(probabilities, abs=1e-12)


@pytest.mark.parametrize(
    ("kind", "value", "kinds"),
    [
        ("quniform", (2, 10, 5), [int, int, int]),
        ("quniform", (2.0, 10.0, 5.0), [int, int, int]),
        ("quniform", (2, 3, 0.5), [float, float, float]),
        ("quniform", (2.5, 10, 5), [float, int, int]),
        ("randint", (0, 2), [int, int]),
    ],
)
def test_whole_steps_give_whole_numbers(
    kind: str, value: tuple[float, ...], kinds: list[type]
) -> None:
    grid = _grid(kind, *value)
    assert [type(grid.value(index)) for index in range(grid.size)] == kinds


def test_decimal_steps_give_the_decimals_that_people_write() -> None:
    grid = _grid("quniform", 0.1, 0.9, 0.1)
    numbers = [grid.value(index) for index in range(grid.size)]
    assert numbers == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]


@given(grids(), generators())
def test_grid_values_are_distinct_sorted_and_found_again(body: dict, rng: Random) -> None:
    grid = _grid(body["_type"], *body["_value"])
    values = [grid.value(index) for index in range(grid.size)]
    low, high = body["_value"][:2]
    assert values == sorted(set(values))
    assert low <= values[0]
    assert values[-1] <= high
    assert [grid.index(value) for value in values] == list(range(grid.size))
    assert [grid.nearest(value) for value in values] == list(range(grid.size))
    assert grid.contains(grid.sample(rng))


@pytest.mark.parametrize("value", [0.25, -1, 11, 1e300, -1e300, 4.9])
def test_numbers_beside_the_grid_have_no_index(value: float) -> None:
    assert _grid("quniform", 2, 10, 5).index(value) is None


def test_a_grid_of_very_many_whole_numbers_is_exact() -> None:
    grid = _grid("randint", 0, 2**53)
    for value in (0, 2**52 + 1, 2**53 - 1):
        assert grid.value(value) == value
        assert grid.index(value) == value


def test_a_grid_mutates_to_every_other_number() -> None:
    rng, grid = Random(0), _grid("quniform", 2, 10, 5)
    for entry in range(3):
        assert {grid.mutate(entry, rng) for _ in range(100)} == {0, 1, 2} - {entry}


# ---- continuous ---------------------------------------------------------------------------------

UNITS = [0.001, 0.1, 0.25, 0.5, 0.75, 0.9, 0.999]


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize(
    ("kind", "value", "reference"),
    [
        ("uniform", (-2, 5), stats.uniform(-2, 7)),
        ("loguniform", (1e-4, 10), stats.loguniform(1e-4, 10)),
        ("normal", (1.5, 2), stats.norm(1.5, 2)),
        ("lognormal", (0.5, 0.8), stats.lognorm(0.8, scale=math.exp(0.5))),
    ],
)
def test_quantiles_and_their_inverse(
    kind: str, value: tuple[float, float], reference: stats.rv_continuous, unit: float
) -> None:
    domain = _number(kind, *value)
    assert isinstance(domain, Continuous)
    assert domain.from_unit(unit) == pytest.approx(reference.ppf(unit), rel=1e-9)
    assert domain.to_unit(reference.ppf(unit)) == pytest.approx(unit, rel=1e-6)


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("q", [1, 0.1, 7])
@pytest.mark.parametrize("kind", ["qnormal", "qlognormal"])
def test_rounded_priors_round_their_quantiles(kind: str, q: float, unit: float) -> None:
    domain = _number(kind, 1.5, 2, q)
    assert isinstance(domain, Continuous)
    plain = stats.norm(1.5, 2).ppf(unit)
    plain = math.exp(plain) if kind == "qlognormal" else plain
    assert domain.from_unit(unit) == pytest.approx(round(plain / q) * q, abs=1e-9)
    assert isinstance(domain.from_unit(unit), int if isinstance(q, int) else float)


@pytest.mark.parametrize("unit", [0.0, 1.0])
@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("uniform", (0, 1)),
        ("loguniform", (1e-300, 1e300)),
        ("normal", (0, 1)),
        ("lognormal", (0, 69)),
        ("qnormal", (0, 1, 0.5)),
        ("qlognormal", (600, 1, 1e-9)),
    ],
)
def test_the_ends_of_a_prior_are_finite_and_inside(
    kind: str, value: tuple[float, ...], unit: float
) -> None:
    domain = _number(kind, *value)
    assert isinstance(domain, Continuous)
    assert domain.contains(domain.from_unit(unit))


def test_bounds_whose_logarithms_coincide() -> None:
    low = 1e10
    domain = _number("loguniform", low, math.nextafter(low, math.inf))
    assert domain.to_unit(low) == 0.5
    assert domain.contains(domain.sample(Random(0)))


@pytest.mark.parametrize(
    ("kind", "value", "inside", "outside"),
    [
        ("uniform", (0, 1), [0, 1, 0.5], [-1e-9, 1.1, 10**400, True, "0.5", None, math.nan]),
        ("normal", (0, 1), [0, -1e300, 1e300], [math.inf, math.nan, 10**400]),
        ("qnormal", (0, 1, 0.1), [0, 0.3, -0.7, 1e300, 100.1], [0.05, 0.30001, math.inf]),
        ("qnormal", (0, 1, 1e-10), [0, 0.3, 1e300], [0.5e-10]),
    ],
)
def test_what_an_infinite_domain_holds(
    kind: str, value: tuple[float, ...], inside: list[Entry], outside: list[object]
) -> None:
    domain = _number(kind, *value)
    assert [entry for entry in inside if not domain.contains(entry)] == []
    assert [entry for entry in outside if domain.contains(entry)] == []


@given(priors(), generators())
def test_continuous_mutation_differs_and_stays_inside(body: dict, rng: Random) -> None:
    domain = _number(body["_type"], *body["_value"])
    entry = domain.sample(rng)
    assert domain.contains(entry)
    mutant = domain.mutate(entry, rng)
    assert mutant != entry
    assert domain.contains(mutant)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("uniform", (1, math.nextafter(1, 2))),
        ("loguniform", (1e10, math.nextafter(1e10, math.inf))),
        ("normal", (1e300, 1e-300)),
        ("qnormal", (0.2, 1e-9, 1)),
        ("qnormal", (0.2, 1e-9, 0.1)),
        ("qlognormal", (600, 1e-9, 0.1)),
        ("qlognormal", (600, 1e-9, 1)),
    ],
)
def test_mutation_differs_where_the_prior_has_one_value(
    kind: str, value: tuple[float, ...]
) -> None:
    rng, domain = Random(0), _number(kind, *value)
    entry = domain.sample(rng)
    for _ in range(5):
        mutant = domain.mutate(entry, rng)
        assert mutant != entry
        assert domain.contains(mutant)
        entry = mutant


@given(st.floats(0.001, 0.999), generators())
def test_mutation_steps_by_a_tenth_of_the_mass(unit: float, rng: Random) -> None:
    domain = _number("loguniform", 1e-4, 1.0)
    assume(0.3 < unit < 0.7)  # elsewhere the reflection at the ends shows
    entry = domain.from_unit(unit)
    steps = [domain.to_unit(domain.mutate(entry, rng)) - unit for _ in range(200)]
    assert abs(sum(steps) / 200) < 0.05
    assert 0.07 < math.sqrt(sum(step**2 for step in steps) / 200) < 0.13

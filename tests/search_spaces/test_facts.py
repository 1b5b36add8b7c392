"""The page of facts about the spaces."""

from __future__ import annotations

from random import Random

import pytest

from benchmarks.spaces import facts
from nas_tuners import SearchSpace
from nas_tuners.contract.architecture import to_architecture
from nas_tuners.tuners._encoding import neighbours
from search_spaces import __main__ as files
from tests.search_spaces.chains import saved_space

TEXT = facts.PAGE.read_text(encoding="utf-8")
ROWS = {line.split("`")[1]: line for line in TEXT.splitlines() if line.startswith("| [`")}
QUICK = ("tabular_mlp", "vision_transformer")


def test_every_space_has_a_row_and_a_section() -> None:
    assert [*ROWS] == [*facts.INPUTS] == sorted(files.SPACES)
    for name in ROWS:
        assert f"\n## {name}\n" in TEXT


@pytest.mark.parametrize("name", ROWS)
def test_sizes_are_those_of_the_files(name: str) -> None:
    space = SearchSpace.loads(saved_space(name))
    columns = [column.strip() for column in ROWS[name].split("|")]
    assert columns[2:4] == [str(len(space.specs)), facts._count(space.size)]


@pytest.mark.parametrize(
    "name",
    [name if name in QUICK else pytest.param(name, marks=pytest.mark.extended) for name in ROWS],
)
def test_costs_are_those_of_the_networks(name: str) -> None:
    assert facts.row(name, facts.facts_of(name)) == ROWS[name], (
        "run `python -m benchmarks.spaces.facts`"
    )


def test_the_extremes_of_nas_bench_101_are_those_of_its_data() -> None:
    profiler = facts.profiler_of("nas_bench_101")
    space = profiler.search_space
    counts = []
    for vector in facts.extremes("nas_bench_101", space):
        assert space.fits(vector)
        counts.append(sum(p.numel() for p in profiler.build_vector(vector).parameters()))
    assert counts == [227_274, 49_979_274]


@pytest.mark.extended
@pytest.mark.parametrize("name", ROWS)
def test_no_network_is_smaller_or_larger(name: str) -> None:
    """Neither those drawn at random, nor those that differ from an extreme in one decision."""
    profiler, rng = facts.profiler_of(name), Random(0)
    space = profiler.search_space
    ends = facts.extremes(name, space)
    near = [other for vector in ends for other in neighbours(space, vector)]
    near = [vector for vector in rng.sample(near, min(40, len(near))) if space.fits(vector)]
    drawn = [space.sample_fitting(rng) for _ in range(10)]
    costs = [profiler(to_architecture(space, vector)) for vector in [*ends, *near, *drawn]]
    found = facts.facts_of(name)
    parameters = [cost.parameters for cost in costs]
    multiply_adds = [cost.multiply_adds for cost in costs]
    assert (min(parameters), max(parameters)) == found.parameters
    assert (min(multiply_adds), max(multiply_adds)) == found.multiply_adds

"""Mutation, crossover and neighbourhoods of index vectors."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas_tuners.contract.domains import Categorical, Grid, Subset
from nas_tuners.contract.search_space import IndexVector, SearchSpace
from nas_tuners.testing._spaces import SPACES
from nas_tuners.tuners._encoding import Neighbourhood, crossover, neighbours
from tests import strategies

LAYERS = SearchSpace(SPACES["layers"])
CONDITIONAL = SearchSpace(SPACES["conditional"])


def _changed(space: SearchSpace, vector: IndexVector, other: IndexVector) -> list[int]:
    """The decisions that were changed, not those that became active or inactive by that."""
    return [
        position
        for position, (entry, changed) in enumerate(zip(vector, other, strict=True))
        if entry is not None and changed is not None and entry != changed
    ]


# ---- neighbours ---------------------------------------------------------------------------------


def test_neighbours_of_layer_choices_are_all_at_distance_one() -> None:
    vector = LAYERS.sample(Random(0))
    expected = {
        other
        for other in LAYERS.enumerate()
        if sum(a != b for a, b in zip(vector, other, strict=True)) == 1
    }
    found = list(neighbours(LAYERS, vector))
    assert set(found) == expected
    assert len(found) == len(expected)


def test_neighbours_of_subsets_are_one_move_away() -> None:
    space = SearchSpace(SPACES["inputs"])
    vector = space.sample(Random(1))
    found = list(neighbours(space, vector))
    for position, decision in enumerate(space.decisions):
        moved = [other[position] for other in found if other[position] != vector[position]]
        assert isinstance(decision.domain, Subset)
        assert Counter(moved) == Counter(decision.domain.neighbours(vector[position] or 0))


def test_neighbours_on_a_grid_double_their_steps() -> None:
    space = SearchSpace({"width": {"_type": "randint", "_value": [0, 100]}})
    found = sorted(entry for (entry,) in neighbours(space, (10,)) if entry is not None)
    assert found == [2, 6, 8, 9, 11, 12, 14, 18, 26, 42, 74]
    assert next(neighbours(space, (0,))) == (1,)


def test_a_continuous_number_has_the_same_eight_neighbours_every_time() -> None:
    space = SearchSpace({"lr": {"_type": "loguniform", "_value": [1e-4, 1e-1]}})
    vector = space.sample(Random(0))
    found = list(neighbours(space, vector, seed=1))
    assert len(set(found)) == 8
    assert found == list(neighbours(space, vector, seed=1))
    assert set(found).isdisjoint(neighbours(space, vector, seed=2))


def test_neighbours_under_conditions_change_each_active_decision_once_each_way() -> None:
    for seed in range(30):
        vector = CONDITIONAL.sample(Random(seed))
        found = list(neighbours(CONDITIONAL, vector))
        changes = [(p, other[p]) for other in found for p in _changed(CONDITIONAL, vector, other)]
        expected = [
            (position, alternative)
            for position, entry in enumerate(vector)
            if entry is not None
            for alternative in range(int(CONDITIONAL.decisions[position].domain.size))
            if alternative != entry
        ]
        finite = (Categorical, Subset, Grid)
        assert all(isinstance(decision.domain, finite) for decision in CONDITIONAL.decisions)
        assert Counter(changes) == Counter(expected)


@settings(max_examples=60, deadline=None)
@given(strategies.spaces(), st.integers(0, 1_000))
def test_neighbourhoods_of_any_space(space: SearchSpace, seed: int) -> None:
    vector = space.sample(Random(seed))
    around = Neighbourhood(space, vector)
    found = list(around)
    assert all(space.invalid_entries(other) == [] for other in found)
    assert vector not in found
    assert len(set(found)) == len(found)
    drawn = [around.draw(Random(i)) for i in range(20)]
    assert set(drawn) <= set(found) if found else set(drawn) == {None}


def test_drawn_neighbours_are_equally_likely() -> None:
    """Over decisions of two to four alternatives; four standard deviations of a count."""
    space = SearchSpace(SPACES["inputs"] | {"op": {"_type": "layer_choice", "_value": ["a", "b"]}})
    around = Neighbourhood(space, space.sample(Random(3)))
    found, rng = list(around), Random(4)
    counts = Counter(around.draw(rng) for _ in range(200 * len(found)))
    assert set(counts) == set(found)
    assert all(abs(count - 200) < 4 * 200**0.5 for count in counts.values())


def test_neighbours_are_made_one_at_a_time() -> None:
    space = SearchSpace({f"op_{i}": SPACES["layers"]["edge_0"] for i in range(2_000)})
    following = neighbours(space, space.sample(Random(0)))
    assert next(following) != next(following)


# ---- crossover ----------------------------------------------------------------------------------


def test_a_child_takes_every_decision_from_a_parent() -> None:
    first, second = (
        LAYERS.sample(Random(1)),
        tuple(3 - int(e or 0) for e in LAYERS.sample(Random(1))),
    )
    rng = Random(0)
    children = [crossover(LAYERS, first, second, rng) for _ in range(400)]
    for position in range(len(first)):
        entries = Counter(child[position] for child in children)
        assert set(entries) == {first[position], second[position]}
        assert abs(entries[first[position]] - 200) < 4 * 100**0.5
    assert crossover(LAYERS, first, first, rng) == first


@pytest.mark.parametrize("seed", range(20))
def test_children_under_conditions_are_valid_and_inherit(seed: int) -> None:
    """What one parent alone has is inherited from it where the child has it at all."""
    rng = Random(seed)
    first, second = CONDITIONAL.sample(rng), CONDITIONAL.sample(rng)
    child = crossover(CONDITIONAL, first, second, rng)
    assert CONDITIONAL.invalid_entries(child) == []
    for entry, one, other in zip(child, first, second, strict=True):
        if entry is not None and (one is not None or other is not None):
            assert entry in (one, other)

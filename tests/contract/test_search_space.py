"""The encoded space: sampling, conditions, counting and enumeration."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from nas_tuners.contract.errors import SearchSpaceError, SpaceMismatchError
from nas_tuners.contract.search_space import SearchSpace, check_same_space
from nas_tuners.contract.space_size import describe_size
from tests.strategies import generators, spaces

ENUMERABLE = 3000


def _layer(*names: str, **more: Any) -> dict[str, Any]:
    return {"_type": "layer_choice", "_value": list(names), **more}


CONDITIONAL = {
    "child": _layer("p", "q", _active_if={"kind": [1], "inputs": [0, 2]}),
    "kind": _layer("a", "b"),
    "inputs": {"_type": "input_choice", "_value": {"candidates": ["x", "y", "z"], "n_chosen": 1}},
    "grandchild": _layer("s", "t", _active_if={"child": [1]}),
}


# ---- properties of random spaces ----------------------------------------------------------------


@given(spaces(), generators())
def test_every_sample_is_valid_and_canonical(space: SearchSpace, rng: Random) -> None:
    vector = space.sample(rng)
    assert space.invalid_entries(vector) == []
    assert space.canonical(vector) == vector


@given(spaces(), generators())
def test_canonical_is_idempotent_and_ignores_inactive_entries(
    space: SearchSpace, rng: Random
) -> None:
    everything = [decision.domain.sample(rng) for decision in space.decisions]
    vector = space.canonical(everything)
    assert space.invalid_entries(vector) == []
    assert space.canonical(vector) == vector
    assert all(entry in (None, full) for entry, full in zip(vector, everything, strict=True))


@given(spaces(), generators())
def test_complete_keeps_what_is_given(space: SearchSpace, rng: Random) -> None:
    vector = space.sample(rng)
    assert space.complete(vector, rng) == vector
    partly = [entry if rng.random() < 0.5 else None for entry in vector]
    assert space.invalid_entries(space.complete(partly, rng)) == []


@given(spaces(), generators())
def test_one_mutated_decision_leaves_a_valid_architecture(space: SearchSpace, rng: Random) -> None:
    vector = space.sample(rng)
    sizes = [decision.domain.size for decision in space.decisions]
    free = [i for i, entry in enumerate(vector) if entry is not None and sizes[i] > 1]
    assume(free)
    position = rng.choice(free)
    entry = vector[position]
    assert entry is not None
    mutant: list[Any] = list(vector)
    mutant[position] = space.decisions[position].domain.mutate(entry, rng)
    child = space.complete(mutant, rng)
    assert child != vector
    assert space.invalid_entries(child) == []


@given(spaces(finite=True, max_keys=4))
def test_enumeration_is_complete_distinct_and_as_long_as_the_size(space: SearchSpace) -> None:
    domains = [decision.domain.size for decision in space.decisions]
    assume(math.prod(domains) <= ENUMERABLE)
    vectors = list(space.enumerate())
    product = itertools.product(*(range(int(size)) for size in domains))
    assert set(vectors) == {space.canonical(entries) for entries in product}
    assert len(set(vectors)) == len(vectors) == space.size


@given(spaces(), st.data())
def test_wrong_entries_are_named_whatever_they_are(
    space: SearchSpace, data: st.DataObject
) -> None:
    vector: list[Any] = list(space.sample(Random(0)))
    assume(vector)
    place = data.draw(st.integers(0, len(vector) - 1))
    vector[place] = data.draw(st.sampled_from([-1, 10**30, "x", [0], True, math.nan, 10**400]))
    wrong = space.invalid_entries(vector)
    name = space.decisions[place].name
    infinite = space.decisions[place].domain.size == math.inf
    assert infinite or any(line.startswith(f"{name}: ") for line in wrong)


# ---- conditions ---------------------------------------------------------------------------------


def test_a_space_of_no_keys_has_one_architecture() -> None:
    space = SearchSpace({})
    assert space.size == 1
    assert list(space.enumerate()) == [()]
    assert space.sample(Random(0)) == ()
    assert space.is_flat


def test_conditions_hold_together_and_down_the_generations() -> None:
    space = SearchSpace(CONDITIONAL)
    assert not space.is_flat
    assert space.canonical([0, 1, 0, 1]) == (0, 1, 0, None)
    assert space.canonical([1, 1, 0, 1]) == (1, 1, 0, 1)
    assert space.canonical([1, 0, 0, 1]) == (None, 0, 0, None)
    assert space.canonical([1, 1, 1, 1]) == (None, 1, 1, None)
    # kind a: 3 inputs; kind b: input 1, or two inputs with child p or with child q, s or t
    assert space.size == 3 + 1 + 2 * 3


def test_a_subset_activates_when_it_contains_an_allowed_candidate() -> None:
    inputs = {"candidates": ["x", "y", "z"], "n_chosen": 2}
    space = SearchSpace(
        {
            "inputs": {"_type": "input_choice", "_value": inputs},
            "child": _layer("p", "q", _active_if={"inputs": [2]}),
        }
    )
    assert list(space.enumerate()) == [(0, None), (1, 0), (1, 1), (2, 0), (2, 1)]


def test_a_nested_choice_has_a_decision_for_each_inner_key() -> None:
    option = {"_name": "conv", "size": {"_type": "choice", "_value": [3, 5]}}
    space = SearchSpace(
        {"op": {"_type": "choice", "_value": ["none", option]}, "last": _layer("a")}
    )
    assert [decision.name for decision in space.decisions] == ["op", "op/conv/size", "last"]
    assert space.first_decision == {"op": 0, "last": 2}
    assert list(space.enumerate()) == [(0, None, 0), (1, 0, 0), (1, 1, 0)]


@pytest.mark.parametrize(
    ("vector", "wrong"),
    [
        ((0,), ["1 entries for 4 decisions"]),
        ((None, 0, 0, None), []),
        ((0, 0, 0, None), ["child: inactive here, yet it is 0"]),
        ((None, 1, 0, None), ["child: None is not an index below 2"]),
        ((2, 1, 0, None), ["child: 2 is not an index below 2"]),
        # nothing is said about what depends on a wrong entry, directly or not
        ((1, 2, 99, 5), ["kind: 2 is not an index below 2", "inputs: 99 is not an index below 3"]),
        ((1, "b", [0], 1), ["kind: 'b' is not an index below 2", "inputs: [0] is not an index"]),
    ],
)
def test_invalid_entries(vector: Any, wrong: list[str]) -> None:
    found = SearchSpace(CONDITIONAL).invalid_entries(vector)
    assert len(found) == len(wrong)
    assert all(line.startswith(start) for line, start in zip(found, wrong, strict=True))


# ---- size ---------------------------------------------------------------------------------------


def test_a_large_flat_space_is_counted_exactly() -> None:
    keys = {f"k{i}": _layer(*"abcdefgh") for i in range(28)}
    assert SearchSpace(keys).size == 8**28


def test_a_long_chain_of_conditions_is_counted_exactly() -> None:
    keys = {"k0": _layer("off", "on")}
    for i in range(1, 300):
        keys[f"k{i}"] = _layer("off", "on", _active_if={f"k{i - 1}": [1]})
    assert SearchSpace(keys).size == 301


def test_entangled_conditions_give_an_upper_bound() -> None:
    keys: dict[str, Any] = {f"p{i}": _layer("a", "b") for i in range(20)}
    keys |= {f"c{i}": _layer("a", "b", _active_if={f"p{i}": [0]}) for i in range(20)}
    assert SearchSpace(keys).size == 2**40


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (1, "1 architecture"),
        (0, "0 architectures"),
        (1280, "1,280 architectures"),
        (10**9 - 1, "999,999,999 architectures"),
        (4 * 10**21, "4.0e+21 architectures"),
        (2**20_000, "about 2^20001 architectures"),
        (math.inf, "infinitely many architectures"),
    ],
    ids=["1", "0", "1280", "1e9-1", "4e21", "2^20000", "inf"],
)
def test_sizes_in_words(size: int | float, words: str) -> None:
    assert describe_size(size) == words


def test_the_representation_says_how_large_it_is() -> None:
    assert repr(SearchSpace({"a": _layer("x", "y")})) == "SearchSpace(1 key, 2 architectures)"


# ---- identity and files -------------------------------------------------------------------------


def test_equality_is_that_of_the_json() -> None:
    assert SearchSpace({"a": _layer("x")}) == SearchSpace({"a": _layer("x")})
    assert SearchSpace({"a": _layer("x")}) != SearchSpace({"a": _layer("y")})
    assert SearchSpace({}) != {}


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [([0, 1], [0.0, 1.0], True), ([0, 1], [False, True], False), ([0, 1], ["0", "1"], False)],
)
def test_numbers_are_equal_by_value_and_booleans_are_no_numbers(
    one: list[Any], other: list[Any], equal: bool
) -> None:
    spaces = [SearchSpace({"a": {"_type": "choice", "_value": value}}) for value in (one, other)]
    assert (spaces[0] == spaces[1]) == equal
    assert (spaces[0].fingerprint == spaces[1].fingerprint) == equal
    assert not equal or hash(spaces[0]) == hash(spaces[1])


def test_a_space_of_any_form(tmp_path: Path) -> None:
    space = SearchSpace(CONDITIONAL)
    path = tmp_path / "space.json"
    path.write_text(space.dumps(), encoding="utf-8")
    assert SearchSpace.of(space) is space
    assert SearchSpace.of(CONDITIONAL) == space
    assert SearchSpace.of(path) == SearchSpace.of(str(path)) == space


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SearchSpaceError, match=r"none\.json: no such file"):
        SearchSpace.load(tmp_path / "none.json")


def test_the_fingerprint_is_stable() -> None:
    assert SearchSpace({"a": _layer("x", "y")}).fingerprint == "e53c9acc0b94"


def test_two_spaces_that_differ_are_compared_key_by_key() -> None:
    ours = SearchSpace({"same": _layer("a"), "conv1": _layer("a"), "size": _layer("a", "b")})
    theirs = SearchSpace({"same": _layer("a"), "conv_1": _layer("a"), "size": _layer("a")})
    with pytest.raises(SpaceMismatchError) as caught:
        check_same_space(ours, theirs, ours_is="the model", theirs_is="space.json")
    assert str(caught.value).splitlines() == [
        "the model and space.json do not agree; a changed model needs a new experiment or study, "
        "and where there is a search-space file, a new one (nas-tuners ss-gen): 3 problems",
        "  - conv1: only in the model; did you mean 'conv_1'?",
        "  - conv_1: only in space.json",
        '  - size: the model has ["a", "b"], space.json has ["a"]',
    ]


def test_where_the_other_space_is_from_is_said_once() -> None:
    ours, theirs = SearchSpace({"a": _layer("x")}), SearchSpace({"b": _layer("x")})
    with pytest.raises(SpaceMismatchError) as caught:
        check_same_space(
            ours, theirs, ours_is="the model", theirs_is="the experiment", where="runs/of/may"
        )
    assert str(caught.value).startswith("the model and the experiment (runs/of/may) do not agree")
    assert str(caught.value).count("runs/of/may") == 1
    assert [str(problem) for problem in caught.value.problems] == [
        "a: only in the model",
        "b: only in the experiment",
    ]


def test_of_keys_that_differ_in_more_than_candidates_it_says_in_what() -> None:
    values = {"_type": "choice", "_value": [1, 2]}
    ours = SearchSpace({"op": _layer("x", "y"), "one": values | {"_active_if": {"op": [0]}}})
    theirs = SearchSpace({"op": _layer("x", "y"), "one": values | {"_active_if": {"op": [1]}}})
    other = SearchSpace({"op": values, "one": values})
    with pytest.raises(SpaceMismatchError) as conditions:
        check_same_space(ours, theirs, ours_is="ours", theirs_is="theirs")
    with pytest.raises(SpaceMismatchError) as types:
        check_same_space(ours, other, ours_is="ours", theirs_is="theirs")
    assert [str(problem) for error in (conditions, types) for problem in error.value.problems] == [
        'one: ours has {"_active_if": {"op": [0]}}, theirs has {"_active_if": {"op": [1]}}',
        'op: ours has {"_type": "layer_choice", "_value": ["x", "y"]}, '
        'theirs has {"_type": "choice", "_value": [1, 2]}',
        'one: ours has {"_active_if": {"op": [0]}}, theirs has {}',
    ]


def test_equal_spaces_pass() -> None:
    one = SearchSpace({"a": {"_type": "uniform", "_value": [0, 1]}})
    other = SearchSpace({"a": {"_type": "uniform", "_value": [0.0, 1.0]}})
    check_same_space(one, other, ours_is="the model", theirs_is="space.json")

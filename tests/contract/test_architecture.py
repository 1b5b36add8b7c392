"""Every written form of an architecture, every refusal with its message, and the way back."""

from __future__ import annotations

import contextlib
import json
import math
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas_tuners.contract.architecture import (
    first_candidates,
    load_architecture,
    read_architecture,
    save_architecture,
    to_architecture,
    to_parameters,
    to_vector,
)
from nas_tuners.contract.errors import ArchitectureError, NasTunersError
from nas_tuners.contract.search_space import SearchSpace
from tests.strategies import generators, json_values, mutated, space_dicts, spaces

OPS = ["conv3x3", "conv5x5", "pool"]
LAYERS = ["layer1", "layer2", "layer3", "layer4", "layer5"]


def _inputs(candidates: list[str], n_chosen: Any) -> dict[str, Any]:
    return {
        "_type": "input_choice",
        "_value": {"candidates": candidates, "n_chosen": n_chosen},
    }


def _space(body: dict[str, Any]) -> SearchSpace:
    return SearchSpace({"key": body})


LAYER = _space({"_type": "layer_choice", "_value": OPS})
ONE_INPUT = _space(_inputs(OPS, 1))
TWO_INPUTS = _space(_inputs(LAYERS, 2))
ANY_INPUTS = _space(_inputs(OPS, None))
NAMESAKES = _space(_inputs(["", "", "x"], 1))
VALUES = _space({"_type": "choice", "_value": [1, 0.5, "1", True, None, [1, 2], {"a": 1}]})
CONV = {
    "_name": "conv",
    "size": {"_type": "choice", "_value": [3, 5]},
    "act": {"_type": "layer_choice", "_value": ["relu", "gelu"]},
}
NESTED = _space({"_type": "choice", "_value": ["none", {"_name": "skip"}, CONV]})


def _chosen(space: SearchSpace, given: Any) -> list[int]:
    entry = to_vector(space, {"key": given})[0]
    assert isinstance(entry, int)
    return list(space.decisions[0].domain.chosen(entry))  # type: ignore[union-attr]


def _problem(space: SearchSpace, given: Any) -> str:
    with pytest.raises(ArchitectureError) as caught:
        to_vector(space, {"key": given})
    (problem,) = caught.value.problems
    assert problem.where.split("/")[0] == "key"
    return problem.message


# ---- there and back -----------------------------------------------------------------------------


@given(spaces(), generators())
def test_parameters_and_architectures_give_the_vector_back(
    space: SearchSpace, rng: Random
) -> None:
    vector = space.sample(rng)
    for printed in (to_parameters(space, vector), to_architecture(space, vector)):
        assert to_vector(space, printed) == vector
        assert to_vector(space, json.loads(json.dumps(printed))) == vector


@given(spaces())
def test_the_first_candidates_are_valid(space: SearchSpace) -> None:
    vector = first_candidates(space)
    assert space.invalid_entries(vector) == []
    assert to_vector(space, to_parameters(space, vector)) == vector


@given(st.data(), space_dicts(max_keys=3))
def test_a_mutated_architecture_is_read_or_refused(
    data: st.DataObject, content: dict[str, Any]
) -> None:
    space = SearchSpace(content)
    printed = to_parameters(space, space.sample(Random(0)))
    architecture = data.draw(mutated(st.just(printed)))
    with contextlib.suppress(NasTunersError):
        assert space.invalid_entries(to_vector(space, architecture)) == []


@given(given_value=json_values)
@pytest.mark.parametrize("space", [LAYER, TWO_INPUTS, ANY_INPUTS, VALUES, NESTED])
def test_any_json_is_read_or_refused(space: SearchSpace, given_value: Any) -> None:
    with contextlib.suppress(NasTunersError):
        assert space.invalid_entries(to_vector(space, {"key": given_value})) == []


# ---- accepted forms -----------------------------------------------------------------------------


def test_the_example_of_the_documents() -> None:
    candidates = [f"layer{i}" for i in range(1, 6)]
    space = SearchSpace(
        {
            "LayerChoice1": {"_type": "layer_choice", "_value": OPS},
            "LayerChoice2": {"_type": "layer_choice", "_value": [*"abcdefg"]},
            "InputChoice3": _inputs(candidates, 2),
            "InputChoice4": _inputs(candidates, 2),
            "InputChoice5": _inputs(candidates, 2),
        }
    )
    architecture = {
        "LayerChoice1": "conv5x5",
        "LayerChoice2": 6,
        "InputChoice3": ["layer1", "layer3"],
        "InputChoice4": [1, 2],
        "InputChoice5": [False, True, False, False, True],
    }
    vector = to_vector(space, architecture)
    assert to_parameters(space, vector) == {
        "LayerChoice1": {"_value": "conv5x5", "_idx": 1},
        "LayerChoice2": {"_value": "g", "_idx": 6},
        "InputChoice3": {"_value": ["layer1", "layer3"], "_idx": [0, 2]},
        "InputChoice4": {"_value": ["layer2", "layer3"], "_idx": [1, 2]},
        "InputChoice5": {"_value": ["layer2", "layer5"], "_idx": [1, 4]},
    }
    assert to_architecture(space, vector) == {
        "LayerChoice1": "conv5x5",
        "LayerChoice2": "g",
        "InputChoice3": ["layer1", "layer3"],
        "InputChoice4": ["layer2", "layer3"],
        "InputChoice5": ["layer2", "layer5"],
    }


@pytest.mark.parametrize(
    "given_value",
    [
        "conv5x5",
        1,
        ["conv5x5"],
        [1],
        [False, True, False],
        ("conv5x5",),
        {"_value": "conv5x5", "_idx": 1},
        {"_value": "conv5x5", "_idex": 1},
        {"_value": "conv5x5", "_idx": 1, "_idex": 1},
        {"_value": ["conv5x5"], "_idx": [1]},
        {"_value": ["conv5x5"], "_idex": [1]},
        {"_idx": 1},
        {"_idex": [1]},
        {"_idx": 1, "_value": None},
        {"_value": "conv5x5"},
        {"_value": [False, True, False]},
    ],
)
@pytest.mark.parametrize("space", [LAYER, ONE_INPUT], ids=["layer", "input"])
def test_one_candidate_in_every_form(space: SearchSpace, given_value: Any) -> None:
    assert _chosen(space, given_value) == [1]


@pytest.mark.parametrize(
    "given_value",
    [
        ["layer2", "layer5"],
        ["layer5", "layer2"],
        [4, 1],
        [False, True, False, False, True],
        {"_value": ["layer2", "layer5"], "_idx": [1, 4]},
        {"_value": ["layer5", "layer2"], "_idex": [4, 1]},
        {"_idx": [4, 1]},
    ],
)
def test_two_inputs_in_every_form(given_value: Any) -> None:
    assert _chosen(TWO_INPUTS, given_value) == [1, 4]


@pytest.mark.parametrize(
    ("given_value", "chosen"),
    [
        ([], []),
        ({"_value": [], "_idx": []}, []),
        ([False] * 3, []),
        ("pool", [2]),
        (OPS, [0, 1, 2]),
        ([True] * 3, [0, 1, 2]),
    ],
)
def test_any_number_of_inputs(given_value: Any, chosen: list[int]) -> None:
    assert _chosen(ANY_INPUTS, given_value) == chosen


def test_zeros_and_ones_are_indices_and_not_a_mask() -> None:
    assert _chosen(ANY_INPUTS, [0, 1]) == [0, 1]


def test_a_name_that_repeats_is_given_by_index() -> None:
    assert _chosen(NAMESAKES, 1) == [1]
    assert _chosen(NAMESAKES, {"_value": [""], "_idx": [1]}) == [1]
    assert to_architecture(NAMESAKES, (1,)) == {"key": [1]}
    assert _chosen(NAMESAKES, "x") == [2]


@pytest.mark.parametrize(
    ("given_value", "index"),
    [(1, 0), (1.0, 0), (0.5, 1), ("1", 2), (True, 3), (None, 4), ([1, 2.0], 5), ({"a": 1}, 6)],
)
def test_values_are_given_as_they_are(given_value: Any, index: int) -> None:
    assert to_vector(VALUES, {"key": given_value}) == (index,)


def test_a_nested_value_holds_its_own_keys() -> None:
    vector = to_vector(NESTED, {"key": {"_name": "conv", "size": 5, "act": "gelu"}})
    assert vector == (2, 1, 1)
    assert to_parameters(NESTED, vector) == {
        "key": {"_name": "conv", "size": 5, "act": {"_value": "gelu", "_idx": 1}}
    }
    assert to_vector(NESTED, {"key": {"_name": "skip"}}) == (1, None, None)
    assert to_vector(NESTED, {"key": "none"}) == (0, None, None)


@pytest.mark.parametrize(
    ("kind", "value", "given_value", "entry"),
    [
        ("randint", [2, 5], 4, 2),
        ("randint", [2, 5], 4.0, 2),
        ("quniform", [2, 10, 5], 10, 2),
        ("quniform", [0, 1, 0.1], 0.1 + 0.2, 3),
        ("uniform", [0, 1], 0.25, 0.25),
        ("uniform", [0, 1], 1, 1),
        ("normal", [0, 1], -100.0, -100.0),
        ("lognormal", [690, 0.9], 1e303, 1e303),
        ("qnormal", [0, 1, 0.5], 7.5, 7.5),
    ],
)
def test_numbers(kind: str, value: Any, given_value: Any, entry: float) -> None:
    assert to_vector(_space({"_type": kind, "_value": value}), {"key": given_value}) == (entry,)


def test_inactive_keys_may_be_missing_and_are_ignored() -> None:
    child = {"_type": "layer_choice", "_value": OPS, "_active_if": {"parent": [1]}}
    space = SearchSpace({"child": child, "parent": {"_type": "layer_choice", "_value": OPS}})
    assert to_vector(space, {"parent": 0}) == (None, 0)
    assert to_vector(space, {"parent": 0, "child": "whatever"}) == (None, 0)
    assert to_vector(space, {"parent": 1, "child": 2}) == (2, 1)
    assert to_parameters(space, (None, 0)) == {"parent": {"_value": "conv3x3", "_idx": 0}}
    assert to_architecture(space, (None, 0)) == {"parent": "conv3x3"}


@pytest.mark.parametrize(
    ("body", "parameter"),
    [
        ({"_type": "layer_choice", "_value": OPS}, {"_value": "conv3x3", "_idx": 0}),
        (_inputs(OPS, 2), {"_value": ["conv3x3", "conv5x5"], "_idx": [0, 1]}),
        (_inputs(OPS, None), {"_value": OPS, "_idx": [0, 1, 2]}),
        (_inputs(OPS, [0, 1]), {"_value": ["conv3x3"], "_idx": [0]}),
        (_inputs(OPS, 0), {"_value": [], "_idx": []}),
        ({"_type": "choice", "_value": ["x", 2]}, "x"),
        ({"_type": "uniform", "_value": [0, 4]}, 2.0),
        ({"_type": "loguniform", "_value": [1, 100]}, pytest.approx(10)),
        ({"_type": "randint", "_value": [0, 5]}, 2),
    ],
)
def test_the_first_candidates(body: dict[str, Any], parameter: Any) -> None:
    space = _space(body)
    assert to_parameters(space, first_candidates(space)) == {"key": parameter}


# ---- refusals -----------------------------------------------------------------------------------

KNOWN = "(known: 'conv3x3', 'conv5x5', 'pool')"


@pytest.mark.parametrize(
    ("given_value", "message"),
    [
        ("conv5x6", f"no candidate 'conv5x6'; did you mean 'conv5x5'? {KNOWN}"),
        ("", f"no candidate '' {KNOWN}"),
        (3, "index 3 is out of range 0..2"),
        (-1, "index -1 is out of range 0..2"),
        (1.0, "1.0 is not a name or an index; indices are whole numbers"),
        ([1.0], "1.0 is not a name or an index; indices are whole numbers"),
        ([0.0, 1.0, 0.0], "0.0 is not a name or an index; indices are whole numbers"),
        (True, "give a name or an index, not the boolean True"),
        ([True, False], "a mask needs 3 booleans, got 2: [True, False]"),
        ([True] * 4, f"a mask needs 3 booleans, got 4: {[True] * 4}"),
        ([True, 1], "a list must hold names, or indices, or booleans, got [True, 1]"),
        (["pool", 1], "a list must hold names, or indices, or booleans, got ['pool', 1]"),
        ([[1]], "[1] is not a name or an index"),
        ([None], "None is not a name or an index"),
        (None, "expected a name, an index, or a list of them, got None"),
        ([1, 1], "the same candidate is chosen twice in [1, 1]"),
        (["pool", "pool"], "the same candidate is chosen twice in ['pool', 'pool']"),
        ({}, "neither _idx nor _value is given"),
        ({"_idxx": 1}, "unknown field '_idxx'; did you mean '_idx'?"),
        ({"_idx": 1, "name": "x"}, "unknown field 'name'"),
        ({"_idx": 3}, "index 3 is out of range 0..2"),
        ({"_idx": 1.0}, "_idx must be an index or a list of indices, got 1.0"),
        ({"_idx": True}, "_idx must be an index or a list of indices, got True"),
        ({"_idx": "1"}, "_idx must be an index or a list of indices, got '1'"),
        ({"_idx": None}, "_idx must be an index or a list of indices, got None"),
        ({"_idx": [[1]]}, "_idx must be an index or a list of indices, got [[1]]"),
        ({"_idx": [False, True, False]}, "_idx must be an index or a list of indices, "),
        ({"_idx": [1, 1]}, "the same candidate is chosen twice in [1, 1]"),
        ({"_idx": 1, "_idex": 2}, "_idx 1 and _idex 2 contradict each other"),
        (
            {"_idx": 1, "_value": "pool"},
            "_value 'pool' contradicts _idx 1, which is ['conv5x5']",
        ),
        (
            {"_idx": [1], "_value": ["pool"]},
            "_value ['pool'] contradicts _idx [1], which is ['conv5x5']",
        ),
        ({"_value": {"_idx": 1}}, "_value must be a name or a list of names, got {'_idx': 1}"),
    ],
)
@pytest.mark.parametrize("space", [LAYER, ONE_INPUT], ids=["layer", "input"])
def test_a_wrong_choice_is_refused_with_the_reason(
    space: SearchSpace, given_value: Any, message: str
) -> None:
    assert _problem(space, given_value).startswith(message)


@pytest.mark.parametrize(
    ("space", "given_value", "message"),
    [
        (LAYER, [], "exactly one candidate must be chosen, got []"),
        (LAYER, [0, 1], "exactly one candidate must be chosen, got [0, 1]"),
        (LAYER, [False] * 3, f"exactly one candidate must be chosen, got {[False] * 3}"),
        (TWO_INPUTS, "layer1", "2 of 5 inputs must be chosen, got 'layer1'"),
        (TWO_INPUTS, [0, 1, 2], "2 of 5 inputs must be chosen, got [0, 1, 2]"),
        (_space(_inputs(OPS, [1, 2])), [], "1 to 2 of 3 inputs must be chosen, got []"),
        (NAMESAKES, "", "2 candidates are named ''; give the index"),
        (VALUES, 2, "2 is none of the options [1, 0.5, '1', True, None, [1, 2], {'a': 1}]"),
        (VALUES, {"a": True}, "{'a': True} is none of the options "),
        (VALUES, math.nan, "nan is not a JSON value"),
        (NESTED, "conv", "'conv' is none of the options ['none', {'_name': 'skip'}, "),
        (NESTED, {"_name": "cnv"}, "{'_name': 'cnv'} is none of the options "),
        (NESTED, {"_name": "conv", "size": 5}, "missing; expected one of ['relu', 'gelu']"),
        (NESTED, {"_name": "skip", "size": 5}, "unknown key"),
        (
            NESTED,
            {"_name": "conv", "size": 5, "act": 0, "sise": 3},
            "unknown key; did you mean 'size'?",
        ),
        (NESTED, {"_name": "conv", "size": 4, "act": 0}, "4 is none of the options [3, 5]"),
    ],
)
def test_other_refusals(space: SearchSpace, given_value: Any, message: str) -> None:
    assert _problem(space, given_value).startswith(message)


@pytest.mark.parametrize(
    ("kind", "value", "given_value", "message"),
    [
        ("uniform", [0, 1], 1.5, "1.5 is not in [0.0, 1.0]"),
        ("uniform", [0, 1], "0.5", "expected a finite number, got '0.5'"),
        ("uniform", [0, 1], True, "expected a finite number, got True"),
        ("uniform", [0, 1], math.nan, "expected a finite number, got nan"),
        ("uniform", [0, 1], 10**400, "expected a finite number, got 1000"),
        ("uniform", [0, 1], {"_value": 0.5}, "expected a finite number, got {'_value': 0.5}"),
        ("randint", [0, 5], 5, "5 is not in [0, 4] in steps of 1"),
        ("randint", [0, 5], 2.5, "2.5 is not in [0, 4] in steps of 1"),
        ("quniform", [2, 10, 5], 7, "7 is not in [2, 10] in steps of 5"),
        ("quniform", [0, 1, 0.5], 10**300, "1000"),
        ("qnormal", [0, 1, 0.5], 0.3, "0.3 is not in [-inf, inf] in steps of 0.5"),
    ],
)
def test_a_wrong_number_is_refused_with_its_range(
    kind: str, value: Any, given_value: Any, message: str
) -> None:
    assert _problem(_space({"_type": kind, "_value": value}), given_value).startswith(message)


def test_every_wrong_key_is_reported_at_once() -> None:
    space = SearchSpace(
        {
            "first_conv": {"_type": "layer_choice", "_value": OPS},
            "skip": _inputs(["", "a"], [0, 1]),
            "rate": {"_type": "uniform", "_value": [0, 1]},
            "size": {"_type": "choice", "_value": [1, 2]},
        }
    )
    with pytest.raises(ArchitectureError) as caught:
        to_vector(space, {"frist_conv": "pool", "size": 3}, source="a.json")
    assert str(caught.value).splitlines() == [
        "a.json: 5 problems",
        "  - frist_conv: unknown key; did you mean 'first_conv'?",
        "  - first_conv: missing; expected one of ['conv3x3', 'conv5x5', 'pool']",
        "  - skip: missing; expected 0 to 1 of ['', 'a']",
        "  - rate: missing; expected a number in [0.0, 1.0]",
        "  - size: 3 is none of the options [1, 2]",
    ]


def test_inputs_without_names_are_expected_by_number() -> None:
    space = SearchSpace({"skip": _inputs(["", "", ""], [2, 2])})
    with pytest.raises(ArchitectureError, match=r"skip: missing; expected 2 of \[0, 1, 2\]"):
        to_vector(space, {})


def test_a_key_unlike_any_other_is_to_be_taken_out() -> None:
    problem = r"lr: unknown key; there is none like it: take it out$"
    with pytest.raises(ArchitectureError, match=problem):
        read_architecture(LAYER, {"key": "pool", "lr": 0.1})


def test_an_architecture_is_a_dict_or_a_file() -> None:
    wrong: Any = ["pool"]
    with pytest.raises(ArchitectureError, match="expected a dict or the path of a JSON file, got"):
        read_architecture(LAYER, wrong)


@pytest.mark.parametrize("architecture", [[], "text", 3, None])
def test_an_architecture_is_an_object(architecture: Any) -> None:
    kind = type(architecture).__name__
    with pytest.raises(ArchitectureError, match=f"expected an object of keys, got a {kind}"):
        to_vector(LAYER, architecture)


@pytest.mark.parametrize("space", [LAYER, VALUES, NESTED])
def test_nesting_beyond_the_stack_is_refused(space: SearchSpace) -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(ArchitectureError, match="nested too deeply"):
        to_vector(space, {"key": deep})


# ---- files --------------------------------------------------------------------------------------


def test_a_saved_architecture_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    save_architecture({"key": ["layer1", "layer2"]}, path)
    assert json.loads(path.read_text()) == {"key": ["layer1", "layer2"]}
    assert read_architecture(TWO_INPUTS, path) == read_architecture(TWO_INPUTS, str(path)) == (0,)
    assert read_architecture(TWO_INPUTS, {"key": [0, 1]}) == (0,)


def test_a_wrong_file_is_refused_with_its_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{\n  "keyy": 1,\n  "key": "pol"\n}')
    with pytest.raises(ArchitectureError) as caught:
        read_architecture(LAYER, path)
    assert str(caught.value).splitlines() == [
        f"{path}: 2 problems",
        "  - keyy (line 2): unknown key; did you mean 'key'?",
        f"  - key (line 3): no candidate 'pol'; did you mean 'pool'? {KNOWN}",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "line 1, column 2: broken JSON: Expecting property name"),
        ("[1]", "expected a JSON object of keys, got a list"),
        ('{"key": NaN}', "not usable as JSON: NaN is not a number of JSON"),
        ('{"key": 1, "key": 2}', "the same key stands twice in one object: 'key'"),
    ],
)
def test_an_unusable_file_is_an_architecture_error(
    tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(ArchitectureError) as caught:
        load_architecture(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)


def test_a_missing_file_is_an_architecture_error(tmp_path: Path) -> None:
    with pytest.raises(ArchitectureError, match=r"a\.json: no such file"):
        read_architecture(LAYER, tmp_path / "a.json")

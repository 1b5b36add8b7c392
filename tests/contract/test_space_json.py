"""Reading the search-space JSON: what is accepted, and every refusal with its message."""

from __future__ import annotations

import contextlib
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas_tuners.contract.domains import Categorical, Continuous, Grid, Subset
from nas_tuners.contract.errors import NasTunersError, SearchSpaceError
from nas_tuners.contract.search_space import SearchSpace
from tests.strategies import json_values, mutated, names, space_dicts

LAYER = {"_type": "layer_choice", "_value": ["a", "b", "c"]}


def _body(kind: Any, value: Any, **more: Any) -> dict[str, Any]:
    return {"_type": kind, "_value": value, **more}


def _inputs(candidates: Any, n_chosen: Any) -> dict[str, Any]:
    return _body("input_choice", {"candidates": candidates, "n_chosen": n_chosen})


def _problems(content: Any) -> list[str]:
    with pytest.raises(SearchSpaceError) as caught:
        SearchSpace(content)
    return [str(problem) for problem in caught.value.problems]


# ---- round trips and fuzz -----------------------------------------------------------------------


@given(space_dicts())
def test_what_is_parsed_is_printed(content: dict[str, Any]) -> None:
    space = SearchSpace(content)
    printed = space.to_dict()
    assert printed == content
    assert list(printed) == list(content)
    again = SearchSpace.loads(space.dumps())
    assert again == space
    assert again.dumps() == space.dumps()
    assert again.fingerprint == space.fingerprint
    assert hash(again) == hash(space)


@given(mutated(space_dicts()))
def test_a_mutated_space_is_read_or_refused(content: Any) -> None:
    with contextlib.suppress(NasTunersError):
        assert SearchSpace(SearchSpace(content).to_dict()) == SearchSpace(content)


@given(json_values | st.dictionaries(names, json_values))
def test_any_json_is_read_or_refused(content: Any) -> None:
    with contextlib.suppress(NasTunersError):
        SearchSpace(content)


@given(mutated(space_dicts(max_keys=2)).map(json.dumps), st.data())
def test_a_mutated_text_is_read_or_refused(text: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(text)))
    middle = data.draw(st.sampled_from(["", "{", "]", '"', ",", "NaN", "1e999", "\\ud800", "-"]))
    with contextlib.suppress(NasTunersError):
        SearchSpace.loads(text[:place] + middle + text[place + len(middle) :])


def _nested(depth: int) -> dict[str, Any]:
    body = _body("choice", [1])
    for _ in range(depth):
        body = _body("choice", [{"_name": "x", "k": body}])
    return {"a": body}


def _deep_option(depth: int) -> dict[str, Any]:
    option: Any = 1
    for _ in range(depth):
        option = [option]
    return {"a": _body("choice", [option])}


def test_nesting_is_read_to_a_fair_depth() -> None:
    assert len(SearchSpace(_nested(50)).decisions) == 51
    assert SearchSpace(_deep_option(50)).size == 1


@pytest.mark.parametrize("content", [_nested(3000), _deep_option(100_000)])
def test_nesting_beyond_the_stack_is_refused(content: Any) -> None:
    assert _problems(content) == ["nested too deeply"]


# ---- what is accepted ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n_chosen", "low", "high"),
    [(0, 0, 0), (2, 2, 2), (3, 3, 3), (None, 0, 3), ([0, 1], 0, 1), ([1, 3], 1, 3)],
)
def test_the_forms_of_n_chosen(n_chosen: Any, low: int, high: int) -> None:
    space = SearchSpace({"i": _inputs(["", "", ""], n_chosen)})
    assert space.decisions[0].domain == Subset(3, low, high)
    assert space.to_dict()["i"]["_value"]["n_chosen"] == n_chosen


@pytest.mark.parametrize(
    ("kind", "value", "domain"),
    [
        ("layer_choice", ["a", "a"], Categorical),
        ("choice", [1, "1", True, None, [1], {"a": 1}], Categorical),
        ("randint", [0, 5], Grid),
        ("quniform", [0, 1, 0.5], Grid),
        ("qloguniform", [1, 8, 1], Grid),
        ("uniform", [0, 1], Continuous),
        ("loguniform", [1, 2], Continuous),
        ("normal", [0, 1], Continuous),
        ("qnormal", [0, 1, 1], Continuous),
        ("lognormal", [0, 1], Continuous),
        ("qlognormal", [0, 1, 1], Continuous),
    ],
)
def test_every_type_is_known(kind: str, value: Any, domain: type) -> None:
    space = SearchSpace({"key": _body(kind, value)})
    assert isinstance(space.decisions[0].domain, domain)
    assert (space.size == math.inf) == (domain is Continuous)


def test_options_are_kept_as_a_file_would_give_them_back() -> None:
    options = [(1, 2), {3: "x"}]
    space = SearchSpace({"a": _body("choice", options)})
    assert space.to_dict()["a"]["_value"] == [[1, 2], {"3": "x"}]
    assert space == SearchSpace.loads(space.dumps())


def test_a_space_keeps_its_own_copy_of_options() -> None:
    options = [[1], [2]]
    space = SearchSpace({"a": _body("choice", options)})
    options[0].append(9)
    assert space.to_dict()["a"]["_value"] == [[1], [2]]


# ---- what is refused ----------------------------------------------------------------------------

N_CHOSEN_RULE = "n_chosen must be an integer k, null (any number), or [low, high] within 0..2"
TYPES = (
    "layer_choice, input_choice, choice, randint, uniform, quniform, loguniform, qloguniform, "
    "normal, qnormal, lognormal, qlognormal"
)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (3, 'must be like {"_type": ..., "_value": ...}, got 3'),
        ({"_value": [1]}, "_type is missing"),
        ({"_type": "choice"}, "_value is missing"),
        (
            _body("layer_choise", ["a"]),
            f"unknown _type 'layer_choise'; did you mean 'layer_choice'? (known: {TYPES})",
        ),
        (_body(3, ["a"]), f"unknown _type 3 (known: {TYPES})"),
        (_body([3], ["a"]), f"unknown _type [3] (known: {TYPES})"),
        (
            _body("choice", [1], _valeu=[2]),
            "unknown field '_valeu'; did you mean '_value'?",
        ),
        (_body("layer_choice", []), "_value must be a non-empty list of names, got []"),
        (_body("layer_choice", "ab"), "_value must be a non-empty list of names, got 'ab'"),
        (_body("layer_choice", [1]), "_value must be a non-empty list of names, got [1]"),
        (
            _body("input_choice", ["a"]),
            '_value must be like {"candidates": [...], "n_chosen": ...}, got [\'a\']',
        ),
        (_body("input_choice", {}), "_value lacks candidates and n_chosen"),
        (_body("input_choice", {"candidates": ["a"]}), "_value lacks n_chosen"),
        (_inputs([], 0), "candidates must be a non-empty list of names, got []"),
        (_inputs("ab", 0), "candidates must be a non-empty list of names, got 'ab'"),
        *[
            (_inputs(["a", "b"], n_chosen), f"{N_CHOSEN_RULE}, got {n_chosen!r}")
            for n_chosen in (3, -1, 1.0, True, "1", [1], [2, 1], [0, 3], [0, 1, 2], [0, True])
        ],
        (_body("choice", []), "_value must be a non-empty list of options, got []"),
        (_body("choice", {"a": 1}), "_value must be a non-empty list of options, got {'a': 1}"),
        (_body("choice", [1, 1]), "an option stands twice in [1, 1]"),
        (_body("choice", [1, 1.0]), "an option stands twice in [1, 1.0]"),
        (_body("choice", [{"_name": 3}]), "_name must be a string, got 3"),
        (
            _body("choice", [{"_name": "x"}, {"_name": "x"}]),
            "an option stands twice in [{'_name': 'x'}, {'_name': 'x'}]",
        ),
        (_body("uniform", [0]), "_value must be [low, high], got [0]"),
        (_body("uniform", [0, True]), "_value must be [low, high], got [0, True]"),
        (_body("uniform", [0, math.inf]), "_value must be [low, high], got [0, inf]"),
        (_body("uniform", ["0", 1]), "_value must be [low, high], got ['0', 1]"),
        (_body("uniform", {"low": 0}), "_value must be [low, high], got {'low': 0}"),
        (_body("uniform", [1, 1]), "`low < high` must hold, but got [1, 1]"),
        (_body("quniform", [0, 1, 0]), "`q > 0` must hold, but got [0, 1, 0]"),
        (
            _body("quniform", [0, 1e20, 1]),
            "`q` must not be below the precision of the range, but got [0, 1e+20, 1]",
        ),
        (_body("loguniform", [0, 1]), "`low > 0` must hold, but got [0, 1]"),
        (_body("qloguniform", [-1, 1, 1]), "`low > 0` must hold, but got [-1, 1, 1]"),
        (_body("normal", [0, 0]), "`sigma > 0` must hold, but got [0, 0]"),
        (
            _body("lognormal", [0, 100]),
            "`exp(mu + 10 sigma)` must be a finite number, but got [0, 100]",
        ),
        (_body("randint", [5, 5]), "`lower < upper` must hold, but got [5, 5]"),
        (
            _body("randint", [0, 2.5]),
            "`lower` and `upper` must be whole numbers up to 2**53, but got [0, 2.5]",
        ),
        (
            _body("randint", [0, 2**60]),
            f"`lower` and `upper` must be whole numbers up to 2**53, but got [0, {2**60}]",
        ),
    ],
)
def test_a_wrong_key_is_refused_with_the_rule(body: Any, message: str) -> None:
    assert _problems({"key": body}) == [f"key: {message}"]


@pytest.mark.parametrize(
    ("option", "why"),
    [
        (math.nan, "not JSON compliant"),
        ({1, 2}, "Object of type set is not JSON serializable"),
        ("\ud800", "surrogates not allowed"),
    ],
)
def test_an_option_must_be_json(option: Any, why: str) -> None:
    (problem,) = _problems({"key": _body("choice", [0, option])})
    assert problem.startswith("key: an option is not a JSON value: ")
    assert why in problem


@pytest.mark.parametrize(
    "content",
    [
        {"\ud800": LAYER},
        {"key": _body("layer_choice", ["\udfff"])},
        {"key": _inputs(["\ud800"], 1)},
        {"key": _body("choice", [{"_name": "\ud800"}])},
    ],
)
def test_half_a_surrogate_pair_is_no_name(content: Any) -> None:
    assert len(_problems(content)) == 1


@pytest.mark.parametrize("content", [[], "text", 3, None, True])
def test_a_space_is_an_object(content: Any) -> None:
    kind = type(content).__name__
    assert _problems(content) == [f"expected a JSON object of keys, got a {kind}"]
    with pytest.raises(SearchSpaceError, match=f"got a {kind}"):
        SearchSpace.loads(json.dumps(content))


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ({}, '_active_if must be like {"parent_key": [0, 2]}'),
        ([0], '_active_if must be like {"parent_key": [0, 2]}'),
        (None, '_active_if must be like {"parent_key": [0, 2]}'),
        (
            {"layr": [0]},
            "_active_if names 'layr', which is not a valid key; did you mean 'layer'?",
        ),
        ({"number": [0]}, "_active_if names 'number', which is not a choice"),
        *[
            (
                {"layer": allowed},
                f"_active_if['layer'] must list distinct indices in 0..2, got {allowed!r}",
            )
            for allowed in ([], [3], [-1], [0, 0], [True], [0.0], [[0]], 0, "0", None)
        ],
    ],
)
def test_a_wrong_condition_is_refused(condition: Any, message: str) -> None:
    content = {
        "layer": LAYER,
        "number": _body("uniform", [0, 1]),
        "child": LAYER | {"_active_if": condition},
    }
    assert _problems(content) == [f"child: {message}"]


def test_conditions_must_not_go_round_in_a_circle() -> None:
    content = {
        "free": LAYER,
        "a": LAYER | {"_active_if": {"b": [0]}},
        "b": LAYER | {"_active_if": {"a": [0]}},
    }
    assert _problems(content) == ["_active_if goes round in a circle: 'a', 'b'"]
    assert _problems({"a": LAYER | {"_active_if": {"a": [0]}}}) == [
        "_active_if goes round in a circle: 'a'"
    ]


def test_conditions_are_for_whole_keys_only() -> None:
    inner = _body("choice", [1], _active_if={"a": [0]})
    content = {"a": _body("choice", [{"_name": "x", "k": inner}])}
    assert _problems(content) == ["a/x/k: unknown field '_active_if'"]


def test_all_problems_are_reported_at_once_with_their_lines() -> None:
    text = """{
      "conv": {"_type": "layer_choise", "_value": ["a"]},
      "fine": {"_type": "choice", "_value": [1]},
      "nested": {"_type": "choice", "_value": [
        {"_name": "x", "units": {"_type": "uniform", "_value": [2, 1]}}
      ]}
    }"""
    with pytest.raises(SearchSpaceError) as caught:
        SearchSpace.loads(text, source="space.json")
    assert str(caught.value).splitlines() == [
        "space.json: 2 problems",
        f"  - conv (line 2): unknown _type 'layer_choise'; did you mean 'layer_choice'? "
        f"(known: {TYPES})",
        "  - nested/x/units (line 5): `low < high` must hold, but got [2, 1]",
    ]


def test_a_problem_without_a_place_gets_no_line() -> None:
    content = {"a": _body("layer_choice", [""]) | {"_active_if": {"a": [0]}}}
    with pytest.raises(SearchSpaceError) as caught:
        SearchSpace.loads(json.dumps(content), source="space.json")
    assert str(caught.value) == "space.json: _active_if goes round in a circle: 'a'"

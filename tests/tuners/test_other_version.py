"""Results of another version of a search space: what can be used is used, the rest is said."""

from __future__ import annotations

import json
from typing import Any

import pytest

from nas_tuners import RandomTuner
from nas_tuners.contract.errors import ArchitectureError
from nas_tuners.contract.search_space import SearchSpace
from nas_tuners.tuners._other_version import read_usable_records

SPACE = SearchSpace(
    {
        "op": {"_type": "layer_choice", "_value": ["conv3x3", "conv5x5", "pool"]},
        "in": {"_type": "input_choice", "_value": {"candidates": list("abc"), "n_chosen": 2}},
        "same": {"_type": "layer_choice", "_value": ["", "", ""]},
    }
)


def _record(value: Any = 0.5, **changed: Any) -> dict[str, Any]:
    parameter = {
        "op": {"_value": "conv5x5", "_idx": 1},
        "in": {"_value": ["a", "c"], "_idx": [0, 2]},
        "same": {"_value": "", "_idx": 2},
    } | changed
    return {"parameter": {key: part for key, part in parameter.items() if part}, "value": value}


GOOD = _record()
GOOD_VECTOR = (1, 1, 2)


def _read(*records: Any) -> list[tuple[Any, Any]]:
    return read_usable_records(SPACE, list(records), "imported data")


def test_records_of_this_version_are_read_without_a_word(
    caplog: pytest.LogCaptureFixture,
) -> None:
    exported = {"parameter": json.dumps(GOOD["parameter"]), "value": "0.25"}
    assert _read(GOOD, exported, _record(None)) == [
        (GOOD_VECTOR, 0.5),
        (GOOD_VECTOR, 0.25),
        (GOOD_VECTOR, None),
    ]
    assert _read() == []
    assert caplog.messages == []


@pytest.mark.parametrize(
    ("changed", "difference"),
    [
        ({"stem": {"_value": "x", "_idx": 0}}, "stem: unknown key; there is none like it"),
        ({"op": {"_value": "conv5x5", "_idx": 2}}, "op: _value 'conv5x5' contradicts _idx 2"),
        ({"op": {"_value": "conv5x5", "_idx": 7}}, "op: index 7 is out of range"),
        (
            {"in": {"_value": ["c", "a"], "_idx": [3, 1]}},
            "in: index 3 is out of range",
        ),
    ],
    ids=["a key that is gone", "moved", "moved out of range", "moved inputs"],
)
def test_what_it_decides_here_is_used(
    changed: dict[str, Any], difference: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert _read(GOOD, _record(1.5, **changed)) == [(GOOD_VECTOR, 0.5), (GOOD_VECTOR, 1.5)]
    [message] = caplog.messages
    assert "imported data of another search space: 2 of 2 records are used." in message
    assert f"\n  - {difference}" in message
    assert message.endswith("(1 of 2 records)")


@pytest.mark.parametrize(
    ("changed", "difference"),
    [
        ({"op": None}, "op: missing; expected one of ['conv3x3', 'conv5x5', 'pool']"),
        ({"op": {"_value": "conv7x7", "_idx": 1}}, "op: _value 'conv7x7' contradicts _idx 1"),
        ({"op": {"_idx": 7}}, "op: index 7 is out of range"),
        ({"in": {"_value": ["a"], "_idx": [0]}}, "in: 2 of 3 inputs must be chosen"),
        ({"same": {"_value": "", "_idx": 3}}, "same: index 3 is out of range"),
    ],
    ids=["no decision", "chose what is gone", "an index alone", "another n_chosen", "equal names"],
)
def test_what_it_leaves_open_is_not_used(
    changed: dict[str, Any], difference: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert _read(GOOD, _record(**changed), _record(**changed)) == [(GOOD_VECTOR, 0.5)]
    [message] = caplog.messages
    assert "1 of 3 records are used; the others lack a decision" in message
    assert f"\n  - {difference}" in message
    assert message.endswith("(2 of 3 records)")


def test_nested_choices_are_read_by_name_too() -> None:
    inner = {"_type": "layer_choice", "_value": ["relu", "gelu"]}
    space = SearchSpace(
        {"block": {"_type": "choice", "_value": [0, {"_name": "mlp", "activation": inner}]}}
    )
    nested = {"_name": "mlp", "activation": {"_value": "gelu", "_idx": 0}, "gone": 3}
    records = [{"parameter": {"block": nested}, "value": 1.0}]
    assert read_usable_records(space, records, "data") == [((1, 1), 1.0)]


def test_nothing_usable_is_an_error() -> None:
    with pytest.raises(ArchitectureError, match=r"imported data: 2 problems[\s\S]*record 1, op"):
        _read(_record(op=None), _record(op={"_idx": 5}))


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"value": 3}, "record 1: expected"),
        ({"parameter": GOOD["parameter"]}, "record 1: expected"),
        (7, "record 1: expected"),
        ({"parameter": [1], "value": 3}, "record 1: `parameter` must be an object of keys, got a"),
        ({"parameter": "{", "value": 3}, "`parameter` must be an object of keys, got a str"),
    ],
)
def test_what_is_no_record_is_an_error(record: Any, message: str) -> None:
    with pytest.raises(ArchitectureError, match=message):
        _read(GOOD, record)


def test_a_long_list_of_differences_is_cut(caplog: pytest.LogCaptureFixture) -> None:
    extra = {f"gone_{i}": {"_value": "x", "_idx": 0} for i in range(50)}
    _read(_record(**extra))
    assert caplog.messages[0].count("\n  - ") == 21
    assert caplog.messages[0].endswith("  - and 30 more")


def test_a_tuner_imports_what_it_can(caplog: pytest.LogCaptureFixture) -> None:
    tuner = RandomTuner(seed=0)
    tuner.update_search_space(SPACE)
    tuner.import_data([_record(op={"_value": "pool", "_idx": 3}), _record(op=None)])
    assert tuner._evaluated == {(2, 1, 2)}
    assert "1 of 2 records are used" in caplog.text


def test_a_new_key_without_an_alternative_asks_nothing() -> None:
    grown = SearchSpace(
        SPACE.to_dict()
        | {
            "one": {"_type": "layer_choice", "_value": ["only"]},
            "none": {"_type": "input_choice", "_value": {"candidates": ["a"], "n_chosen": 0}},
            "option": {"_type": "choice", "_value": [3]},
        }
    )
    assert read_usable_records(grown, [GOOD], "imported data") == [((*GOOD_VECTOR, 0, 0, 0), 0.5)]
    asks = SearchSpace(
        SPACE.to_dict()
        | {
            "nested": {
                "_type": "choice",
                "_value": [{"_name": "x", "n": {"_type": "choice", "_value": [1, 2]}}],
            }
        }
    )
    with pytest.raises(ArchitectureError, match="nested: missing"):
        read_usable_records(asks, [GOOD], "imported data")

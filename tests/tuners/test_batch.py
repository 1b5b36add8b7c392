"""A given list of architectures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nas_tuners.contract.errors import ArchitectureError, SearchSpaceError, SearchSpaceExhausted
from nas_tuners.tuners._batch import BatchTuner

SPACE = {
    "conv": {"_type": "layer_choice", "_value": ["3x3", "5x5"]},
    "skip": {"_type": "input_choice", "_value": {"candidates": ["", ""], "n_chosen": None}},
}
BATCH = [
    {"conv": "5x5", "skip": [True, False]},
    {"conv": 0, "skip": []},
    {"conv": {"_value": "5x5", "_idx": 1}, "skip": {"_value": [""], "_idex": [0]}},
]


def test_the_given_ones_in_their_order_each_once() -> None:
    tuner = BatchTuner(BATCH)
    tuner.update_search_space(SPACE)
    assert [tuner.generate_parameters(n)["conv"]["_idx"] for n in range(2)] == [1, 0]
    with pytest.raises(SearchSpaceExhausted, match="all 3 given"):
        tuner.generate_parameters(2)


def test_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "batch.json"
    file.write_text(json.dumps(BATCH))
    tuner = BatchTuner(str(file))
    tuner.update_search_space(SPACE)
    assert tuner.generate_parameters(0)["conv"] == {"_value": "5x5", "_idx": 1}


def test_a_single_choice_needs_no_list() -> None:
    options = [{"lr": 0.1, "width": 8}, {"lr": 0.2, "width": 16}]
    tuner = BatchTuner()
    tuner.update_search_space({"combine_params": {"_type": "choice", "_value": options}})
    assert [tuner.generate_parameters(n) for n in range(2)] == [
        {"combine_params": option} for option in options
    ]


def test_mistakes_are_all_named(tmp_path: Path) -> None:
    tuner = BatchTuner([{"conv": "7x7", "skip": []}, {"conv": 0}])
    with pytest.raises(ArchitectureError, match=r"\[0\] conv[\s\S]*\[1\] skip: missing"):
        tuner.update_search_space(SPACE)
    with pytest.raises(SearchSpaceError, match="give the architectures"):
        BatchTuner().update_search_space(SPACE)
    (tmp_path / "b.json").write_text("{}")
    with pytest.raises(SearchSpaceError, match="expected a JSON list"):
        BatchTuner(tmp_path / "b.json")


@pytest.mark.parametrize("batch", [5, {"conv": "3x3", "skip": []}, {1, 2}, iter(BATCH)])
def test_what_is_no_batch_is_refused(batch: Any) -> None:
    with pytest.raises(ValueError, match=r"`batch` must be a list of architectures.*\(batch="):
        BatchTuner(batch)


def test_a_batch_of_something_else_names_each() -> None:
    tuner = BatchTuner([5, None])  # type: ignore[list-item]
    with pytest.raises(ArchitectureError, match=r"\[0\][\s\S]*\[1\]"):
        tuner.update_search_space(SPACE)

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nas_tuners.experiment.configuration.yaml_file import YamlFile, dump_yaml, read_yaml

TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]))
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS
DATA = st.recursive(
    LEAVES, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=8
)


@settings(max_examples=50, deadline=None)
@given(DATA)
@example(["1e3", "1e-3", 1e-5, "yes", "null", "0x1f", "2024-01-01", "<<", "=", "a: b", "# c", ""])
@example([["same"]] * 2)
def test_what_is_written_is_read_again(data: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "file.yml"
        file.write_text(dump_yaml(data), encoding="utf-8")
        assert read_yaml(file).content == data


def test_nothing_is_written_as_a_reference_to_something_above() -> None:
    shared = {"a": [1]}
    assert "&" not in dump_yaml([shared, shared])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ours", "theirs (line 4)"),
        ("part.args.seed", "algorithm.options.seed (line 7)"),
        ("part.args.other", "algorithm.options.other (line 6)"),
        ("part", "part"),
        ("plain", "plain (line 9)"),
    ],
)
def test_a_name_is_told_as_the_file_has_it(name: str, expected: str) -> None:
    lines = {"theirs": 4, "algorithm.options": 6, "algorithm.options.seed": 7, "plain": 9}
    file = YamlFile({}, lines, [], {"ours": "theirs", "part.args": "algorithm.options"})
    assert file.where(name) == expected

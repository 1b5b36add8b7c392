"""The generated files beside the spaces."""

from __future__ import annotations

from pathlib import Path

import pytest

import search_spaces
from nas_tuners import SearchSpace
from search_spaces import __main__ as files

FOLDER = Path(search_spaces.__path__[0])


@pytest.mark.parametrize("name", files.SPACES)
def test_a_file_is_what_its_function_gives(name: str) -> None:
    stored = (FOLDER / f"{name}.json").read_text(encoding="utf-8")
    assert stored == files.text_of(name), "run `python -m search_spaces`"
    assert SearchSpace.loads(stored).dumps() == stored


def test_every_function_has_a_file_and_every_file_is_of_a_function() -> None:
    others = {"DartsNetwork", "MobileStage", "Stage", "set_drop_path"}
    assert {*files.SPACES} == {*search_spaces.__all__} - others
    assert {path.stem for path in FOLDER.glob("*.json")} == {*files.SPACES, "classic_nas"}


def test_the_command_writes_them_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "FOLDER", tmp_path)
    monkeypatch.setattr(files, "SPACES", ("nas_bench_201", "shufflenet"))
    files.main()
    for name in ("nas_bench_201", "shufflenet"):
        expected = (FOLDER / f"{name}.json").read_bytes()
        assert (tmp_path / f"{name}.json").read_bytes() == expected

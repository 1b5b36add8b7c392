from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import pytest

from nas_tuners.contract.errors import SearchSpaceError, TrialError
from nas_tuners.contract.search_space import SearchSpace
from nas_tuners.experiment.generation import generate_search_space
from tests.experiment_kit import SPACE, eventually, is_alive

WRITE = f"echo '{json.dumps(SPACE)}' > $NAS_TUNERS_GEN_SEARCH_SPACE"


@pytest.fixture(autouse=True)
def _temporary_files_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))


def generate(command: str | tuple[str, ...], folder: Path, **options: float) -> SearchSpace:
    return generate_search_space(command, cwd=folder, **options)


def test_the_space_that_the_command_writes(tmp_path: Path) -> None:
    assert generate(WRITE, tmp_path) == SearchSpace(SPACE)
    assert not list((tmp_path / "tmp").iterdir())


def test_a_list_of_arguments(tmp_path: Path) -> None:
    program = "import os; open(os.environ['NAS_TUNERS_GEN_SEARCH_SPACE'], 'w').write('{}')"
    assert generate((sys.executable, "-c", program), tmp_path).size == 1


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("true", "never called get_and_apply_next_architecture"),
        (
            "echo ready; exit 3",
            r"`echo ready; exit 3` failed with exit code 3\nIts last output:\nready",
        ),
        (f"{WRITE}; exit 1", "failed with exit code 1"),
        ("kill -9 $$", "was killed by signal 9"),
        ("no-such-program", "exit code 127"),
    ],
)
def test_commands_that_give_none(tmp_path: Path, command: str, message: str) -> None:
    with pytest.raises(TrialError, match=message):
        generate(command, tmp_path)
    assert not list((tmp_path / "tmp").iterdir())


def test_a_program_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(TrialError, match="`no-such-program` cannot be run: "):
        generate(("no-such-program",), tmp_path)


def test_what_is_written_is_checked(tmp_path: Path) -> None:
    with pytest.raises(SearchSpaceError, match="generated search space: line 1, column 2"):
        generate("echo '{oops' > $NAS_TUNERS_GEN_SEARCH_SPACE", tmp_path)
    with pytest.raises(SearchSpaceError, match="cannot be read"):
        generate(r"printf '\377' > $NAS_TUNERS_GEN_SEARCH_SPACE", tmp_path)


def test_a_command_that_takes_too_long_is_ended_with_its_children(tmp_path: Path) -> None:
    with pytest.raises(TrialError, match=r"had not written its search space after 0\.3s"):
        generate("sleep 600 & echo $! > child; wait", tmp_path, timeout=0.3)
    child = int((tmp_path / "child").read_text())
    assert eventually(lambda: not is_alive(child))

from __future__ import annotations

import json
import sys

import pytest

from nas_tuners.contract.search_space import SearchSpace
from tests.experiment_kit import SPACE, Project

SCRIPT = f"""
import json, os, sys
file = os.environ["NAS_TUNERS_GEN_SEARCH_SPACE"]
open(file, "w").write(json.dumps({SPACE!r}))
"""
MODEL = """
from torch import nn
from trial_api import LayerChoice

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = LayerChoice([nn.Conv2d(1, 2, 3), nn.Conv2d(1, 2, 5)])
"""
TRIAL = (
    MODEL
    + """
from trial_api import get_and_apply_next_architecture
get_and_apply_next_architecture(Net())
raise SystemExit("the call ends the script")
"""
)
COMMAND = f"{sys.executable} script.py"


@pytest.fixture(params=["ss-gen", "ss_gen"])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_the_documented_spellings(project: Project, name: str) -> None:
    (project.path / "script.py").write_text(SCRIPT)
    file = project.path / "space.json"
    for words in (
        ["--trial-command", COMMAND, "--trial-dir", project.path, "--file", file],
        ["--trial_command", COMMAND, "--trial_dir", project.path, "--file", file],
        ["-t", COMMAND, "-d", project.path, "-f", file],
    ):
        done = project.command(name, *words)
        assert done.returncode == 0, done.stderr
        assert done.stdout == f"{file}: 2 keys, 12 architectures\n"
        assert SearchSpace.load(file) == SearchSpace(SPACE)
        file.unlink()


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("pass", "never called get_and_apply_next_architecture"),
        (SCRIPT + "raise RuntimeError('no data')", "RuntimeError: no data"),
        ("import os; open(os.environ['NAS_TUNERS_GEN_SEARCH_SPACE'], 'w').write('{')", "line 1"),
    ],
)
def test_a_failure_is_loud_and_leaves_an_existing_file_alone(
    project: Project, script: str, message: str
) -> None:
    (project.path / "script.py").write_text(script)
    file = project.path / "space.json"
    file.write_text("what was there")
    done = project.command("ss-gen", "-t", COMMAND, "-d", project.path, "-f", file)
    assert done.returncode == 2
    assert message in done.stderr
    assert file.read_text() == "what was there"


def test_a_folder_that_is_not_there(project: Project) -> None:
    done = project.command("ss-gen", "-t", "x", "-d", project.path / "nowhere")
    assert done.returncode == 2
    assert "no such folder: " in done.stderr


def test_a_file_that_cannot_be_written(project: Project) -> None:
    (project.path / "script.py").write_text(SCRIPT)
    done = project.command("ss-gen", "-t", COMMAND, "-d", project.path, "-f", "/proc/space.json")
    assert done.returncode == 5
    assert "/proc/space.json cannot be written" in done.stderr


def test_a_script_that_calls_the_function(project: Project) -> None:
    (project.path / "script.py").write_text(TRIAL)
    file = project.path / "space.json"
    done = project.command("ss-gen", "-t", COMMAND, "-d", project.path, "-f", file)
    assert done.returncode == 0, done.stderr
    assert json.loads(file.read_text()) == {
        "conv": {"_type": "layer_choice", "_value": ["0", "1"]}
    }


def test_a_model_without_a_script(project: Project) -> None:
    (project.path / "models.py").write_text(MODEL)
    file = project.path / "space.json"
    done = project.command("ss-gen", "--model", "models:Net", "-d", project.path, "-f", file)
    assert done.returncode == 0, done.stderr
    assert list(json.loads(file.read_text())) == ["conv"]
    wrong = project.command("ss-gen", "--model", "models:Nett", "-d", project.path, "-f", file)
    assert wrong.returncode == 2
    assert "did you mean 'Net'?" in wrong.stderr

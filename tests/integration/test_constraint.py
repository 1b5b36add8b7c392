"""Experiments in which architectures are refused before they become trials."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.experiment_kit import Project, eventually, is_alive

COSTS = """
import os

def cost(parameters):
    with open("pid", "w") as file:
        file.write(str(os.getpid()))
    a, b = parameters["a"]["_idx"], parameters["b"]["_idx"]
    if os.path.exists("broken"):
        raise LookupError("no such layer")
    return {"flops": 100 * a + b, "parameters": b}
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "costs.py").write_text(COSTS)
    return Project(tmp_path)


def write(project: Project, bounds: dict[str, str], **config: Any) -> None:
    project.write(constraint={"measure": "costs:cost", "bounds": bounds}, **config)


def tried(project: Project) -> list[tuple[Any, ...]]:
    return [tuple(trial.params.values()) for trial in project.trials()]


def test_only_what_fits_becomes_a_trial_until_nothing_is_left(project: Project) -> None:
    write(project, {"flops": "<= 101", "parameters": ">= 1"}, max_trials=12)
    done = project.run()
    assert done.returncode == 0, done.stderr
    assert sorted(tried(project)) == [("x", "q"), ("x", "r"), ("x", "s"), ("y", "q")]
    assert project.states() == ["COMPLETE"] * 4
    pid = int((project.path / "pid").read_text())
    assert eventually(lambda: not is_alive(pid))


def test_a_resumed_run_goes_on_with_the_same_suggestions(project: Project) -> None:
    write(project, {"flops": "<= 201"}, max_trials=6)
    assert project.run().returncode == 0
    whole = tried(project)
    (project.path / "experiment").rename(project.path / "whole")
    write(project, {"flops": "<= 201"}, max_trials=3)
    assert project.run().returncode == 0
    assert project.resume("--max-trials", "6").returncode == 0
    assert tried(project) == whole


def test_a_function_that_fails_ends_the_run_and_loses_nothing(project: Project) -> None:
    write(project, {"flops": "<= 201"}, max_trials=2)
    assert project.run().returncode == 0
    (project.path / "broken").touch()
    done = project.resume("--max-trials", "4")
    assert done.returncode == 2
    assert "constraint.measure: costs:cost gave no metrics of" in done.stderr
    assert "LookupError: no such layer" in done.stderr
    assert project.states() == ["COMPLETE"] * 2
    (project.path / "broken").unlink()
    assert project.resume("--max-trials", "4").returncode == 0
    assert project.states() == ["COMPLETE"] * 4


def test_bounds_that_nothing_keeps_to(project: Project) -> None:
    write(project, {"flops": "<= -1"}, max_trials=2)
    done = project.run()
    assert done.returncode != 0
    (log,) = (project.path / "experiment").glob("*.log")
    assert "apart from what was refused (12 by flops <= -1)" in log.read_text()
    assert tried(project) == []

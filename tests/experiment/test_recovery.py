from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from nas_tuners.contract.trial_io import (
    METRICS_FILE,
    PARAMETERS_FILE,
    Assignment,
    Metric,
    append_metric,
    write_assignment,
)
from nas_tuners.experiment.recovery import left_result

SPACE = {"a": {"_type": "choice", "_value": [1, 2]}}
GIVEN = Assignment("one-1234", "one-1234-0007", 7, {"a": 1}, SPACE, "default")
NOW = replace(GIVEN, experiment_id="two-5678", trial_id="two-5678-0007")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """That of a trial which has reported its result."""
    write_assignment(tmp_path, GIVEN)
    append_metric(tmp_path, Metric("intermediate", 0, 0.5))
    append_metric(tmp_path, Metric("final", 0, 0.75))
    return tmp_path


def test_all_that_a_trial_reported(folder: Path) -> None:
    left = left_result(folder, NOW, runner="one-1234")
    assert [(metric.kind, metric.value) for metric in left] == [
        ("intermediate", 0.5),
        ("final", 0.75),
    ]


def test_without_a_result_there_is_nothing(tmp_path: Path) -> None:
    write_assignment(tmp_path, GIVEN)
    append_metric(tmp_path, Metric("intermediate", 0, 0.5))
    assert left_result(tmp_path, NOW, runner="one-1234") == []


@pytest.mark.parametrize(
    ("now", "runner"),
    [(replace(NOW, parameters={"a": 2}), "one-1234"), (NOW, "three-9abc")],
    ids=["other parameters", "another runner's folder"],
)
def test_what_is_of_another_trial(folder: Path, now: Assignment, runner: str) -> None:
    assert left_result(folder, now, runner=runner) == []


def test_a_folder_that_is_not_to_be_seen(tmp_path: Path) -> None:
    assert left_result(tmp_path / "elsewhere" / "trials" / "0007", NOW, runner="one-1234") == []


@pytest.mark.parametrize("name", [PARAMETERS_FILE, METRICS_FILE])
def test_a_pipe_is_not_waited_for(folder: Path, name: str) -> None:
    (folder / name).unlink()
    os.mkfifo(folder / name)
    assert left_result(folder, NOW, runner="one-1234") == []

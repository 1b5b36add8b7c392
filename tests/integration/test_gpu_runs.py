"""Runs that look after GPUs, on a machine of which NVML says that it has two."""

from __future__ import annotations

import os
import re
import tempfile
from collections import Counter
from pathlib import Path

import pytest

from nas_tuners.cli.exit_codes import EXPERIMENT_FAILED
from nas_tuners.experiment.events.file import read_events
from tests.experiment_kit import Project
from tests.gpu_kit import GB, FakeNvml, process

TRIAL = """
print(os.environ["CUDA_DEVICE_ORDER"], os.environ["CUDA_VISIBLE_DEVICES"])
report(value)
"""
STRANGER = 4_194_305  # beyond the largest process id of Linux


@pytest.fixture
def nvml(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeNvml:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return FakeNvml(monkeypatch, memory_used=0)


def given(project: Project, trials: int) -> list[str]:
    folders = [project.trial_folder(number) for number in range(trials)]
    return [(folder / "stdout.txt").read_text().strip() for folder in folders]


@pytest.mark.usefixtures("nvml")
def test_trials_are_spread_over_the_gpus(project: Project) -> None:
    gpus = {"per_trial": 1, "trials_per_gpu": 2}
    project.write(TRIAL, max_trials=8, concurrency=8, gpus=gpus)
    result = project.run()
    assert result.returncode == 0, result.stderr
    assert project.states() == ["COMPLETE"] * 8
    variables = given(project, 8)
    assert variables[:4] == [f"PCI_BUS_ID {gpu}" for gpu in (0, 1, 0, 1)]
    assert set(Counter(variables)) == {"PCI_BUS_ID 0", "PCI_BUS_ID 1"}


@pytest.mark.usefixtures("nvml")
def test_trials_on_the_cpu_see_no_gpu(project: Project) -> None:
    project.write(TRIAL, max_trials=2, gpus=0)
    assert project.run().returncode == 0
    assert given(project, 2) == ["PCI_BUS_ID"] * 2


def test_a_run_does_not_wait_for_ever(project: Project, nvml: FakeNvml) -> None:
    nvml.computing[0] = [process(os.getpid(), 30 * GB)]
    nvml.computing[1] = [process(STRANGER, 2 * GB)]
    project.write(TRIAL, max_trials=2, gpus={"per_trial": 1, "patience": 1})
    result = project.run()
    assert result.returncode == EXPERIMENT_FAILED
    said = re.sub(r"\s+", " ", result.stderr)
    assert "no trial could be given its GPUs for 1 s (gpus.patience)" in said
    assert f"GPU 0: a process (pid {os.getpid()}) uses 30 GB of 40 GB" in said
    assert f"GPU 1: a process (pid {STRANGER}) uses 2 GB of 40 GB" in said
    assert "set gpus.use_occupied: true to share it" in said
    nvml.computing[1] = []
    assert project.resume().returncode == 0
    assert given(project, 2) == ["PCI_BUS_ID 1"] * 2


def occupied_once(file: Path, nvml: FakeNvml) -> None:
    """Let a program of somebody's use both GPUs as soon as the file is there."""
    users = [process(STRANGER, 2 * GB)]
    nvml.answer(
        "nvmlDeviceGetComputeRunningProcesses", lambda handle: users if file.exists() else []
    )


@pytest.mark.parametrize("limit", [{"max_trials": 1}, {"max_duration": "1s"}])
def test_a_run_that_is_over_needs_no_gpu(
    project: Project, nvml: FakeNvml, limit: dict[str, object]
) -> None:
    occupied_once(project.path / "begun", nvml)
    trial = "Path('begun').touch()\ntime.sleep(1.2)\nreport(value)"
    project.write(trial, gpus={"per_trial": 1, "patience": 1}, **{"max_trials": 9} | limit)
    result = project.run()
    assert result.returncode == 0, result.stderr
    assert f"Ended: {next(iter(limit))} reached" in result.stdout
    assert project.states() == ["COMPLETE"]


def test_trials_that_go_no_further_need_no_gpu_to_end(project: Project, nvml: FakeNvml) -> None:
    occupied_once(project.path / "begun", nvml)
    trial = """
if assignment.parameters["TRIAL_BUDGET"] == 3:
    Path("begun").touch()
    time.sleep(1.2)
report(value)
"""
    budget = {"maximum": 3, "minimum": 1, "eta": 3, "brackets": 1}
    project.write(trial, gpus={"per_trial": 1, "patience": 1}, budget=budget)
    result = project.run()
    assert result.returncode == 0, result.stderr
    assert sorted(project.states()) == ["COMPLETE", "PRUNED", "PRUNED"]


def test_what_a_run_waits_for_is_an_event(project: Project, nvml: FakeNvml) -> None:
    """One while a program of somebody's is there, although it is looked for again and again."""
    nvml.computing[0] = nvml.computing[1] = [process(STRANGER, 2 * GB)]
    command = ["/bin/sh", "-c", "echo $NAS_TUNERS_EVENT >> told"]
    project.write(
        TRIAL,
        max_trials=2,
        concurrency=2,
        gpus={"per_trial": 1, "patience": 20},
        notify={"command": command, "events": ["waiting"]},
    )
    told = project.path / "told"

    def free_when_told(handle: int) -> list[object]:
        return [] if told.exists() else nvml.computing[handle]

    nvml.answer("nvmlDeviceGetComputeRunningProcesses", free_when_told)
    assert project.run().returncode == 0
    events = list(read_events(project.experiment / "events.jsonl"))
    names = [event["event"] for event in events]
    assert names[:3] == ["run_started", "waiting", "trial_started"]
    assert names.count("waiting") == 1
    reason = events[1]["reason"]
    assert "no GPU for another trial now" in reason
    for gpu in (0, 1):
        assert f"GPU {gpu}: a process (pid {STRANGER}) uses 2 GB of 40 GB" in reason
    assert len(told.read_text().splitlines()) == 1

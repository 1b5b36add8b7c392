"""Runs that look after GPUs, on a machine of which NVML says that it has two."""

from __future__ import annotations

import os
import re
import tempfile
from collections import Counter
from pathlib import Path

import pytest

from nas_tuners.cli.exit_codes import EXPERIMENT_FAILED
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

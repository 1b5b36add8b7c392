"""What may stand in `launcher.args` of Slurm."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from nas_tuners.contract.errors import ConfigError
from nas_tuners.experiment.configuration.config import load_config
from nas_tuners.experiment.slurm.args import slurm_problems
from tests.experiment_kit import Project

pytest.importorskip("submitit")

GOOD = {
    "workers": 4,
    "timeout_min": 240,
    "cpus_per_task": 8,
    "gpus_per_node": 1,
    "mem_gb": 31.5,
    "max_requeues": 0,
    "slurm_partition": "gpu",
    "slurm_array_parallelism": 2,
    "slurm_additional_parameters": {"mail-type": "END"},
}


def problems(**args: Any) -> dict[str, str]:
    found = slurm_problems({"timeout_min": 60} | args)
    return {problem.where: problem.message for problem in found}


def test_what_is_right() -> None:
    assert slurm_problems(GOOD) == []
    assert slurm_problems({"cluster": "local"}) == []
    assert slurm_problems({"slurm_time": 60}) == []


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("workers", 0, "must be a whole number of at least 1, got 0"),
        ("workers", True, "must be a whole number of at least 1, got True"),
        ("max_requeues", -1, "must be a whole number of at least 0, got -1"),
        ("cluster", "pbs", "must be slurm, or local to try it out here, got 'pbs'"),
        ("timeout_min", "4h", "must be a whole number of minutes, got '4h'"),
        ("gpus_per_node", True, "must be a whole number, got True"),
        ("mem_gb", "32", "must be a number of GB, got '32'"),
        ("worker", 4, "unknown; did you mean 'workers'? (known: workers, cluster,"),
        ("partition", "gpu", "unknown; did you mean 'slurm_partition'? (known: workers,"),
        ("nodes", 2, "a worker is one process on one node; for more of them, raise"),
        ("slurm_ntasks_per_node", 2, "a worker is one process on one node"),
        ("slurm_partitoin", "gpu", "unknown; did you mean 'slurm_partition'? (known: slurm_acc"),
    ],
)
def test_what_is_wrong(name: str, value: Any, message: str) -> None:
    found = problems(**{name: value})
    assert found.keys() == {f"launcher.args.{name}"}
    assert found[f"launcher.args.{name}"].startswith(message)


def test_all_is_told_at_once_with_lines(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write(launcher={"name": "slurm", "args": {"workers": 0, "mem": 3}})
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "config.yml")
    wheres = [problem.where.partition(" (line")[0] for problem in caught.value.problems]
    assert wheres == [f"launcher.args.{name}" for name in ("mem", "timeout_min", "workers")]
    assert "missing (the minutes after which a job is queued again" in str(caught.value)


def test_submitit_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "submitit", None)
    assert problems() == {"launcher.name": "slurm needs submitit: pip install 'nas-tuners[slurm]'"}

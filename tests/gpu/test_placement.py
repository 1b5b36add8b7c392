"""A run that gives its trials the GPUs of this machine."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.experiment_kit import Project

pytest.importorskip("pynvml", reason="needs nvidia-ml-py (the extra `gpu`)")
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]

TRIAL = """
import json, torch

began = time.monotonic()
seen = torch.cuda.device_count()
uuids = []
if seen:
    torch.ones(2**20, device="cuda").sum().item()
    uuids = [str(torch.cuda.get_device_properties(i).uuid) for i in range(seen)]
record = {
    "variable": os.environ["CUDA_VISIBLE_DEVICES"],
    "order": os.environ["CUDA_DEVICE_ORDER"],
    "uuids": uuids,
    "began": began,
    "ended": time.monotonic(),
}
(folder / "gpus.json").write_text(json.dumps(record))
report(value)
"""
TRIALS = 8


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def run_trials(project: Project, **gpus: Any) -> list[dict[str, Any]]:
    project.write(
        TRIAL,
        max_trials=TRIALS,
        concurrency=4,
        gpus={"use_occupied": True} | gpus,  # other tests' tensors may be on the GPU
    )
    result = project.run()
    assert result.returncode == 0, result.stderr
    assert project.states() == ["COMPLETE"] * TRIALS
    files = [project.trial_folder(number) / "gpus.json" for number in range(TRIALS)]
    return [json.loads(file.read_text()) for file in files]


@pytest.mark.parametrize("trials_per_gpu", [1, 2])
def test_eight_trials_are_placed(project: Project, trials_per_gpu: int) -> None:
    from nas_tuners.experiment.gpus.nvml import read_gpus

    records = run_trials(project, per_trial=1, trials_per_gpu=trials_per_gpu)
    gpus = {gpu.index: gpu for gpu in read_gpus() if not gpu.problem}
    for record in records:
        gpu = gpus[int(record["variable"])]
        (uuid,) = record["uuids"]
        assert gpu.uuid.endswith(uuid)
        assert record["order"] == "PCI_BUS_ID"
    assert most_at_once(records) <= trials_per_gpu
    if trials_per_gpu == 1:
        assert len({record["variable"] for record in records}) == min(4, len(gpus))


def test_trials_without_a_gpu_see_none(project: Project) -> None:
    for record in run_trials(project, per_trial=0):
        assert (record["variable"], record["uuids"]) == ("", [])


def most_at_once(records: list[dict[str, Any]]) -> int:
    """The largest number of trials that were on one GPU at a time."""
    steps = [(record["began"], 1, record["variable"]) for record in records]
    steps += [(record["ended"], -1, record["variable"]) for record in records]
    now: Counter[str] = Counter()
    most = 0
    for _, change, gpu in sorted(steps):
        now[gpu] += change
        most = max(most, now[gpu])
    return most

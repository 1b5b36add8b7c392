"""A search whose process is killed in the middle of an epoch."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.fork_host import run_script
from trial_api.oneshot._checkpoint_file import read_checkpoint

ROOT = Path(__file__).parents[3]
WORKER = Path(__file__).with_name("search_worker.py")
PATIENCE = 120


def start(folder: Path, *options: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, WORKER, folder, *options], cwd=ROOT)


def run(folder: Path, *options: str) -> None:
    done = run_script(WORKER, folder, *options, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def position(file: Path) -> tuple[int, int]:
    content = read_checkpoint(file, trainer="DartsTrainer")
    place = content["parts"]["loop"]["position"]
    return place["epoch"], place["step"]


def kill_in_the_second_epoch(folder: Path) -> None:
    file = folder / "latest.pt"
    process = start(folder, "--slow")
    deadline = time.monotonic() + PATIENCE
    try:
        while not (file.exists() and position(file) == (1, 2)):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == -9
    assert position(file) == (1, 2)


@pytest.mark.slow
def test_a_killed_search_goes_on_bit_for_bit(tmp_path):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    kill_in_the_second_epoch(broken)
    run(broken, "--resume")
    run(whole)
    assert (broken / "best.json").read_text() == (whole / "best.json").read_text()
    contents = [
        read_checkpoint(folder / "final.pt", trainer="DartsTrainer") for folder in (broken, whole)
    ]
    assert list(differences(*contents, "")) == []


def differences(a: Any, b: Any, path: str) -> Iterator[str]:
    """Where two contents differ in a bit, through all containers."""
    if isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys():
        for key in a:
            yield from differences(a[key], b[key], f"{path}/{key}")
    elif isinstance(a, (list, tuple)) and len(a) == len(b):
        for number, (one, other) in enumerate(zip(a, b, strict=True)):
            yield from differences(one, other, f"{path}/{number}")
    elif not (torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b):
        yield path

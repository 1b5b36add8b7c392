"""Two processes under torchrun train one supernet."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from nas_tuners.contract.errors import CheckpointError
from tests.trial_api.oneshot.distributed_worker import make

ROOT = Path(__file__).parents[3]


def launch(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node", "2", "--module", "tests.trial_api.oneshot.distributed_worker"]
    return subprocess.run(
        [*command, str(folder), *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


def load(folder: Path, rank: int) -> dict[str, Any]:
    content: dict[str, Any] = torch.load(folder / f"rank{rank}.pt", weights_only=True)
    return content


USUAL = ["cdarts", "darts", "enas", "spos"]
OTHERS = ["bender", "fbnet", "gdas", "pc_darts", "pdarts", "proxyless", "single_path", "smash"]


@pytest.mark.parametrize(
    "name", [*USUAL, *(pytest.param(name, marks=pytest.mark.extended) for name in OTHERS)]
)
def test_both_processes_end_with_the_same_supernet_and_one_export(
    name: str, tmp_path: Path
) -> None:
    done = launch(tmp_path, name)
    assert done.returncode == 0, done.stderr
    first, second = load(tmp_path, 0), load(tmp_path, 1)
    assert first["export"] == second["export"]
    assert first["validate"] == second["validate"]
    for part in ("model", "mutator"):
        ours, theirs = first["state"][part], second["state"][part]
        for entry, value in ours.items():
            if isinstance(value, torch.Tensor) and value.is_floating_point():
                assert torch.equal(value, theirs[entry]), entry
    assert (tmp_path / "export_0.json").exists()
    assert not (tmp_path / "export_1.json").exists()


def test_a_process_that_dies_ends_the_search_and_leaves_the_checkpoint(tmp_path: Path) -> None:
    done = launch(tmp_path, "darts", "fail")
    assert done.returncode != 0
    assert [file.name for file in tmp_path.glob("*.pt")] == ["epoch_0.pt"]
    alone = make("darts")
    with pytest.raises(CheckpointError, match="written by 2 processes, but there are 1 now"):
        alone.resume(tmp_path / "epoch_0.pt")


def test_the_second_order_of_darts_takes_one_virtual_step_for_all(tmp_path: Path) -> None:
    """Checked inside the processes."""
    done = launch(tmp_path, "unrolled")
    assert done.returncode == 0, done.stderr


def test_averaged_gradients_are_those_of_the_whole_batch(tmp_path: Path) -> None:
    """Checked inside the processes by the search; here, that shares are disjoint and complete."""
    done = launch(tmp_path, "shares")
    assert done.returncode == 0, done.stderr
    shares = [load(tmp_path, rank)["indices"] for rank in range(2)]
    assert sorted(shares[0] + shares[1]) == list(range(40))

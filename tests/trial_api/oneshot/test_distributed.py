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


def launch(folder: Path, *tasks: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node", "2", "--module", "tests.trial_api.oneshot.distributed_worker"]
    return subprocess.run(
        [*command, str(folder), *tasks], cwd=ROOT, capture_output=True, text=True, check=False
    )


def load(folder: Path, rank: int) -> dict[str, Any]:
    content: dict[str, Any] = torch.load(folder / f"rank{rank}.pt", weights_only=True)
    return content


USUAL = ["cdarts", "darts", "enas", "spos"]
OTHERS = ["bender", "fbnet", "gdas", "pc_darts", "pdarts", "proxyless", "single_path", "smash"]


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What all tasks leave that take the usual time: to start two processes takes longer."""
    folder = tmp_path_factory.mktemp("usual")
    done = launch(folder, *USUAL, "shares", "unrolled")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize("name", USUAL)
def test_both_processes_end_with_the_same_supernet_and_one_export(usual: Path, name: str) -> None:
    check_search(usual / name)


@pytest.mark.extended
@pytest.mark.parametrize("name", OTHERS)
def test_those_of_the_other_trainers_do_so_too(tmp_path: Path, name: str) -> None:
    done = launch(tmp_path, name)
    assert done.returncode == 0, done.stderr
    check_search(tmp_path / name)


def check_search(folder: Path) -> None:
    first, second = load(folder, 0), load(folder, 1)
    assert first["export"] == second["export"]
    assert first["validate"] == second["validate"]
    for part in ("model", "mutator"):
        ours, theirs = first["state"][part], second["state"][part]
        for entry, value in ours.items():
            if isinstance(value, torch.Tensor) and value.is_floating_point():
                assert torch.equal(value, theirs[entry]), entry
    assert (folder / "export_0.json").exists()
    assert not (folder / "export_1.json").exists()


def test_averaged_gradients_are_those_of_the_whole_batch(usual: Path) -> None:
    """Checked inside the processes, as is what DARTS's virtual step takes; here, the shares."""
    shares = [load(usual / "shares", rank)["indices"] for rank in range(2)]
    assert sorted(shares[0] + shares[1]) == list(range(40))


def test_a_process_that_dies_ends_the_search_and_leaves_the_checkpoint(tmp_path: Path) -> None:
    done = launch(tmp_path, "die")
    assert done.returncode != 0
    assert [file.name for file in (tmp_path / "die").glob("*.pt")] == ["epoch_0.pt"]
    alone = make("darts")
    with pytest.raises(CheckpointError, match="written by 2 processes, but there are 1 now"):
        alone.resume(tmp_path / "die" / "epoch_0.pt")

"""Two processes that train an applied model together: ``ddp_worker FOLDER``."""

from __future__ import annotations

import copy
import multiprocessing
import sys
import warnings

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

from tests.trial_api.networks import ARCHITECTURE, Net
from trial_api import apply_fixed_architecture


def main(folder: str) -> None:
    fork = multiprocessing.get_context("fork")
    ranks = [fork.Process(target=run, args=(folder, rank)) for rank in range(2)]
    for rank in ranks:
        rank.start()
    for rank in ranks:
        rank.join()
    sys.exit(any(rank.exitcode for rank in ranks))


def run(folder: str, rank: int) -> None:
    warnings.simplefilter("error")
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=2
    )
    torch.manual_seed(rank)  # DDP gives both ranks the weights of the first
    model = DistributedDataParallel(Net(), forward_sync_buffers=False, bucket_cap_mb=1).eval()
    bucket = model.bucket_bytes_cap
    assert apply_fixed_architecture(model, ARCHITECTURE) is model
    assert not model.find_unused_parameters
    assert not model.forward_sync_buffers
    assert not model.training
    assert model.bucket_bytes_cap == bucket
    alone = copy.deepcopy(model.module)
    for step in range(3):  # a parameter without a gradient would fail the second step
        check_step(model, alone, step, rank)
    dist.barrier()  # a rank whose peer has left already may abort
    dist.destroy_process_group()
    print("gradients are equal")


def check_step(model: torch.nn.Module, alone: torch.nn.Module, step: int, rank: int) -> None:
    batches = torch.randn(2, 4, 1, 6, 6, generator=torch.Generator().manual_seed(step))
    model.zero_grad()
    model(batches[rank]).square().sum().backward()
    alone.zero_grad()
    (sum(alone(batch).square().sum() for batch in batches) / 2).backward()
    for ours, expected in zip(model.parameters(), alone.parameters(), strict=True):
        assert torch.allclose(ours.grad, expected.grad, atol=1e-5)


if __name__ == "__main__":
    main(sys.argv[1])

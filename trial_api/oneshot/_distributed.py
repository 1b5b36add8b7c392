"""Several processes that train one supernet, as ``torchrun`` starts them.

Every process decides alike and runs its own share of each batch; gradients are averaged by hand.
``DistributedDataParallel`` would look for unused parameters in each step, because a step runs
some candidates only, and does not see gradients that are computed for the architecture alone.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from nas_tuners.contract.errors import TrainingError

logger = logging.getLogger(__name__)

_BUCKET = 25 * 2**20  # bytes: what DistributedDataParallel sends at once


def rank() -> int:
    return dist.get_rank() if _is_on() else 0


def world_size() -> int:
    return dist.get_world_size() if _is_on() else 1


def join_group(device: torch.device) -> bool:
    """Join the processes that ``torchrun`` started; whether a group was made here."""
    if _is_on() or int(os.environ.get("WORLD_SIZE", "1")) < 2 or not dist.is_available():
        return False
    dist.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo")
    return True


def leave_group() -> None:
    dist.destroy_process_group()


def local_device(device: torch.device) -> torch.device:
    """The GPU of this process, where several share a machine."""
    local = os.environ.get("LOCAL_RANK")
    if device.type == "cuda" and device.index is None and local is not None:
        return torch.device("cuda", int(local))
    return device


def average_gradients(parameters: Iterable[Tensor]) -> None:
    """Replace each gradient by its mean over the processes; those without one are left alone.

    All processes must have gradients for the same parameters, which is so where they decide alike.
    """
    if world_size() > 1:
        average([p.grad for p in parameters if p.grad is not None])


def average(tensors: list[Tensor]) -> None:
    """The mean over the processes, in place."""
    if world_size() == 1:
        return
    for bucket in _buckets(tensors):
        flat = torch.cat([tensor.reshape(-1) for tensor in bucket])
        _call(dist.all_reduce, flat)
        flat /= world_size()
        parts = torch.split(flat, [tensor.numel() for tensor in bucket])
        for tensor, part in zip(bucket, parts, strict=True):
            tensor.copy_(part.view_as(tensor))


def broadcast(tensors: Iterable[Tensor]) -> None:
    """Give all processes the values of the first, in place."""
    if world_size() > 1:
        for tensor in tensors:
            _call(dist.broadcast, tensor.detach(), src=0)  # no part of any graph


def gather(value: Any) -> list[Any]:
    """Every process's value, in order of rank."""
    if world_size() == 1:
        return [value]
    values: list[Any] = [None] * world_size()
    _call(dist.all_gather_object, values, value)
    return values


def check_alike(value: Any, what: str) -> None:
    """Raise on every process if they differ.

    Raises:
        TrainingError: naming what differs.
    """
    values = gather(value)
    if any(other != values[0] for other in values):
        raise TrainingError(
            f"the processes disagree on {what}: {values}; they must start from the same model, "
            "seed and options"
        )


def _call(collective: Any, *args: Any, **kwargs: Any) -> None:
    try:
        collective(*args, **kwargs)
    except RuntimeError as error:
        raise TrainingError(
            f"process {rank()} of {world_size()} lost the others; look at their output for the "
            "cause, then start all again with resume() on the last checkpoint"
        ) from error


def _is_on() -> bool:
    return dist.is_available() and dist.is_initialized()


def _buckets(tensors: list[Tensor]) -> list[list[Tensor]]:
    """Tensors of one type and device together, up to a size."""
    buckets: list[list[Tensor]] = []
    open_: dict[tuple[torch.dtype, torch.device], tuple[list[Tensor], int]] = {}
    for tensor in tensors:
        kind = (tensor.dtype, tensor.device)
        bucket, size = open_.get(kind, ([], _BUCKET))
        if size >= _BUCKET:
            bucket, size = [], 0
            buckets.append(bucket)
        bucket.append(tensor)
        open_[kind] = (bucket, size + tensor.numel() * tensor.element_size())
    return buckets

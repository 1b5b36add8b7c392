"""Batches of any form: what the model is called with, and what the loss compares to."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from nas_tuners.contract.errors import TrainingError

_TARGETS = ("target", "targets", "label", "labels")


@dataclass(frozen=True)
class Batch:
    """``model(*args, **kwargs)`` is compared to ``target``; ``size`` counts samples."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    target: Any
    size: int


def read_batch(
    batch: Any, device: torch.device, unpack: Callable[[Any], tuple[Any, Any]] | None = None
) -> Batch:
    """A batch of a loader, on the device.

    Raises:
        TrainingError: if its form is none of those that are understood without ``unpack``.
    """
    inputs, target = _split(batch) if unpack is None else _unpacked(unpack(batch))
    inputs, target = to_device(inputs, device), to_device(target, device)
    size = next((len(tensor) for tensor in _tensors((inputs, target)) if tensor.ndim), 1)
    if isinstance(inputs, Mapping):
        return Batch((), inputs, target, size)
    return Batch(
        tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,), {}, target, size
    )


def check_call(model: nn.Module, batch: Batch, error: TypeError) -> None:
    """Tell a batch that the model cannot be called with from an error inside of it.

    Raises:
        TrainingError: if the signature of ``forward`` refuses the batch.
    """
    try:
        inspect.signature(model.forward).bind(*batch.args, **batch.kwargs)
    except TypeError as reason:
        by_name = f"{', '.join(batch.kwargs)} by name"
        given = by_name if batch.kwargs else f"{len(batch.args)} by position"
        raise TrainingError(
            f"{type(model).__name__}.forward cannot be called with the inputs of a batch, "
            f"{given}: {reason}; pass `unpack`, a function from a batch to (inputs, target), with "
            "inputs in a tuple (by position) or a dict (by name)"
        ) from error


def to_device(value: Any, device: torch.device) -> Any:
    """The same structure with its tensors on a device; nothing waits for the copies.

    What can move itself does: of a ``PackedSequence``, a namedtuple, the batch sizes must stay.
    """
    if isinstance(value, Mapping):
        return {key: to_device(item, device) for key, item in value.items()}
    if isinstance(value, (tuple, list)) and not callable(getattr(value, "to", None)):
        moved = [to_device(item, device) for item in value]
        return type(value)(*moved) if hasattr(value, "_fields") else type(value)(moved)
    return value.to(device, non_blocking=True) if hasattr(value, "to") else value


def _split(batch: Any) -> tuple[Any, Any]:
    if isinstance(batch, Mapping):
        found = [name for name in _TARGETS if name in batch]
        if len(found) == 1:
            inputs = {key: value for key, value in batch.items() if key != found[0]}
            return inputs, batch[found[0]]
        got = f"a dict with {list(batch)}"
    elif isinstance(batch, (tuple, list)) and len(batch) > 1:
        *inputs_, target = batch
        return (inputs_[0] if len(inputs_) == 1 else tuple(inputs_)), target
    else:
        got = f"a {type(batch).__name__}"
    raise TrainingError(
        f"expected batches (inputs, target), (input, ..., target) or a dict with one of "
        f"{', '.join(_TARGETS)}, but got {got}; pass `unpack`, a function "
        "from a batch to (inputs, target)"
    )


def _unpacked(given: Any) -> tuple[Any, Any]:
    if not isinstance(given, (tuple, list)) or len(given) != 2:
        what = f"{len(given)} values" if isinstance(given, (tuple, list)) else type(given).__name__
        raise TrainingError(f"`unpack` must return a pair (inputs, target), but returned {what}")
    return given[0], given[1]


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _tensors(item)
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from _tensors(item)

"""What a model is called with while its graph is recorded."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ..profiling._calls import Call
from ._copying import Place
from ._values import with_tensors

SAMPLES = 2
"""Of a batch that is computed with."""


def call_at(call: Call, place: Place) -> Call:
    """The call with tensors of its own, which are elsewhere."""

    def moved(tensor: Tensor) -> Tensor:
        if place == "meta":
            return torch.empty_like(tensor, device="meta", requires_grad=False)
        return tensor.detach().to("cpu", copy=True)

    return _changed(call, moved)


def few_samples(call: Call) -> Call:
    """The call with the first samples of its batch, if the first dimension of tensors is one."""
    sizes = {len(tensor) for _, tensor in named_inputs(nn.Identity(), call) if tensor.dim()}
    batch = max(sizes, default=0)
    if len(sizes) != 1 or batch <= SAMPLES:
        return call
    return _changed(call, lambda tensor: tensor[:SAMPLES] if tensor.dim() else tensor)


def named_inputs(model: nn.Module, call: Call) -> Iterator[tuple[str, Tensor]]:
    """Each tensor that a model gets, under the name of the argument that it is in."""
    names = _argument_names(model)
    for number, value in enumerate(call.args):
        yield from _named(names[number] if number < len(names) else f"input{number}", value)
    for name, value in call.kwargs.items():
        yield from _named(str(name), value)


def _changed(call: Call, change: Any) -> Call:
    args = tuple(with_tensors(value, change) for value in call.args)
    return Call(args, {name: with_tensors(value, change) for name, value in call.kwargs.items()})


def _argument_names(model: nn.Module) -> list[str]:
    try:
        parameters = inspect.signature(model.forward).parameters.values()
    except (TypeError, ValueError):  # compiled code has none
        return []
    return [one.name for one in parameters if one.kind < one.VAR_POSITIONAL]


def _named(name: str, value: Any) -> Iterator[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        yield name, value
    elif isinstance(value, Mapping):
        for key, entry in value.items():
            yield from _named(f"{name}.{key}", entry)
    elif isinstance(value, (list, tuple)):
        for number, entry in enumerate(value):
            yield from _named(f"{name}.{number}", entry)

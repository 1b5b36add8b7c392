"""Constructing models without memory."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.overrides import TorchFunctionMode

_INITIALIZERS = frozenset(
    [
        Tensor.normal_,
        Tensor.uniform_,
        nn.init.kaiming_normal_,
        nn.init.kaiming_uniform_,
        nn.init.normal_,
        nn.init.trunc_normal_,
        nn.init.uniform_,
    ]
)


@contextmanager
def on_meta_device() -> Iterator[None]:
    """Make tensors on the meta device, and leave out what would fill them with random numbers.

    PyTorch computes some of these fillings, on that device, by a library that takes a second to
    import.
    """
    with torch.device("meta"), _Unfilled():
        yield


def copy_on_meta(model: nn.Module) -> nn.Module:
    """A copy with parameters and buffers that have shapes and take no memory."""
    memo: dict[int, object] = {
        id(p): nn.Parameter(torch.empty_like(p, device="meta"), requires_grad=p.requires_grad)
        for p in model.parameters()
        if not is_lazy(p)
    }
    memo |= {id(b): torch.empty_like(b, device="meta") for b in model.buffers() if not is_lazy(b)}
    return copy.deepcopy(model, memo)


def spare_copy(value: Any) -> Any:
    """A value with copies of the modules in it: without memory, where tensors are made so now."""
    if isinstance(value, nn.Module):
        return copy_on_meta(value) if torch.empty(0).is_meta else copy.deepcopy(value)
    if type(value) in (list, tuple):
        return type(value)(map(spare_copy, value))
    if type(value) is dict:
        return {key: spare_copy(item) for key, item in value.items()}
    return value


class _Unfilled(TorchFunctionMode):
    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if func in _INITIALIZERS:
            tensor = args[0] if args else (kwargs or {}).get("tensor")
            if isinstance(tensor, Tensor) and tensor.is_meta:
                return tensor
        return func(*args, **(kwargs or {}))

"""Sees the functions that are called between modules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from torch import Tensor
from torch.overrides import TorchFunctionMode

if TYPE_CHECKING:
    from ._recorder import Recorder


_LOOKS = frozenset(
    [Tensor.size, Tensor.dim, Tensor.stride, Tensor.numel, Tensor.is_contiguous]
    + [
        getattr(Tensor, name).__get__
        for name in ("shape", "dtype", "device", "ndim", "requires_grad", "is_cuda", "layout")
    ]
)
"""What gives no tensors, and is asked often."""


class Functions(TorchFunctionMode):
    """Tells a recorder of each function of torch that is called; not of those inside it."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()
        self._recorder = recorder

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if self._recorder.is_silent or func in _LOOKS:
            return func(*args, **(kwargs or {}))
        if func is Tensor.__iter__:  # gives no tensors, but what gives them
            return iter(self._recorder.run_function(Tensor.unbind, args, {}))
        return self._recorder.run_function(func, args, kwargs or {})


def name_of(function: Callable[..., Any]) -> str:
    """As people call it: ``add``, ``getitem``, ``T``."""
    name = str(getattr(function, "__name__", None) or type(function).__name__)
    if name in ("__get__", "__set__"):
        name = str(getattr(getattr(function, "__self__", None), "__name__", name))
    if name.startswith("__") and name.endswith("__"):
        return name[2:-2]
    return name

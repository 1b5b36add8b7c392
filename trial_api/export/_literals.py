"""Values as source text."""

from __future__ import annotations

import builtins
import enum
import keyword
import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from nas_tuners.contract.errors import ExportError

LARGEST_TENSOR = 256
"""Numbers of a tensor that are written out."""

_COUNTING = (torch.int32, torch.int64, torch.float32, torch.float64)

RESERVED = frozenset({"self", "torch", "nn", "F", "OrderedDict"})
"""Names that mean something in every file of code."""

TAKEN = RESERVED.union(keyword.kwlist, dir(builtins))
"""And those that mean something in Python."""

_MODULES = (("torch", torch), ("F", nn.functional), ("nn", nn), ("nn.init", nn.init))


def literal(value: Any) -> str:
    """A value as an expression.

    Raises:
        ExportError: if it has none.
    """
    if isinstance(value, (list, tuple, dict, set)):
        return _collection(value)
    if value is None or isinstance(value, (bool, int, float, complex, str)):
        return _scalar(value)
    if isinstance(value, Tensor):
        return tensor_literal(value)
    if isinstance(value, (torch.dtype, torch.memory_format, torch.layout)):
        return str(value)
    if isinstance(value, torch.device):
        return f'torch.device("{value}")'
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:  # a number of numpy
        return literal(value.item())
    return _named(value)


def tensor_literal(tensor: Tensor) -> str:
    """A tensor with the same values, type and shape.

    Raises:
        ExportError: if it has too many values to be written out.
    """
    tensor = tensor.detach().cpu()
    suffix = _dtype_argument(tensor)
    if tensor.numel() and bool((tensor == tensor.flatten()[0]).all()) and tensor.dim():
        value = literal(tensor.flatten()[0].item())
        return f"torch.full({tuple(tensor.shape)}, {value}, dtype={tensor.dtype})"
    if tensor.numel() > LARGEST_TENSOR:
        if _counts(tensor):
            return f"torch.arange({len(tensor)}, dtype={tensor.dtype})"
        raise ExportError(
            f"a tensor of {tensor.numel()} numbers is too large to be written out (at most "
            f"{LARGEST_TENSOR}): register it as a buffer with persistent=True, so that it comes "
            "with the weights"
        )
    if 0 in tensor.shape:
        return f"torch.empty({tuple(tensor.shape)}, dtype={tensor.dtype})"
    return f"torch.tensor({literal(tensor.tolist())}{suffix})"


def quoted(text: str) -> str:
    """A string in double quotes where it has none inside."""
    plain = repr(text)
    return f'"{plain[1:-1]}"' if plain[0] == "'" and '"' not in plain else plain


def _counts(tensor: Tensor) -> bool:
    """Whether it is 0, 1, 2, ..., as positions are."""
    if tensor.dim() != 1 or tensor.dtype not in _COUNTING:
        return False
    return torch.equal(tensor, torch.arange(len(tensor), dtype=tensor.dtype))


def _dtype_argument(tensor: Tensor) -> str:
    return f", dtype={tensor.dtype}"


def _scalar(value: Any) -> str:
    if isinstance(value, enum.Enum):
        return literal(value.value)
    if isinstance(value, str):
        return quoted(str(value))
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    if value is None or isinstance(value, bool):
        return repr(value)
    kind = next(kind for kind in (int, float, complex) if isinstance(value, kind))
    return repr(kind(value))  # numbers of numpy show their type


def _collection(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{literal(k)}: {literal(v)}" for k, v in value.items()) + "}"
    entries = ", ".join(literal(entry) for entry in value)
    if isinstance(value, set):
        raise ExportError(f"the set {value!r} has no order, so its text would change: use a list")
    if isinstance(value, list):
        return f"[{entries}]"
    return f"({entries},)" if len(value) == 1 else f"({entries})"


def _named(value: Any) -> str:
    """A function or class that torch offers under its own name."""
    name = getattr(value, "__name__", "")
    for module_name, module in _MODULES:
        if name and getattr(module, name, None) is value:
            return f"{module_name}.{name}"
    raise ExportError(f"{value!r} cannot be written as source text")

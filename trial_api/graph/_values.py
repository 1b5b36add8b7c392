"""Tensors in what modules and functions take and give."""

from __future__ import annotations

import copy
import dataclasses
from collections import UserDict
from collections.abc import Callable, Iterator
from typing import Any

from torch import Tensor


def tensors_of(value: Any) -> Iterator[Tensor]:
    """The tensors in nested lists, tuples, dicts and data classes.

    Other mappings are left alone: they may compute their entries when they are read.
    """
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (list, tuple, set, frozenset)):
        for entry in value:
            yield from tensors_of(entry)
    elif isinstance(value, (dict, UserDict)):
        yield from tensors_of(list(value.values()))
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from tensors_of(getattr(value, field.name, None))


def with_tensors(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """The same with other tensors in it: a copy, as far as it has any."""
    if isinstance(value, Tensor):
        return change(value)
    if type(value) in (list, tuple):
        return type(value)([with_tensors(entry, change) for entry in value])
    if next(tensors_of(value), None) is None:
        return value
    changed: Any
    if isinstance(value, (dict, UserDict)):
        changed = copy.copy(value)
        for key, entry in value.items():
            changed[key] = with_tensors(entry, change)
        return changed
    if isinstance(value, tuple):
        entries = [with_tensors(entry, change) for entry in value]
        return type(value)(*entries) if hasattr(value, "_fields") else type(value)(entries)
    if isinstance(value, list):
        changed = copy.copy(value)
        changed[:] = [with_tensors(entry, change) for entry in value]
        return changed
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        changed = copy.copy(value)
        for field in dataclasses.fields(value):
            entry = with_tensors(getattr(value, field.name, None), change)
            object.__setattr__(changed, field.name, entry)  # frozen ones, too
        return changed
    return value


def shape_of(tensor: Tensor) -> list[int]:
    return [int(size) for size in tensor.shape]


def shapes_of(value: Any) -> list[list[int]]:
    return [shape_of(tensor) for tensor in tensors_of(value)]


def version_of(tensor: Tensor) -> int:
    """How often it was written to; not known of tensors of the inference mode."""
    return 0 if tensor.is_inference() else tensor._version

"""What a module looks like from outside: what may differ between two builds of a model."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from types import BuiltinFunctionType, FunctionType
from typing import Any

import torch
from torch import nn
from torch.nn.utils.parametrize import type_before_parametrizations

from nas_tuners.contract.errors import Problem

from ._slicing import SLICED, Shape, Widths, has_rule, is_layer, is_statistic, nests, widths_of
from ._super_layers import Configuration
from .wrappers import join

_OF_EVERY_MODULE = frozenset(nn.Module().__dict__)

_PLAIN = (int, float, complex, str, bytes, torch.dtype, Enum, type(None))


@dataclass(frozen=True)
class Look:
    """A module of one build, without the module itself.

    Attributes:
        kind: Its class.
        is_layer: Whether it is one of torch's.
        has_rule: Whether a smaller one can be a part of it.
        attributes: Plain values by name; of one of torch's layers, those of its parts too, with
            the part's path before the name.
        shapes: Of parameters and buffers, likewise.
        holders: The classes of what holds those.
        buffers: Which of those are buffers.
        widths: Of inputs and output.
    """

    kind: type[nn.Module]
    is_layer: bool
    has_rule: bool
    attributes: Mapping[str, Any]
    shapes: Mapping[str, Shape]
    holders: Mapping[str, type[nn.Module]]
    buffers: frozenset[str]
    widths: Widths | None

    @property
    def name(self) -> str:
        return self.kind.__qualname__

    def configuration(self, varying: Collection[str]) -> Configuration:
        """Of what varies."""
        return Configuration(
            {name: value for name, value in self.attributes.items() if name in varying},
            {name: shape for name, shape in self.shapes.items() if name in varying},
            self.widths,
        )


def looks_of(model: nn.Module) -> dict[str, Look]:
    """path -> look, of every module; the parts of one of torch's layers belong to it."""
    found: dict[str, Look] = {}
    seen: set[int] = set()

    def visit(module: nn.Module, path: str) -> None:
        if id(module) in seen:
            return
        seen.add(id(module))
        found[path] = _look(module)
        if not found[path].is_layer:
            for name, child in module._modules.items():
                if child is not None:
                    visit(child, join(path, name))

    visit(model, "")
    return found


def look_problems(path: str, largest: Look, other: Look, key: str) -> Iterator[Problem]:
    """Why a module is no part of what it is in the largest build."""
    if largest == other:
        return
    if largest.kind is not other.kind:
        text = f"is a {largest.name} or a {other.name}, depending on {key!r}; {_LAYER_CHOICE}"
        yield Problem(path, _MADE_ANEW if largest.name == other.name else text)
        return
    apart = largest.shapes.keys() ^ other.shapes.keys()
    if apart:
        names = ", ".join(map(repr, sorted(apart)))
        yield Problem(path, f"has {names} for some candidates of {key!r} only; {_LAYER_CHOICE}")
        return
    yield from _problems_of_attributes(path, largest, other, key)
    if (largest.shapes, largest.widths) == (other.shapes, other.widths):
        return
    if largest.is_layer and not largest.has_rule:
        late = _NOT_YET if issubclass(largest.kind, SLICED) else ""
        text = (
            f"its weights depend on {key!r}, but there is no rule which part of the weights of a "
            f"{largest.name} a smaller one has{late}; {_LAYER_CHOICE}"
        )
        yield Problem(path, text)
        return
    yield from _problems_of_shapes(path, largest, other, key)


def _problems_of_attributes(path: str, largest: Look, other: Look, key: str) -> Iterator[Problem]:
    """Of a layer, those that are switched must be there always."""
    names = largest.attributes.keys() ^ other.attributes.keys()
    if not largest.is_layer:
        names |= largest.attributes.keys()
    for name in sorted(names):
        if largest.attributes.get(name, _ABSENT) != other.attributes.get(name, _ABSENT):
            yield Problem(path, f"its attribute {name!r} depends on {key!r}; {_NOT_KEPT}")


def _problems_of_shapes(path: str, largest: Look, other: Look, key: str) -> Iterator[Problem]:
    for name, whole in largest.shapes.items():
        shape, holder, last = other.shapes[name], largest.holders[name], name.rpartition(".")[2]
        if shape == whole:
            continue
        if name in largest.buffers and not is_statistic(holder, last):
            yield Problem(path, f"its buffer {name!r} depends on {key!r}; {_NOT_KEPT}")
        elif issubclass(holder, (nn.ParameterList, nn.ParameterDict)):
            yield Problem(path, f"its {name!r} depends on {key!r}; {_NOT_LISTED}")
        elif not nests(holder, last, whole, shape):
            yield Problem(
                path,
                f"its {name!r} of shape {shape} is no part of that of shape {whole}, which the "
                f"largest candidates give; with {key!r} all sizes must grow together (and kernel "
                f"sizes differ by even numbers), or {_LAYER_CHOICE}",
            )


def _look(module: nn.Module) -> Look:
    whole = is_layer(module)
    parts = dict(module.named_modules()) if whole else {"": module}
    tensors = {
        join(path, name): (tensor, part)
        for path, part in parts.items()
        for name, tensor in [*part._parameters.items(), *part._buffers.items()]
        if tensor is not None
    }
    return Look(
        type_before_parametrizations(module),  # which gives each module a class of its own
        whole,
        has_rule(module),
        {
            join(path, name): value
            for path, part in parts.items()
            for name, value in part.__dict__.items()
            if name not in _OF_EVERY_MODULE and _is_plain(value)
        },
        {name: _shape(tensor) for name, (tensor, _) in tensors.items()},
        {name: type_before_parametrizations(part) for name, (_, part) in tensors.items()},
        frozenset(join(path, name) for path, part in parts.items() for name in part._buffers),
        widths_of(module) if whole else None,
    )


def _shape(tensor: Any) -> Shape:
    return () if nn.parameter.is_lazy(tensor) else tuple(tensor.shape)


def _is_plain(value: Any) -> bool:
    """Whether equal values are the same to a module, however they were made."""
    if isinstance(value, _PLAIN):
        return True
    if isinstance(value, (list, tuple, set, frozenset)):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(map(_is_plain, value)) and all(map(_is_plain, value.values()))
    if isinstance(value, (FunctionType, BuiltinFunctionType, type)):
        return "<locals>" not in value.__qualname__  # those are other objects in each build
    return False


_ABSENT = object()

_MADE_ANEW = "its class is another one in each construction; define it outside of __init__"

_LAYER_CHOICE = "put what depends on it into a LayerChoice"

_NOT_KEPT = (
    "only torch's own layers and parameters can: compute it from the shapes of tensors in "
    f"forward, do not keep it if it is not used there, or {_LAYER_CHOICE}"
)

_NOT_YET = " where they are computed from others, or made by the first batch"

_NOT_LISTED = (
    "parameters in a list or dict are used without calling it, so that nobody cuts them: make "
    "them attributes of the module that uses them"
)

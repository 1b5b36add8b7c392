"""Modules as the expressions and statements of the constructors that make them."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from textwrap import indent
from typing import Any

import torch
from torch import Tensor, nn

from nas_tuners.contract.errors import ExportError
from trial_api.nn._chosen import ChosenLayer

from ._afterwards import changes
from ._constructors import constructor, constructor_arguments
from ._literals import quoted, tensor_literal
from ._numbers import marked
from ._paths import access, is_leaf, own_tensors
from ._recording import torch_class
from ._sharing import Sharing

_PLAIN = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
_OF_PARAMETERS = (nn.ParameterList, nn.ParameterDict)


def is_class(module: nn.Module) -> bool:
    """Whether the code has a class for a module, apart from the whole model, which has one."""
    plain = (*_PLAIN, *_OF_PARAMETERS, ChosenLayer)
    return type(module) not in plain and not is_leaf(module)


def base_of(module: nn.Module) -> str:
    """What the class for a module extends."""
    if is_leaf(module):
        return f"nn.{torch_class(type(module)).__name__}"
    for base in _PLAIN:
        if isinstance(module, base):
            return f"nn.{base.__name__}"
    return "nn.ModuleDict" if isinstance(module, ChosenLayer) else "nn.Module"


def vanishes(module: nn.Module, has_forward: Container[int]) -> bool:
    """Whether the code does without a module: it neither holds anything nor is called.

    Args:
        module: Any.
        has_forward: The identities of those that are called.
    """
    if not is_class(module) or base_of(module) != "nn.Module" or id(module) in has_forward:
        return False
    children = [child for child in module._modules.values() if child is not None]
    return not own_tensors(module) and all(vanishes(child, has_forward) for child in children)


class Structure:
    """How a model is constructed.

    Args:
        shared: What stands in it more than once.
        expressions: For the modules that have classes, by their identity; the code does without
            others.
        cast: Whether to say of which type parameters are, if not of the usual one.
    """

    def __init__(self, shared: Sharing, expressions: Mapping[int, str], *, cast: bool) -> None:
        self._shared = shared
        self._expressions = expressions
        self._cast = cast

    def statements(self, module: nn.Module, path: str) -> list[str]:
        """The constructor of the class for a module."""
        if is_leaf(module):
            return [
                f"super().__init__({constructor_arguments(module, path)})",
                *changes(module, ""),
            ]
        given = ""
        if base_of(module) != "nn.Module":
            given = self._contents(module, path)
        lines = [f"super().__init__({given})"]
        for name, tensor in own_tensors(module).items():
            lines.append(self._own(module, name, tensor, path))
        lines += self._attributes(module, path)
        for later, first in self._shared.ties.get(id(module), []):
            if later not in module._modules or not self._is_attribute(module, later):
                lines.append(f"{access(module, later)} = {access(module, first)}")
        for layer in self._layers(module):
            lines += changes(module, layer)
        return lines

    def expression(self, module: nn.Module, path: str) -> str:
        """The expression that makes a module; empty if the code does without it."""
        if is_class(module):
            return self._expressions.get(id(module), "")
        if is_leaf(module):
            return constructor(module, path, cast=self._cast)
        if isinstance(module, _OF_PARAMETERS):
            return self._parameters(module)
        return f"{base_of(module)}({self._contents(module, path)})"

    def _attributes(self, module: nn.Module, path: str) -> Iterator[str]:
        """The submodules that its class is not constructed with, as statements."""
        ties = dict(self._shared.ties.get(id(module), []))
        for name, child in module._modules.items():
            if child is None or not self._is_attribute(module, name):
                continue
            text = self.expression(child, f"{path}.{name}" if path else name)
            if text and (id(module), name) in self._shared.places:
                text = access(module, ties[name]) if name in ties else "nn.Identity()"
            if text and name.isidentifier():
                yield f"self.{name} = {text}"
            elif text:
                yield f"self.add_module({quoted(name)}, {text})"

    def _layers(self, module: nn.Module, path: str = "") -> Iterator[str]:
        """The paths to the layers that the constructor of a class makes."""
        for name, child in module._modules.items():
            if child is None or is_class(child) or (id(module), name) in self._shared.places:
                continue
            here = f"{path}.{name}" if path else name
            if is_leaf(child):
                yield here
            else:
                yield from self._layers(child, here)

    def _contents(self, module: nn.Module, path: str) -> str:
        """What a container is constructed with."""
        entries = {}
        for name, child in module._modules.items():
            is_again = (id(module), name) in self._shared.places
            text = ""
            if child is not None and not is_again:
                text = self.expression(child, f"{path}.{name}" if path else name)
            entries[name] = text or "nn.Identity()"
        if base_of(module) == "nn.ModuleDict":
            for name in entries:
                if hasattr(nn.ModuleDict, name):
                    raise ExportError(f"{path}: torch allows no entry {name!r}: rename it")
            return _named(entries) if entries else ""
        if base_of(module) == "nn.ModuleList":
            return _numbered(entries)
        if list(entries) != [str(number) for number in range(len(entries))]:
            return f"OrderedDict({_named(entries)})"
        return _lines(entries.values())

    def _own(self, module: nn.Module, name: str, tensor: Tensor, path: str) -> str:
        if isinstance(tensor, nn.Parameter):
            if name.isidentifier():
                return f"self.{name} = {self._parameter(tensor, name)}"
            return f"self.register_parameter({quoted(name)}, {self._parameter(tensor, name)})"
        if name not in module._non_persistent_buffers_set:
            return f"self.register_buffer({quoted(name)}, {self._zeros(tensor, name)})"
        try:
            text = tensor_literal(tensor)
        except ExportError as error:
            raise ExportError(f"{path}.{name}".strip(".") + f": {error}") from None
        return f"self.register_buffer({quoted(name)}, {text}, persistent=False)"

    def _parameters(self, module: Any) -> str:
        if isinstance(module, nn.ParameterList):
            entries = [self._parameter(tensor, "size") for tensor in module]
            return f"nn.ParameterList([{_lines(entries)}])" if entries else "nn.ParameterList()"
        named = {name: self._parameter(tensor, name) for name, tensor in module.items()}
        return f"nn.ParameterDict({_named(named)})"

    def _parameter(self, tensor: Tensor, name: str) -> str:
        frozen = "" if tensor.requires_grad else ", requires_grad=False"
        return f"nn.Parameter({self._zeros(tensor, name)}{frozen})"

    def _zeros(self, tensor: Tensor, name: str) -> str:
        """The values come with the weights."""
        is_cast_later = tensor.is_floating_point() and not self._cast
        is_usual = is_cast_later or tensor.dtype == torch.float32
        dtype = "" if is_usual else f", dtype={tensor.dtype}"
        hint = f"{name}_size" if name.isidentifier() else "size"
        sizes = ", ".join(marked(str(size), hint) for size in tensor.shape)
        return f"torch.zeros({sizes or '()'}{dtype})"

    def _is_attribute(self, module: nn.Module, name: str) -> bool:
        base = base_of(module)
        return base == "nn.Module" or (base == "nn.ModuleList" and not name.isdigit())


def _numbered(entries: Mapping[str, str]) -> str:
    """A list in which each has its place; what is gone in between has nothing there."""
    places = {int(name): text for name, text in entries.items() if name.isdigit()}
    if not places:
        return ""
    return f"[{_lines(places.get(n, 'nn.Identity()') for n in range(max(places) + 1))}]"


def _lines(entries: Any) -> str:
    """One to a line, if there are several."""
    entries = list(entries)
    if len(entries) <= 1 and not any("\n" in entry for entry in entries):
        return "".join(entries)
    inside = indent("".join(f"{entry},\n" for entry in entries), "    ")
    return f"\n{inside}"


def _named(entries: Mapping[str, str]) -> str:
    inside = indent("".join(f"{quoted(k)}: {v},\n" for k, v in entries.items()), "    ")
    return "{\n" + inside + "}"

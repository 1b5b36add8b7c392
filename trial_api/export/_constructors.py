"""Layers of torch as the expressions that construct them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from nas_tuners.contract.errors import ExportError

from ._literals import literal
from ._numbers import marked
from ._recording import ConstructorCall, constructor_call, torch_class

_LEFT_OUT = {"device", "_weight", "_freeze"}
"""Where a layer lies and which values it starts with: both come with the weights."""


def constructor(layer: nn.Module, where: str, *, cast: bool = False) -> str:
    """The expression for a layer, with its arguments as they were given.

    Args:
        layer: A layer of torch.
        where: Its path, for messages.
        cast: Whether to say of which type its parameters are, if not of the usual one.

    Raises:
        ExportError: if the arguments are not known, or one cannot be written.
    """
    call = _call(layer, where)
    arguments = constructor_arguments(layer, where)
    return f"nn.{call.maker.__name__}({arguments}){_changes(layer, call, cast=cast)}"


def constructor_arguments(layer: nn.Module, where: str) -> str:
    """The arguments of a layer as they were given."""
    return ", ".join(_arguments(_call(layer, where), where))


def _call(layer: nn.Module, where: str) -> ConstructorCall:
    call = constructor_call(layer)
    if call is None:
        raise ExportError(
            f"{where or 'the model'}: this {type(layer).__name__} was made before `build` was "
            "called, so nobody knows with which arguments: make it inside `build`"
        )
    return call


def construct(call: ConstructorCall) -> nn.Module:
    """A module of the same arguments."""
    signature = inspect.signature(call.maker.__init__)
    positional: list[Any] = []
    named: dict[str, Any] = {}
    for name, parameter in list(signature.parameters.items())[1:]:
        value = call.arguments[name]
        if parameter.kind is parameter.VAR_POSITIONAL:
            positional += value
        elif parameter.kind is parameter.VAR_KEYWORD:
            named |= value
        elif parameter.kind is parameter.KEYWORD_ONLY:
            named[name] = value
        else:
            positional.append(value)
    return call.maker(
        *positional, **{key: value for key, value in named.items() if key != "device"}
    )


def _arguments(call: ConstructorCall, where: str) -> Iterator[str]:
    """Those without a default by position, the others by name where they differ from it."""
    for parameter in list(inspect.signature(call.maker.__init__).parameters.values())[1:]:
        value = call.arguments[parameter.name]
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            yield from _many(call, value, where)
        elif parameter.name in _LEFT_OUT or _equal(value, parameter.default):
            continue
        elif parameter.default is parameter.empty:
            yield _value(call, parameter.name, value, where)
        else:
            yield f"{parameter.name}={_value(call, parameter.name, value, where)}"


def _many(call: ConstructorCall, values: Any, where: str) -> Iterator[str]:
    """Arguments of any number, of a layer that does not ignore them."""
    if call.maker is nn.Identity or call.maker.__init__ is nn.Module.__init__:
        return
    if isinstance(values, tuple):
        yield from (_value(call, "size", value, where) for value in values)
        return
    for name, value in values.items():
        if name not in _LEFT_OUT:
            yield f"{name}={_value(call, name, value, where)}"


def _value(call: ConstructorCall, name: str, value: Any, where: str) -> str:
    what = f"{where or 'the model'}: argument `{name}` of {call.maker.__name__}"
    if isinstance(value, nn.Module):
        if type(value).forward is torch_class(type(value)).forward:
            return constructor(value, what)
        raise ExportError(f"{what}: {type(value).__name__} is not a layer of torch")
    try:
        text = literal(value)
    except ExportError as error:
        raise ExportError(f"{what}: {error}") from None
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return marked(text, name) if is_number else text


def _equal(value: Any, default: Any) -> bool:
    if value is default:
        return True
    return type(value) is type(default) and not isinstance(value, Tensor) and value == default


def _changes(layer: nn.Module, call: ConstructorCall, *, cast: bool) -> str:
    """What was done to the layer after its construction."""
    parameters = list(layer.parameters())
    frozen = parameters and not any(parameter.requires_grad for parameter in parameters)
    made = call.arguments.get("dtype") or torch.float32
    types = {parameter.dtype for parameter in parameters if parameter.is_floating_point()} - {made}
    text = f".to({types.pop()})" if cast and types else ""
    return text + (".requires_grad_(False)" if frozen else "")

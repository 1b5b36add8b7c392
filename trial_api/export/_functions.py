"""Calls of torch as source text: operators, methods, functions."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.nn import functional
from torch.overrides import resolve_name

from nas_tuners.contract.errors import ExportError

from ._text import Piece, Text, joined, listed, operand, operation

_OPERATORS = {
    "add": "+",
    "sub": "-",
    "mul": "*",
    "div": "/",
    "matmul": "@",
    "pow": "**",
    "remainder": "%",
    "eq": "==",
    "ne": "!=",
    "lt": "<",
    "le": "<=",
    "gt": ">",
    "ge": ">=",
    "__and__": "&",
    "__or__": "|",
    "__xor__": "^",
    "__pow__": "**",
    "__mod__": "%",
    "__floordiv__": "//",
    "__truediv__": "/",
    "__eq__": "==",
    "__ne__": "!=",
    "__lt__": "<",
    "__le__": "<=",
    "__gt__": ">",
    "__ge__": ">=",
}
_REFLECTED = {
    "__radd__": "+",
    "__rsub__": "-",
    "__rmul__": "*",
    "__rdiv__": "/",
    "__rtruediv__": "/",
    "__rpow__": "**",
    "__rmatmul__": "@",
    "__rfloordiv__": "//",
}
_UNARY = {"neg": "-", "__neg__": "-", "__invert__": "~"}
_RANDOM = re.compile("rand|normal|bernoulli|multinomial|dropout|poisson|uniform")
_COMPARISONS = {"eq", "ne", "lt", "le", "gt", "ge"}
_HIDDEN = {"_stacklevel"}
_MODES = {"training", "train"}
_NO_DEFAULT = object()
_LONG = 16
"""Of longer names the last word is enough to name a value after."""


def name_of(function: Callable[..., Any]) -> str:
    """Where torch offers a function: ``"torch.Tensor.add"``, ``"torch.nn.functional.relu"``."""
    return str(resolve_name(function) or getattr(function, "__name__", function))


def is_method(name: str) -> bool:
    return name.startswith("torch.Tensor.")


def works_in_place(name: str) -> bool:
    last = name.rpartition(".")[2]
    is_augmented = last.startswith("__i") and last not in ("__invert__", "__index__", "__int__")
    return is_augmented or (last.endswith("_") and not last.endswith("__"))


def stays(name: str) -> bool:
    """Whether a call does more than computing its value."""
    last = name.rpartition(".")[2]
    is_functional = name.startswith("torch.nn.functional.")
    return is_functional or _RANDOM.search(last) is not None


def is_view(name: str, args: Sequence[Any]) -> bool:
    """Whether a call is an index that copies nothing."""
    if not name.endswith("Tensor.__getitem__"):
        return False
    index = args[1]
    entries = index if isinstance(index, tuple) else (index,)
    return all(
        entry is None or entry is Ellipsis or isinstance(entry, (int, slice)) for entry in entries
    )


def hint_of(name: str) -> str:
    """What a value may be named after the function that gives it."""
    last = name.removesuffix(".__get__").rpartition(".")[2].strip("_").lower()
    if last in _COMPARISONS:
        return "mask"
    if last == "getitem":
        return "part"
    return last if len(last) <= _LONG else last.rpartition("_")[2]


def call_text(
    function: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    *,
    text_of: Callable[[Any], Text],
) -> Text:
    """The expression of a call.

    Raises:
        ExportError: if torch offers the function under no name.
    """
    name = name_of(function)
    if not is_method(name):
        kwargs = _given(function, args, kwargs)
        return joined(_public(function, name), "(", _arguments(args, kwargs, text_of), ")")
    last = name.removeprefix("torch.Tensor.")
    if last == "__getitem__":
        return joined(operand(text_of(args[0])), "[", index_text(args[1], text_of), "]")
    texts = [text_of(arg) for arg in args]
    if last.endswith(".__get__"):
        return joined(operand(texts[0]), f".{last.removesuffix('.__get__')}")
    if last in _OPERATORS and len(args) == 2 and not kwargs:
        return operation(texts[0], _OPERATORS[last], texts[1])
    if last in _REFLECTED and len(args) == 2 and not kwargs:
        return operation(texts[1], _REFLECTED[last], texts[0])
    if last in _UNARY and len(args) == 1:
        return joined(_UNARY[last], operand(texts[0]), symbol=_UNARY[last])
    return joined(operand(texts[0]), f".{last}(", _arguments(args[1:], kwargs, text_of), ")")


def index_text(index: Any, text_of: Callable[[Any], Text]) -> Text:
    """What stands between brackets."""
    if isinstance(index, tuple) and index:
        return listed([index_text(entry, text_of) for entry in index])
    if index is Ellipsis:
        return Text(("...",))
    if not isinstance(index, slice):
        return text_of(index)
    bounds: list[Piece] = [
        "" if bound is None else text_of(bound) for bound in (index.start, index.stop)
    ]
    step: list[Piece] = [] if index.step is None else [":", text_of(index.step)]
    return joined(bounds[0], ":", bounds[1], *step)


def _arguments(
    args: Sequence[Any], kwargs: Mapping[str, Any], text_of: Callable[[Any], Text]
) -> Text:
    named = [joined(f"{key}=", text_of(value)) for key, value in kwargs.items()]
    return listed([*map(text_of, args), *named])


def _given(
    function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    """Without the arguments that have their default value."""
    defaults = _defaults(function)
    return {
        key: value
        for key, value in kwargs.items()
        if key in _MODES or (key not in _HIDDEN and not _is(value, defaults.get(key, _NO_DEFAULT)))
    }


def _is(value: Any, default: Any) -> bool:
    return value is default or (type(value) is type(default) is not list and value == default)


def _defaults(function: Callable[..., Any]) -> dict[str, Any]:
    # Pooling functions dispatch on `return_indices`; these have the signatures.
    function = getattr(functional, f"_{getattr(function, '__name__', '')}", function)
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return {}
    return {name: parameter.default for name, parameter in parameters.items()}


def _public(function: Callable[..., Any], name: str) -> str:
    last = name.rpartition(".")[2]
    if getattr(functional, last, None) is function:
        return f"F.{last}"
    if getattr(torch, last, None) is function:
        return f"torch.{last}"
    found: Any = torch
    for part in name.split(".")[1:]:
        found = getattr(found, part, None)
    if found is function and "._" not in name:
        return name
    raise ExportError(f"torch offers no public name for the function {name}")

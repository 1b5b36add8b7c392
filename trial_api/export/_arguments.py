"""What a forward is called with, taken apart into the tensors and the rest."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from nas_tuners.contract.errors import ExportError

from ._literals import quoted
from ._text import Text, TracedInt

if TYPE_CHECKING:
    from ._frame import Frame

_PLAIN = (int, float, complex, str, torch.dtype, torch.device, torch.memory_format, Tensor)


@dataclass(frozen=True)
class Arguments:
    """The arguments of a forward.

    Attributes:
        args: To call it with, by position.
        kwargs: To call it with, by name.
        names: The parameters through which tensors come; others have one value for good.
        given: The values of these where the call is.
    """

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    names: list[str]
    given: list[Any]


def bound_arguments(
    forward: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], frame: Frame
) -> Arguments:
    """The arguments, with all tensors in them known to the frame under their parameters."""
    bound = inspect.signature(forward).bind(*args, **kwargs)
    names: list[str] = []
    given: list[Any] = []
    for name, value in bound.arguments.items():
        if not traced_leaves(value):
            _require_inside(frame, name, value)
            continue
        kind = bound.signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_KEYWORD or (names and names[-1].startswith("*")):
            raise frame.not_alone(f"it is called with `{name}` by keyword")
        is_many = kind is inspect.Parameter.VAR_POSITIONAL
        names.append(f"*{name}" if is_many else name)
        given += value if is_many else [value]
        bound.arguments[name] = mapped(value, frame.placed, name)
    return Arguments(bound.args, bound.kwargs, names, given)


def _require_inside(frame: Frame, name: str, value: Any) -> None:
    """Raise if the whole model is given what is no tensor: its code could not mind it."""
    if frame.outer is None:
        raise ExportError(
            f"`inputs` must be tensors, and lists, tuples and dicts of them, but `{name}` is "
            f"{value!r}: leave it out, or export a module whose forward takes the tensors alone"
        )


def mapped(value: Any, change: Callable[[Any, Text], Any], *start: Any) -> Any:
    """The same structure with its tensors and traced numbers changed.

    Args:
        value: Lists, tuples and dicts, nested; what else there is stays.
        change: Called with a leaf and the expression for it.
        start: The expression for the whole.
    """
    if isinstance(value, (Tensor, TracedInt)):
        return change(value, Text(start))
    if type(value) is dict:
        return {
            key: mapped(entry, change, *start, f"[{_key(key)}]") for key, entry in value.items()
        }
    if not isinstance(value, (list, tuple)):
        return value
    entries = [mapped(entry, change, *start, f"[{index}]") for index, entry in enumerate(value)]
    return type(value)(entries) if type(value) in (list, tuple, torch.Size) else value


def copied(inputs: Sequence[Any]) -> list[Any]:
    """Inputs for a forward that may change them."""
    return [mapped(value, lambda tensor, _: tensor.clone()) for value in inputs]


def identities(value: Any) -> Any:
    """Which values a structure holds, to be compared with what it holds later."""
    if isinstance(value, dict):
        return [(key, identities(entry)) for key, entry in value.items()]
    if isinstance(value, (list, tuple)):
        return [identities(entry) for entry in value]
    return id(value)


def traced_leaves(value: Any) -> list[Any]:
    """The tensors and traced numbers in a structure."""
    if isinstance(value, (Tensor, TracedInt)):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, (list, tuple)):
        return []
    return [leaf for entry in value for leaf in traced_leaves(entry)]


def is_plain(value: Any) -> bool:
    """Whether a value holds nothing but tensors and constants, so that code can hand it over."""
    if type(value) is dict:
        return all(map(is_plain, value.values())) and all(map(is_plain, value))
    if isinstance(value, (list, tuple, set, frozenset)):
        return all(map(is_plain, value))
    return value is None or isinstance(value, _PLAIN)


def _key(key: Any) -> str:
    return quoted(key) if isinstance(key, str) else repr(key)

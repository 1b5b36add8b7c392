"""What each layer was constructed with, noted while a model is built.

A layer's ``repr`` leaves arguments out (``AvgPool2d`` its ``count_include_pad``), and its
attributes are not its arguments. So the constructors are watched, by a profile function: it sees
every call of the thread, with the arguments bound and defaults filled in, and nothing of torch
has to be replaced.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any

from torch import nn

from nas_tuners.contract.errors import ExportError

_NOTE = "_constructor_call"
"""Where a module keeps its note: among its attributes, so that copies of it have it too."""


@dataclass(frozen=True)
class ConstructorCall:
    """The arguments of a constructor, by the names of its parameters."""

    maker: type[nn.Module]
    arguments: dict[str, Any]


def built_and_noted(build: Callable[[], nn.Module]) -> nn.Module:
    """The model that a function builds, whose modules know what they were constructed with.

    Raises:
        ExportError: if a profiler runs that cannot be told of the calls, or no module is built.
    """
    before: Any = sys.getprofile()
    if before is not None and not callable(before):
        raise ExportError("the model cannot be built while a profiler runs: stop it before")
    sys.setprofile(_watch(before))
    try:
        model = build()
    finally:
        sys.setprofile(before)
    if not isinstance(model, nn.Module):
        raise ExportError(f"`build` must return an nn.Module, but it returned {model!r}")
    return model


def constructor_call(module: nn.Module) -> ConstructorCall | None:
    """What a module was constructed with, or None if nobody watched."""
    call: ConstructorCall | None = module.__dict__.get(_NOTE)
    return call


def forget_calls(model: nn.Module) -> None:
    """Take the notes out of a model."""
    for module in model.modules():
        module.__dict__.pop(_NOTE, None)


def torch_class(cls: type[nn.Module]) -> type[nn.Module]:
    """The nearest base of a class that ``torch.nn`` offers: ``nn.Module`` at the least."""
    bases = (base for base in cls.__mro__ if issubclass(base, nn.Module))
    found: type[nn.Module] = next(base for base in bases if vars(nn).get(base.__name__) is base)
    return found


def _watch(before: Callable[..., object] | None) -> Callable[[FrameType, str, Any], None]:
    def watch(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call" and frame.f_code.co_name == "__init__":
            _note(frame)
        if before is not None:
            before(frame, event, argument)

    return watch


def _note(frame: FrameType) -> None:
    """Keep the arguments, if this is the constructor of a module that counts.

    It is the one of the class itself, or of the base in ``torch.nn`` that it extends: what a
    subclass of ``Conv2d`` passes on is what makes the convolution.
    """
    names = _parameters(frame.f_code)
    module = frame.f_locals.get(names[0]) if names else None
    if not isinstance(module, nn.Module):
        return
    base = torch_class(type(module))
    maker = type(module) if base is nn.Module or _is_container(base) else base
    if _constructs(frame.f_code, maker):
        arguments = {name: _copied(frame.f_locals[name]) for name in names[1:]}
        module.__dict__[_NOTE] = ConstructorCall(maker, arguments)


def _is_container(cls: type[nn.Module]) -> bool:
    return issubclass(cls, (nn.Sequential, nn.ModuleList, nn.ModuleDict))


def _constructs(code: CodeType, maker: type[nn.Module]) -> bool:
    """Whether it is the code of a class's constructor."""
    constructor: Any = maker.__init__
    if constructor is not nn.Module.__init__:
        return getattr(inspect.unwrap(constructor), "__code__", None) is code
    # The compiler puts a function of its own around this one, so it is told by its file.
    return code.co_filename == nn.Module.register_module.__code__.co_filename


def _parameters(code: CodeType) -> tuple[str, ...]:
    count = code.co_argcount + code.co_kwonlyargcount
    count += bool(code.co_flags & inspect.CO_VARARGS) + bool(
        code.co_flags & inspect.CO_VARKEYWORDS
    )
    return code.co_varnames[:count]


def _copied(value: Any) -> Any:
    """A value as it is now: what the constructor does to a list does not count."""
    return value.copy() if type(value) in (list, dict, set) else value

"""What the forwards of a model compute, written down while they run.

The model runs on example inputs, with real tensors. A ``TorchFunctionMode`` sees each call of
torch, and tensors are known by their identity; so forwards may hold tensors in lists, dicts and
closures, and look at shapes, as they like. Numbers from shapes are :class:`TracedInt`, so that
the code works at other sizes. What looks at values of tensors cannot be written down.

Each module is traced by itself where everything that it computes with is handed to it, and where
all its calls compute the same; otherwise what it computes becomes part of the forward that calls
it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from nas_tuners.contract.errors import ExportError
from trial_api.nn._chosen import ChosenInputs, ChosenLayer

from . import _functions as functions
from ._arguments import bound_arguments, copied, identities, is_plain
from ._body import Body, body
from ._frame import Frame, NotAloneError
from ._lines import in_users_code
from ._outside import nothing_drawn
from ._paths import is_leaf, runs_in_turn
from ._shapes import MODE, about_shapes
from ._text import Call, joined


def trace(
    model: nn.Module, inputs: Sequence[Any], *, training: bool, inlined: set[int]
) -> dict[int, Body]:
    """The forwards of a model's modules, by the identity of the module.

    Args:
        model: Is set to the mode, and runs once.
        inputs: Its arguments, which stay as they are.
        training: The mode.
        inlined: The identities of modules that have no forward of their own; more are added.

    Raises:
        ExportError: if a forward cannot be written down, naming the module and the line.
    """
    model.train(training)
    tracer = _Tracer(model, inlined)
    with nothing_drawn(), _replaced_forwards(model, tracer.called), tracer, torch.no_grad():
        tracer.run(model.__dict__["forward"].args[1], copied(inputs))
    return tracer.bodies


class _Tracer(TorchFunctionMode):
    def __init__(self, model: nn.Module, inlined: set[int]) -> None:
        super().__init__()
        self.bodies: dict[int, Body] = {}
        self._model = model
        self._inlined = inlined
        self._frame: Frame | None = None  # None: what runs now is not written down
        self._running: list[nn.Module] = []
        self._autocast = _autocast()
        self._leaves = {id(module) for module in model.modules() if is_leaf(module)}

    def run(self, forward: Callable[..., Any], inputs: Sequence[Any]) -> None:
        if id(self._model) in self._leaves:
            return
        try:
            self._alone(self._model, forward, inputs, {})
        except (ExportError, NotAloneError) as error:
            raise ExportError(self._located(str(error))) from error
        except Exception as error:
            mode = "training" if self._model.training else "evaluation"
            message = f"the model does not run in {mode} mode on `inputs`: {error}"
            raise ExportError(self._located(message)) from error
        finally:
            self._frame = None

    def called(
        self, module: nn.Module, forward: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> Any:
        """In place of each module's forward."""
        frame = self._frame
        if frame is None:
            return forward(*args, **kwargs)
        if id(module) in self._leaves:
            return self._leaf(frame, module, forward, args, kwargs)
        depth = len(self._running)
        if self._may_be_alone(module, args, kwargs):
            try:
                return self._alone(module, forward, args, kwargs)
            except NotAloneError:
                self._inlined.add(id(module))
                del self._running[depth:]
            finally:
                self._frame = frame
        with self._in(module):
            return forward(*args, **kwargs)

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        frame = self._frame
        if frame is None:
            return func(*args, **(kwargs or {}))
        self._frame = None
        try:
            result = func(*args, **(kwargs or {}))
            return self._noted(frame, func, args, kwargs or {}, result)
        finally:
            self._frame = frame

    def _noted(
        self, frame: Frame, func: Any, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any
    ) -> Any:
        name = functions.name_of(func)
        if name.endswith("Tensor.__setitem__"):
            target, index, value = args
            inside = functions.index_text(index, frame.text_of)
            text = joined(frame.text_of(target), "[", inside, "] = ", frame.text_of(value))
            frame.calls.append(Call(text, "", in_place=True))
            return result
        self._require_no_autocast()
        if not _holds_tensors(result):
            return about_shapes(frame, name, [*args, *kwargs.values()], result)
        text = functions.call_text(func, args, kwargs, text_of=frame.text_of)
        if functions.works_in_place(name) and args and result is args[0]:
            frame.calls.append(Call(text, "", in_place=True))
            return result
        call = Call(text, functions.hint_of(name))
        call.stays, call.is_view = functions.stays(name), functions.is_view(name, args)
        return frame.assigned(call, result)

    def _leaf(
        self,
        frame: Frame,
        module: nn.Module,
        forward: Callable[..., Any],
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
    ) -> Any:
        self._require_no_autocast()
        self._frame = None
        try:
            result = forward(*args, **kwargs)
            given = [*map(frame.text_of, args)]
            given += [joined(f"{key}=", frame.text_of(value)) for key, value in kwargs.items()]
            return frame.assigned(frame.module_call(module, given), result)
        finally:
            self._frame = frame

    def _require_no_autocast(self) -> None:
        if _autocast() != self._autocast:
            raise ExportError(f"{in_users_code()}: forward {MODE.format('autocast')}")

    def _may_be_alone(
        self, module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> bool:
        if id(module) in self._inlined or isinstance(module, (ChosenInputs, ChosenLayer)):
            return False
        return all(is_plain(value) for value in (*args, *kwargs.values()))

    def _alone(
        self,
        module: nn.Module,
        forward: Callable[..., Any],
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
    ) -> Any:
        """Run a module in a frame of its own, then note the call in the frame around it."""
        outer, self._frame = self._frame, None
        inner = Frame(module, outer)
        arguments = bound_arguments(forward, args, kwargs, inner)
        before = identities((arguments.args, arguments.kwargs))
        self._frame = inner
        with self._in(module):
            result = forward(*arguments.args, **arguments.kwargs)
            self._frame = None
            if identities((arguments.args, arguments.kwargs)) != before:
                raise inner.not_alone("it changes a list or dict that it is called with")
            output, is_flat = inner.output(result)
        self._keep(module, inner, body(arguments.names, inner.calls, output), outer is None)
        if outer is None:
            return result
        given = [outer.text_of(value) for value in arguments.given]
        return outer.assigned(outer.module_call(module, given), result, is_flat=is_flat)

    def _keep(self, module: nn.Module, frame: Frame, new: Body, is_root: bool) -> None:
        if runs_in_turn(module) and frame.runs_in_turn(list(module.children())):
            return
        if type(module) is nn.Sequential and not is_root:
            raise NotAloneError("what runs in turn cannot be written as an nn.Sequential")
        if self.bodies.setdefault(id(module), new) != new:
            raise NotAloneError("two calls of one module compute differently")

    @contextmanager
    def _in(self, module: nn.Module) -> Iterator[None]:
        self._running.append(module)
        yield
        self._running.pop()  # stays where it fails, to be named

    def _located(self, message: str) -> str:
        names = {id(module): name for name, module in self._model.named_modules()}
        last = self._running[-1] if self._running else self._model
        path = names.get(id(last)) or "the model"
        return f"{path} ({type(last).__name__}): {message}"


@contextmanager
def _replaced_forwards(model: nn.Module, called: Callable[..., Any]) -> Iterator[None]:
    """Let each module of the model, not its class, run something else in place of its forward."""
    modules = list(model.modules())
    before = [module.__dict__.get("forward") for module in modules]
    for module in modules:
        module.__dict__["forward"] = partial(called, module, module.forward)
    try:
        yield
    finally:
        for module, own in zip(modules, before, strict=True):
            module.__dict__.pop("forward")
            if own is not None:
                module.__dict__["forward"] = own


def _autocast() -> list[bool]:
    return [torch.is_autocast_enabled(device) for device in ("cpu", "cuda")]


def _holds_tensors(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return any(map(_holds_tensors, value))
    return isinstance(value, Tensor)

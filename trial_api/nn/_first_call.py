"""What a network is called with first, seen without leaving a trace in it."""

from __future__ import annotations

import copy
import weakref
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

_HOOKS = ("_forward_hooks", "_forward_hooks_with_kwargs")
_PLAIN = (int, float, complex, str, bytes, type(None), torch.dtype, torch.device)


@dataclass(frozen=True)
class Form:
    """Of a tensor: no operation is run to tell it, so nobody who counts operations notices."""

    shape: tuple[int, ...]
    dtype: torch.dtype

    def zeros(self, *, batch: int | None, samples: int) -> Tensor:
        """A tensor like it on the CPU, with some samples of a batch of so many."""
        shape = self.shape
        if shape and shape[0] == batch:
            shape = (min(samples, batch), *shape[1:])
        return torch.zeros(shape, dtype=self.dtype, device="cpu")


class FirstCall:
    """A hook on a network that notes the form of its inputs, and is gone after the first call.

    Until then copies, pickles and scripts of the network do not have it, and compiled code leaves
    it out. A network that has hooks already is left alone, as who made them holds on to where
    they are.

    Args:
        network: The network.
    """

    def __init__(self, network: nn.Module) -> None:
        self.number = -1
        self._network = weakref.ref(network)
        self._noted: tuple[Any, Any] | None = None
        if any(network.__dict__[name] for name in _HOOKS):
            return
        for name in _HOOKS:
            network.__dict__[name] = _Vanishing(network.__dict__[name], self)
        self.number = network.register_forward_hook(self, with_kwargs=True).id

    def __call__(
        self, network: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any], _: Any
    ) -> None:
        if torch.compiler.is_compiling() or network is not self._network():
            return
        self.remove()
        try:
            self._noted = _noted(args), _noted(dict(kwargs))
        except Exception:  # a training must not notice
            self._noted = None

    def remove(self) -> None:
        """Take it off, if it is there still."""
        network = self._network()
        for name in _HOOKS if network is not None else ():
            present = network.__dict__[name]
            if isinstance(present, _Vanishing) and present.hook is self:
                present.pop(self.number, None)
                if not present:  # else somebody may want to remove hooks from it
                    network.__dict__[name] = OrderedDict()

    def inputs(self, *, samples: int) -> Any:
        """Zeros of the form of the inputs: a tuple, a dict where there were names only, or a call.

        None if there was no call, or one that cannot be repeated.
        """
        if self._noted is None:
            return None
        batch = next((form.shape[0] for form in _forms(self._noted) if form.shape), None)
        args, kwargs = _changed(self._noted, batch, samples)
        if args and kwargs:
            from ..profiling._calls import Call  # whose package needs this one

            return Call(args, kwargs)
        return kwargs or args


class _Vanishing(OrderedDict[int, Any]):
    """Hooks of a module, one of which is not copied, pickled or scripted."""

    def __init__(self, present: Mapping[int, Any], hook: FirstCall) -> None:
        super().__init__(present)
        self.hook = hook

    def without(self) -> OrderedDict[int, Any]:
        """The others."""
        return OrderedDict(entry for entry in self.items() if entry[0] != self.hook.number)

    def values(self) -> Any:
        """What torch.jit.script looks at; a call looks at the items."""
        return self.without().values()

    def __deepcopy__(self, memo: dict[int, Any]) -> OrderedDict[int, Any]:
        return copy.deepcopy(self.without(), memo)

    def __reduce_ex__(self, _: Any) -> Any:
        return OrderedDict, (list(self.without().items()),)


def _noted(value: Any) -> Any:
    """The same with forms in place of tensors.

    Raises:
        TypeError: if there is something else that might hold tensors, or much memory.
    """
    if isinstance(value, Tensor):
        return Form(tuple(value.shape), value.dtype)
    if type(value) is dict:
        return {key: _noted(item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(_noted, value))
    if isinstance(value, _PLAIN):
        return value
    raise TypeError(f"a {type(value).__name__} is not noted")


def _forms(value: Any) -> list[Form]:
    if isinstance(value, Form):
        return [value]
    if isinstance(value, dict):
        return _forms(list(value.values()))
    if isinstance(value, (list, tuple)):
        return [form for item in value for form in _forms(item)]
    return []


def _changed(value: Any, batch: int | None, samples: int) -> Any:
    """The same with tensors again."""
    if isinstance(value, Form):
        return value.zeros(batch=batch, samples=samples)
    if isinstance(value, dict):
        return {key: _changed(item, batch, samples) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_changed(item, batch, samples) for item in value)
    return value

"""One forward while it is traced: what it has computed, and how its code names each value."""

from __future__ import annotations

from itertools import count
from typing import Any

import torch
from torch import Tensor, nn

from nas_tuners.contract.errors import ExportError

from ._arguments import is_plain, mapped, traced_leaves
from ._lines import in_users_code
from ._literals import literal
from ._paths import access
from ._text import Call, Text, TracedInt, joined, listed


class NotAloneError(Exception):
    """A module cannot be written as a forward of its own."""


class Frame:
    """The forward of a module.

    Args:
        module: Whose.
        outer: The forward that calls it, if any.

    Attributes:
        calls: What it computes, in order.
        constants: The identities of parameters and buffers, whose shapes stay.
        shapes: By the identities of their numbers: the shapes of tensors.
    """

    def __init__(self, module: nn.Module, outer: Frame | None) -> None:
        self.module = module
        self.outer = outer
        self.calls: list[Call] = []
        self.shapes: dict[tuple[int, ...], tuple[Any, Text]] = {}
        self.constants = _tensor_paths(module)
        self._known: dict[int, tuple[Any, Text]] = {}
        self._modules = _module_paths(module)

    def know(self, value: Any, text: Text) -> None:
        """Remember how to write a value, and keep it, so that its identity stays its own."""
        self._known[id(value)] = (value, text)

    def knows(self, value: Any) -> bool:
        """Whether it, or a forward around it, has a way to write a value."""
        return id(value) in self._known or (self.outer is not None and self.outer.knows(value))

    def placed(self, value: Any, text: Text) -> Any:
        """The value to go on with, known as the text.

        A tensor that has another name already goes on as a view of itself.
        """
        if isinstance(value, TracedInt):
            return TracedInt.of(int(value), text, self)
        if id(value) in self._known or id(value) in self.constants:
            value = value.detach()
        self.know(value, text)
        return value

    def assigned(self, call: Call, result: Any, *, is_flat: bool = False) -> Any:
        """The result of a call, known by its place in what the call gives.

        Args:
            call: Is added to the forward.
            result: Of the call.
            is_flat: Whether the call gives the tensors in the result alone.
        """
        self.calls.append(call)
        if not is_flat:
            return mapped(result, self.placed, call)
        single, numbers = len(traced_leaves(result)) == 1, count()

        def place(value: Any, text: Text) -> Any:
            return self.placed(value, Text((call,) if single else (call, f"[{next(numbers)}]")))

        return mapped(result, place)

    def module_call(self, module: nn.Module, given: list[Text]) -> Call:
        path = self._modules.get(id(module))
        if path is None:
            raise self.not_alone(f"it runs a {type(module).__name__} that is not part of it")
        words = [word for word in path.split(".") if word.isidentifier()]
        text = joined(access(self.module, path), "(", listed(given), ")")
        return Call(text, words[-1] if words else "x", stays=True, module=module)

    def runs_in_turn(self, modules: list[nn.Module]) -> bool:
        """Whether it does nothing but to call these."""
        return [id(call.module) for call in self.calls] == list(map(id, modules))

    def output(self, result: Any) -> tuple[Text, bool]:
        """What the forward returns, and whether that is only the tensors in the result.

        Constants that code cannot write need not be returned: who calls knows them.
        """
        if not is_plain(result):
            raise self.not_alone(f"it returns a {type(result).__name__}")
        try:
            return self.text_of(result), False
        except ExportError:
            if self.outer is None:
                raise
        leaves = [self.text_of(leaf) for leaf in traced_leaves(result)]
        return (leaves[0] if len(leaves) == 1 else listed(leaves)), True

    def text_of(self, value: Any) -> Text:
        """How the code writes a value.

        Raises:
            NotAloneError: if it comes from elsewhere.
            ExportError: if there is no way to write it.
        """
        if isinstance(value, (Tensor, torch.device)):
            return self._text_of_known(value)
        if isinstance(value, TracedInt):
            if value.frame is not self:
                raise self.not_alone("it computes with a size that is not handed to it")
            return value.text
        if type(value) is dict:
            entries = [joined(f"{literal(k)}: ", self.text_of(v)) for k, v in value.items()]
            return joined("{", listed(entries), "}")
        if isinstance(value, (list, tuple)):
            return self._text_of_sequence(value)
        if isinstance(value, slice):
            bounds = [self.text_of(bound) for bound in (value.start, value.stop, value.step)]
            return joined("slice(", listed(bounds), ")")
        return Text((literal(value),))

    def not_alone(self, why: str) -> NotAloneError:
        return NotAloneError(f"{in_users_code()}: {why}")

    def _text_of_sequence(self, value: Any) -> Text:
        known = self.shapes.get(tuple(map(id, value)))
        if known is not None and value:
            return known[1]
        entries = listed([self.text_of(entry) for entry in value])
        if isinstance(value, list):
            return joined("[", entries, "]")
        return joined("(", entries, ",)" if len(value) == 1 else ")")

    def _text_of_known(self, value: Any) -> Text:
        if id(value) in self._known:
            return self._known[id(value)][1]
        if isinstance(value, torch.device):
            return self._text_of_device(value)
        path = self.constants.get(id(value))
        if path is not None:
            return Text((access(self.module, path),))
        if _is_attribute(value, self.module):
            return Text((literal(value),))
        raise self.not_alone(
            f"it computes with a tensor of the shape {tuple(value.shape)} that is not handed to "
            "it, and is no parameter or buffer of it (a constant can be: `register_buffer`)"
        )

    def _text_of_device(self, device: torch.device) -> Text:
        if self.outer is not None and self.outer.knows(device):
            raise self.not_alone("it computes on a device that is not handed to it")
        return Text((literal(device),))


def _tensor_paths(module: nn.Module) -> dict[int, str]:
    """The first path to each parameter and buffer."""
    paths: dict[int, str] = {}
    for entries in (module.named_parameters, module.named_buffers):
        for name, tensor in entries(remove_duplicate=False):
            paths.setdefault(id(tensor), name)
    return paths


def _module_paths(module: nn.Module) -> dict[int, str]:
    paths: dict[int, str] = {}
    for name, inside in module.named_modules(remove_duplicate=False):
        paths.setdefault(id(inside), name)
    return paths


def _is_attribute(tensor: Tensor, model: nn.Module) -> bool:
    """Whether a module keeps the tensor as a plain attribute: it is a constant."""
    return any(value is tensor for module in model.modules() for value in vars(module).values())

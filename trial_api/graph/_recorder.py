"""Records the calls of modules and functions while a model runs."""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..nn._binding import Bindable
from ..nn._super_kernel import CentreConv2d
from ._copying import Scripted
from ._functions import name_of
from ._module_tree import ModuleTree
from ._values import shapes_of, tensors_of, version_of, with_tensors

Node = dict[str, Any]


@dataclass
class _Frame:
    """A module that is running; of a leaf also what it was called with."""

    entry: int
    is_leaf: bool = False
    inputs: Sequence[Tensor] = ()
    versions: Sequence[int] = ()
    flops: int = 0


class Recorder:
    """The nodes and edges of one run.

    A call of a leaf module is a node, and so is a call of a function outside of leaf modules.
    Whatever gives a tensor is its producer, until something else writes to the tensor.

    Args:
        tree: The places of the modules.
        copies: The modules that run, by the id of the original.
        flops: Tells how many there were so far.
    """

    def __init__(
        self, tree: ModuleTree, copies: Mapping[int, nn.Module], flops: Callable[[], int]
    ) -> None:
        self.nodes: list[Node] = []
        self.edges: dict[tuple[int, ...], None] = {}
        self.flops = flops
        self.tree = tree
        self.expected: dict[int, int] = {}
        self._places = {
            id(copies[original]): places
            for original, places in tree.places.items()
            if original in copies
        }
        self._calls: Counter[int] = Counter()
        self._producers: dict[int, tuple[weakref.ref[Tensor], int]] = {}
        self._frames: list[_Frame | None] = []
        self._silence = 0
        self._given = {id(t) for one in copies.values() for t in _held(one)}
        for module in (copies[original] for original in tree.places if original in copies):
            module.register_forward_pre_hook(self._enter, prepend=True, with_kwargs=True)
            module.register_forward_hook(self._leave, with_kwargs=True, always_call=True)

    @property
    def is_silent(self) -> bool:
        """Whether what runs now is a part of a node."""
        return self._silence > 0

    @property
    def scope(self) -> int:
        """The entry of the module that is running."""
        return next((frame.entry for frame in reversed(self._frames) if frame is not None), 0)

    @contextmanager
    def silently(self) -> Iterator[None]:
        self._silence += 1
        try:
            with torch._C.DisableTorchFunction():
                yield
        finally:
            self._silence -= 1

    @contextmanager
    def inside(self, entry: int) -> Iterator[None]:
        """What runs belongs to another module; whatever it leaves open is closed."""
        depth, silence = len(self._frames), self._silence
        self._frames.append(_Frame(entry))
        try:
            yield
        finally:
            del self._frames[depth:]
            self._silence = silence

    def add(self, node: Node, inputs: Any, outputs: Any, *, flops: int = 0) -> int:
        """A node, its edges from the producers of inputs, and the ownership of outputs."""
        number = len(self.nodes)
        owned = list(tensors_of(outputs))
        node["shapes"] = shapes_of(owned)
        if flops:
            node["flops"] = flops
        self.nodes.append(node)
        for producer in self.producers(inputs):
            self.edges[producer, number] = None
        for tensor in owned:
            self.own(tensor, number)
        return number

    def own(self, tensor: Tensor, number: int) -> None:
        self._producers[id(tensor)] = (weakref.ref(tensor), number)

    def producers(self, value: Any) -> list[int]:
        """The nodes that gave the tensors in a value, each once; of parameters there is none."""
        found: dict[int, None] = {}
        for tensor in tensors_of(value):
            reference, number = self._producers.get(id(tensor), (None, -1))
            if reference is not None and reference() is tensor:
                found[number] = None
        return list(found)

    def alike(self, value: Any) -> Any:
        """A copy with tensors of its own, from the same producers."""

        def clone(tensor: Tensor) -> Tensor:
            made = tensor.clone()
            for producer in self.producers(tensor):
                self.own(made, producer)
            return made

        with self.silently():
            return with_tensors(value, clone)

    def run_function(
        self, function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Any:
        """Call a function; a node if it gives new tensors or writes to those that it gets."""
        inputs = list(tensors_of((args, kwargs)))
        versions = [version_of(tensor) for tensor in inputs]
        before = self.flops()
        output = function(*args, **kwargs)
        known = {id(tensor) for tensor in inputs}
        new = [tensor for tensor in tensors_of(output) if id(tensor) not in known]
        written = _written(inputs, versions)
        if new or written:
            node = {"kind": "op", "op": name_of(function), "module": self.scope}
            number = self.add(node, inputs, new or written[:1], flops=self.flops() - before)
            self._own_written(written, number)
        return output

    def _own_written(self, written: Sequence[Tensor], number: int) -> None:
        """What was written to; and what it is a view of, which has changed, too."""
        for tensor in written:
            self.own(tensor, number)
            if tensor._base is not None:
                self.own(tensor._base, number)

    def _enter(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        if self.is_silent:
            self._frames.append(None)
        else:
            with torch._C.DisableTorchFunction():  # reading a version is a function, too
                self._enter_scope(module, args, kwargs)

    def _enter_scope(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        entry = self.expected.pop(id(module), None)
        if entry is None:
            entry = self.tree.place(self._places[id(module)], self._outer(), self._calls)
        self._calls[entry] += 1
        frame = _Frame(entry, is_leaf(module), flops=self.flops())
        if frame.is_leaf:
            frame.inputs = list(tensors_of((args, kwargs)))
            frame.versions = [version_of(tensor) for tensor in frame.inputs]
            self._silence += 1
        self._frames.append(frame)

    def _leave(self, module: nn.Module, args: Any, kwargs: Any, output: Any) -> Any:
        frame = self._frames.pop()
        if frame is None:
            return None
        with torch._C.DisableTorchFunction():
            if frame.is_leaf:
                self._silence -= 1
                return self._leaf(frame, output)
            if not isinstance(module, Bindable):
                self._mend(frame, args, kwargs, output)
        return None

    def _leaf(self, frame: _Frame, output: Any) -> Any:
        """A node; an output that is the input becomes another tensor, or it would be lost."""
        written = _written(frame.inputs, frame.versions)
        returned = {id(tensor) for tensor in frame.inputs} - {id(tensor) for tensor in written}

        def told_apart(tensor: Tensor) -> Tensor:
            return tensor.detach() if id(tensor) in returned else tensor

        output = with_tensors(output, told_apart)
        node = {"kind": "module", "module": frame.entry}
        flops = self.flops() - frame.flops
        number = self.add(node, frame.inputs, output, flops=flops)
        self._own_written(written, number)
        return output

    def _mend(self, frame: _Frame, args: Any, kwargs: Any, output: Any) -> None:
        """Let a module that hides what it does (scripted, by NumPy) be a node itself."""
        lost = [
            t for t in tensors_of(output) if id(t) not in self._given and not self.producers(t)
        ]
        if lost:
            self.add({"kind": "module", "module": frame.entry}, (args, kwargs), lost)

    def _outer(self) -> int | None:
        return self.scope if self._frames else None


def is_leaf(module: nn.Module) -> bool:
    """Whether a call is one node: layers of torch, and the centres of superkernels."""
    if isinstance(module, (nn.MultiheadAttention, CentreConv2d, Scripted)):
        return not _has_choices(module)
    inner = [name for name, child in module._modules.items() if child is not None]
    of_torch = type(module).__module__.partition(".")[0] == "torch"
    return of_torch and (not inner or (inner == ["parametrizations"] and not _has_choices(module)))


def _has_choices(module: nn.Module) -> bool:
    return any(isinstance(inner, Bindable) for inner in module.modules())


def _written(tensors: Sequence[Tensor], versions: Sequence[int]) -> list[Tensor]:
    return [
        tensor
        for tensor, version in zip(tensors, versions, strict=True)
        if version_of(tensor) != version
    ]


def _held(module: nn.Module) -> Iterator[Tensor]:
    for tensor in [*module._parameters.values(), *module._buffers.values()]:
        if tensor is not None:
            yield tensor

"""Runs a copy of a model and records it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_pre_hook
from torch.utils.flop_counter import FlopCounterMode

from nas_tuners.contract.errors import ProfilingError

from ..profiling._calls import Call
from ..profiling._flops import _countable_kernels, _formulas
from ..profiling._running import naming_the_module
from ._choosing import ChoiceCall, Choosing, Way
from ._copying import Place, working_copy
from ._functions import Functions
from ._inputs import call_at, named_inputs
from ._module_tree import ModuleTree
from ._recorder import Node, Recorder
from ._values import tensors_of


@dataclass(frozen=True)
class Run:
    """What was recorded.

    Attributes:
        nodes: In order of execution.
        edges: From, to, and the slot of a choice where there is one.
        calls: Of choices, by their entry.
        failures: Of candidates that did not run.
    """

    nodes: Sequence[Node]
    edges: Sequence[tuple[int, ...]]
    calls: Mapping[int, Sequence[ChoiceCall]]
    failures: Sequence[str] = ()


@dataclass(frozen=True)
class Subject:
    """What is recorded.

    Attributes:
        root: The model, without wrappers around it.
        tree: Its modules.
        keys: Those of its choices, by the id of the choice.
        call: With what it is called.
    """

    root: nn.Module
    tree: ModuleTree
    keys: Mapping[int, str]
    call: Call


def run_copy(subject: Subject, call: Call, place: Place, way: Way) -> Run:
    """Copy the model and run the copy.

    Raises:
        Exception: what copying raises.
        ProfilingError: naming the module that failed.
    """
    copies = working_copy(subject.root, place)
    network = copies[id(subject.root)]
    call = call_at(call, place)
    own = _refusing(subject.root)
    with own, _quietly(place), _flop_counter() as flops, naming_the_module(network):
        recorder = Recorder(subject.tree, copies, flops)
        choosing = Choosing(recorder, copies, subject.keys, way)
        for name, tensor in named_inputs(subject.root, call):
            recorder.add({"kind": "input", "name": name}, None, tensor)
        with Functions(recorder):
            output = network(*call.args, **call.kwargs)
        recorder.add({"kind": "output"}, output, None)
    recorder.nodes[-1]["shapes"] = [[int(n) for n in one.shape] for one in tensors_of(output)]
    return _without_loose_ends(recorder, choosing)


@contextmanager
def _refusing(root: nn.Module) -> Iterator[None]:
    """The original must not run, whose buffers would change.

    A copy calls it where functions hold on to it, such as ``self.f = lambda x: self.conv(x)``,
    because functions are never copied.
    """
    original, thread = {id(module) for module in root.modules()}, threading.get_ident()

    def refuse(module: nn.Module, _: Any) -> None:
        if id(module) in original and threading.get_ident() == thread:
            raise ProfilingError(
                f"a function among the attributes of the model calls {type(module).__name__} of "
                "the model itself, also in a copy of it: make it a method"
            )

    handle = register_module_forward_pre_hook(refuse)
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def _quietly(place: Place) -> Iterator[None]:
    """Without graphs and compilation; tensors that a model makes are where the others are."""
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.no_grad())
        if "torch._dynamo" in sys.modules and hasattr(torch.compiler, "set_stance"):
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        stack.enter_context(torch.device(place))
        yield


@contextmanager
def _flop_counter() -> Iterator[Callable[[], int]]:
    counter = FlopCounterMode(display=False, custom_mapping=_formulas())
    with _countable_kernels(), counter:
        yield counter.get_total_flops


def _without_loose_ends(recorder: Recorder, choosing: Choosing) -> Run:
    """What was recorded, without functions of nothing but parameters that nobody reads."""
    kept = _kept(recorder)
    new = {number: place for place, number in enumerate(kept)}
    calls: dict[int, Sequence[ChoiceCall]] = {
        entry: [ChoiceCall(one.entry, new[one.node], one.slots) for one in made]
        for entry, made in choosing.calls.items()
    }
    edges = sorted(
        (new[edge[0]], new[edge[1]], *edge[2:])
        for edge in recorder.edges
        if edge[0] in new and edge[1] in new
    )
    return Run([recorder.nodes[number] for number in kept], edges, calls, choosing.failures)


def _kept(recorder: Recorder) -> list[int]:
    from_inputs: set[int] = set()
    readers: dict[int, list[int]] = {}
    for source, target, *_ in sorted(recorder.edges):
        readers.setdefault(source, []).append(target)
    for number, node in enumerate(recorder.nodes):
        if node["kind"] != "op":
            from_inputs.add(number)
        if number in from_inputs:
            from_inputs.update(readers.get(number, ()))
    kept: set[int] = set()
    for number in reversed(range(len(recorder.nodes))):
        if number in from_inputs or not kept.isdisjoint(readers.get(number, ())):
            kept.add(number)
    return sorted(kept)

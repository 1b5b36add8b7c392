"""How choices run while a graph is recorded: every candidate, on the same input."""

from __future__ import annotations

import operator
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ..nn._input_choice import InputChoice, inputs_in_order
from ..nn._layer_choice import LayerChoice
from ..nn._reduction import reduce_outputs
from ..nn._repeat import Repeat
from ..nn._value_decision import ValueDecision
from ._recorder import Recorder
from ._value_runs import largest_values
from ._values import shape_of, tensors_of, with_tensors


@dataclass(frozen=True)
class Way:
    """What a choice gives to the layers behind it, which do not fit everything.

    Attributes:
        picks: The candidates whose outputs are reduced: the first few, as many as are chosen; the
            last few; or all.
        mixes: Whether masks are weights, all one, as of a mixture. Else they are booleans.
        tolerant: Whether a candidate may fail.
    """

    picks: Literal["first", "last", "all"] = "first"
    mixes: bool = True
    tolerant: bool = False


@dataclass(frozen=True)
class SlotCall:
    """A candidate in one call of a choice: no FLOPs of an input, no shape without a tensor."""

    shape: list[int] | None = None
    flops: int | None = None


@dataclass(frozen=True)
class ChoiceCall:
    """One call of a choice.

    Attributes:
        entry: Where the choice stands.
        node: Where its candidates come together.
        slots: Its candidates.
    """

    entry: int
    node: int
    slots: Sequence[SlotCall]


_FAILED = object()


class Choosing:
    """Binds the choices of a copied model to a recorder.

    Args:
        recorder: Of the copy.
        copies: The copied modules, by the id of the original.
        keys: Those of the choices, by the id of the original.
        way: What choices give.

    Attributes:
        calls: Of each choice, by its entry.
        failures: What candidates raised.
    """

    def __init__(
        self,
        recorder: Recorder,
        copies: Mapping[int, nn.Module],
        keys: Mapping[int, str],
        way: Way,
    ) -> None:
        self.calls: dict[int, list[ChoiceCall]] = defaultdict(list)
        self.failures: list[str] = []
        self._recorder = recorder
        self._way = way
        self._largest = largest_values(copies.values())
        for original, key in keys.items():
            choice: Any = copies[original]
            choice.__dict__["key"] = key
            choice.__dict__["_run"] = self._runner(choice)

    def _runner(self, choice: nn.Module) -> Callable[..., Any]:
        if isinstance(choice, ValueDecision):
            return self._run_value
        return self._run_layers if isinstance(choice, LayerChoice) else self._run_inputs

    def _run_layers(self, choice: LayerChoice, *args: Any, **kwargs: Any) -> Any:
        recorder = self._recorder
        children = recorder.tree.children[recorder.scope]
        outputs: list[Any] = []
        slots = []
        for name, candidate in choice._modules.items():
            before = recorder.flops()
            output = _FAILED
            if candidate is not None:
                given = recorder.alike((args, kwargs))
                run = _Candidate(recorder, candidate, children[name], given)
                output = self._tried(run, f"{choice.key}: candidate {name!r}")
            outputs.append(output)
            failed = output is _FAILED
            slots.append(SlotCall(_shape(output), None if failed else recorder.flops() - before))
        return self._merge(choice, outputs, slots, count=1)

    def _run_inputs(self, choice: InputChoice, inputs: Any) -> Any:
        recorder = self._recorder
        entry = recorder.scope
        parent = recorder.tree.entries[entry].parent
        repeats = isinstance(choice, Repeat)
        candidates = inputs_in_order(inputs, choice.choose_from)
        outputs, slots = [], []
        before = recorder.flops()
        # Inputs may be computed when they are read, by the module that the choice stands in.
        with nullcontext() if repeats or parent is None else recorder.inside(parent):
            for index in range(len(choice.choose_from)):
                name = choice.choose_from[index] or index
                output = self._tried(
                    partial(operator.getitem, candidates, index), f"{choice.key}: input {name!r}"
                )
                outputs.append(output)
                flops = recorder.flops() - before if repeats else None
                slots.append(SlotCall(_shape(output), flops))
        return self._merge(choice, outputs, slots, count=_count(choice))

    def _run_value(self, decision: ValueDecision) -> Any:
        """The vector of the largest value: layers run as a whole then."""
        vector: Tensor = decision[self._largest.get(id(decision), 0)].vector  # type: ignore[assignment]
        return vector

    def _tried(self, run: Callable[[], Any], what: str) -> Any:
        if not self._way.tolerant:
            return run()
        try:
            with self._recorder.inside(self._recorder.scope):
                return run()
        except Exception as error:
            self.failures.append(f"{what} fails: {type(error).__name__}: {error}")
            return _FAILED

    def _merge(
        self,
        choice: LayerChoice | InputChoice,
        outputs: Sequence[Any],
        slots: Sequence[SlotCall],
        *,
        count: int,
    ) -> Any:
        """The node where candidates come together, and what goes on from there."""
        recorder = self._recorder
        usable = [output for output in outputs if output is not _FAILED]
        if not usable and outputs:
            raise RuntimeError(self.failures[-1])
        repeats = isinstance(choice, Repeat)
        picked = usable[-1:] if repeats else self._picked(usable, count)
        with recorder.silently():
            output = with_tensors(_reduced(picked, choice.reduction), Tensor.clone)
            mask = self._mask(len(outputs), count)
        entry = recorder.scope
        node = {"kind": "choice", "key": choice.key, "module": entry}
        number = recorder.add(node, None, output)
        for slot, one in enumerate(outputs):
            for producer in recorder.producers(one if one is not _FAILED else None):
                recorder.edges[producer, number, slot] = None
        self.calls[entry].append(ChoiceCall(entry, number, slots))
        recorder.own(mask, number)
        return (output, mask) if choice.return_mask else output

    def _picked(self, outputs: Sequence[Any], count: int) -> Sequence[Any]:
        if self._way.picks == "all":
            return outputs
        return outputs[:count] if self._way.picks == "first" else outputs[len(outputs) - count :]

    def _mask(self, length: int, count: int) -> Tensor:
        """On the host, whatever device there is no arithmetic on."""
        if self._way.mixes:
            return torch.ones(length, device="cpu")
        chosen = self._picked(range(length), count)
        return torch.tensor([index in chosen for index in range(length)], device="cpu")


@dataclass(frozen=True)
class _Candidate:
    """A candidate of a layer choice, which has a node of its own whatever it does."""

    recorder: Recorder
    module: nn.Module
    entry: int
    given: tuple[Sequence[Any], Mapping[str, Any]]

    def __call__(self) -> Any:
        recorder, (args, kwargs) = self.recorder, self.given
        start = len(recorder.nodes)
        recorder.expected[id(self.module)] = self.entry
        output = self.module(*args, **kwargs)
        producers = recorder.producers(output)
        if not producers or min(producers) < start:
            with recorder.silently():
                output = with_tensors(output, Tensor.detach)
            source = list(self._sources(producers, start))
            number = recorder.add({"kind": "module", "module": self.entry}, None, output)
            for producer in source:
                recorder.edges[producer, number] = None
        return output

    def _sources(self, producers: Sequence[int], start: int) -> Iterator[int]:
        """What the candidate's own node reads: its outputs, or its inputs if it has none."""
        yield from producers or self.recorder.producers(self.given)


def _count(choice: InputChoice) -> int:
    """How many inputs the layers behind a choice expect, at most."""
    if choice.n_chosen is None:
        return choice.n_candidates
    return choice.n_chosen if isinstance(choice.n_chosen, int) else choice.n_chosen[1]


def _reduced(outputs: Sequence[Any], reduction: str) -> Any:
    try:
        return reduce_outputs(outputs, reduction)
    except (TypeError, RuntimeError):  # no tensors; or shapes that differ
        return outputs[0]


def _shape(output: Any) -> list[int] | None:
    first = next(tensors_of(output), None) if output is not _FAILED else None
    return None if first is None else shape_of(first)

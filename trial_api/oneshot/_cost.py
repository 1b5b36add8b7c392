"""What each candidate of a supernet costs, and what is left: FLOPs, parameters or latency.

A table of costs is a dict from a key to a cost a candidate. What is done with tables stands in
``_cost_table``.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from nas_tuners.contract.architecture import first_candidates
from nas_tuners.contract.errors import Problem, SearchSpaceError

from ..mutators._mutator import Mutator
from ..mutators._random import selections_of
from ..mutators._selection import Selection
from ..nn._layer_choice import LayerChoice
from ..nn._super_kernel import standalone
from ..nn._tree import find_choices
from ..nn.space_record import undecided_record
from ..nn.wrappers import unwrap
from ..profiling._calls import Call, as_call, moved, tensors_in
from ._cost_meter import Measure, Meter
from ._cost_table import CostTable

_logger = logging.getLogger(__name__)


def candidate_costs(
    model: nn.Module,
    inputs: Any,
    *,
    measure: Measure = "flops",
    device: torch.device | str | None = None,
    repeats: int = 50,
) -> CostTable:
    """The cost of every candidate of every layer choice, measured alone.

    The model runs once in evaluation mode, without gradients, to learn with which arguments each
    choice is called: layer choices run their first candidate, input choices as many of the first
    inputs as they ask for. Then every candidate runs with these arguments. The cost of a key with
    several places, or of a choice that is called several times, is the sum. The model is left as
    it is.

    Measures:
        ``"flops"``: floating-point operations of convolutions, matrix products and attention, as
        ``torch.utils.flop_counter`` counts them: **two** for a multiply-add, where papers often
        count one.
        ``"parameters"``: how many numbers the optimizer would hold.
        ``"latency"``: milliseconds, the median of ``repeats`` runs after some to warm up; of CUDA
        events on a GPU, by the clock of the host on a CPU.

    Args:
        model: A model with choices, not bound to a mutator.
        inputs: A tensor; or a tuple of arguments, or a dict of keyword arguments. The batch size
            matters: costs are those of the whole batch.
        measure: What is measured.
        device: Where; a copy of the model goes there. None stands for where model and inputs are.
            FLOPs need no arithmetic on ``"meta"``.
        repeats: Runs of a candidate whose latency is measured.

    Returns:
        A dict from the key of each layer choice to a cost a candidate.

    Raises:
        ConfigError: for an unknown measure, or a latency on a device that has none.
        SearchSpaceError: if a choice lies inside a candidate of another, or there are value
            choices: a candidate has no cost alone then.
        MutatorError: if a mutator is bound to the model.

    Example::

        costs = candidate_costs(model, torch.randn(1, 3, 224, 224), measure="latency")
        costs["stage1_block2"]  # [0.31, 0.47, ...]
    """
    meter = Meter(measure, repeats)
    model, inputs = _moved_to(device, unwrap(model), inputs)
    with _observed(model, inputs, meter) as recorder:
        costs: CostTable = {}
        for choice in recorder.layer_choices:
            assert choice.key is not None, "bound choices have keys"
            calls = recorder.calls_of(choice)
            here = [meter.cost(standalone(layer), calls) for layer in choice]
            before = costs.get(choice.key, [0.0] * len(here))
            costs[choice.key] = [old + new for old, new in zip(before, here, strict=True)]
    return costs


def fixed_cost(
    model: nn.Module,
    inputs: Any,
    *,
    measure: Measure = "flops",
    device: torch.device | str | None = None,
    repeats: int = 50,
) -> float:
    """The cost of everything outside the layer choices, measured as in :func:`candidate_costs`.

    The model runs with each layer choice replaced by the output that it gave before.

    Args:
        model: A model with choices, not bound to a mutator.
        inputs: As for :func:`candidate_costs`.
        measure: As for :func:`candidate_costs`.
        device: As for :func:`candidate_costs`.
        repeats: As for :func:`candidate_costs`.

    Raises:
        ConfigError: for an unknown measure, or a latency on a device that has none.
        SearchSpaceError: as for :func:`candidate_costs`.
        MutatorError: if a mutator is bound to the model.

    Example::

        total = fixed_cost(model, x) + architecture_cost(costs, search_space(model), "best.json")
    """
    meter = Meter(measure, repeats)
    model, inputs = _moved_to(device, unwrap(model), inputs)
    with _observed(model, inputs, meter) as recorder:
        if measure == "parameters":
            inside = sum(meter.cost(choice, []) for choice in recorder.layer_choices)
            return meter.cost(model, []) - inside
        recorder.replays = True
        return meter.cost(model, [as_call(inputs)])


class _Recorder(Mutator):
    """Runs first candidates and notes the calls; or replays the outputs without running any."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__(model)
        choices = self.undedup_mutables
        self.layer_choices = [choice for choice in choices if isinstance(choice, LayerChoice)]
        self.replays = False
        self._calls: dict[int, list[Call]] = {id(choice): [] for choice in self.layer_choices}

    def sample_search(self) -> dict[str, Selection]:
        return selections_of(self.search_space, first_candidates(self.search_space))

    def sample_final(self) -> dict[str, Selection]:
        return self.sample_search()

    def on_forward_layer_choice(self, mutable: LayerChoice, *args: Any, **kwargs: Any) -> Any:
        calls = self._calls[id(mutable)]
        if self.replays:
            calls.append(calls.pop(0))  # each forward makes the same calls in the same order
            return calls[-1].output
        output = super().on_forward_layer_choice(mutable, *args, **kwargs)
        calls.append(Call(args, kwargs, output))
        return output

    def calls_of(self, choice: LayerChoice) -> list[Call]:
        calls = self._calls[id(choice)]
        if not calls:
            _logger.warning("the model did not run the choice %r with these inputs", choice.key)
        return calls


@contextmanager
def _observed(model: nn.Module, inputs: Any, meter: Meter) -> Iterator[_Recorder]:
    """The model in evaluation mode, after one run that was recorded; then as it was."""
    _refuse_values(model)
    _refuse_nested(model)
    for tensor in tensors_in([*model.parameters(), inputs]):
        meter.check_device(tensor.device)
    modes = {module: module.training for module in model.modules()}
    recorder = _Recorder(model)
    try:
        model.eval()
        recorder.reset()
        with torch.no_grad():
            call = as_call(inputs)
            model(*call.args, **call.kwargs)
            yield recorder
    finally:
        recorder.remove()
        for module, mode in modes.items():
            module.training = mode


def _refuse_values(model: nn.Module) -> None:
    if undecided_record(model) is not None:
        raise SearchSpaceError(
            "the model has value choices, on which the sizes of other candidates depend: no "
            "candidate has a cost of its own. Measure some architectures, and give trainers a "
            "table of your own; it may have rows for values"
        )


def _refuse_nested(model: nn.Module) -> None:
    problems = [
        Problem(site.key, f"lies inside a candidate of {list(context)[-1]!r}")
        for site in find_choices(model)
        for context in site.contexts
        if context
    ]
    if problems:
        raise SearchSpaceError(problems, "choices inside candidates have no cost of their own")


def _moved_to(
    device: torch.device | str | None, model: nn.Module, inputs: Any
) -> tuple[nn.Module, Any]:
    if device is None:
        return model, inputs
    return copy.deepcopy(model).to(device), moved(inputs, device)

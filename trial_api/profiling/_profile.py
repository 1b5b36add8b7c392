"""Parameters and FLOPs of a network."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Union

import torch
from torch import nn

from nas_tuners.contract.errors import ProfilingError

from ..nn._apply import apply_fixed_architecture
from ..nn._space import search_space
from ..nn._wrappers import unwrap
from ._calls import call_on, device_of
from ._flops import count_flops
from ._running import evaluating, kept_random_states, naming_the_module, on_meta, refuse_lazy

_logger = logging.getLogger(__name__)

InputSize = Union[Sequence[int], Sequence[Sequence[int]]]


@dataclass(frozen=True)
class Profile:
    """What a network costs, whatever it runs on.

    Attributes:
        parameters: How many numbers it learns or holds fixed; what is shared counts once.
        trainable_parameters: Those with a gradient.
        flops: Floating-point operations of one run in evaluation mode, for the whole batch:
            **two** for a multiply-add.
        bytes: Memory of parameters and buffers.
        device: Where the FLOPs were counted; ``meta`` stands for shapes alone.

    Example::

        profile(model, input_size=(1, 3, 224, 224)).multiply_adds / 1e6  # "FLOPs" of many papers
    """

    parameters: int
    trainable_parameters: int
    flops: int
    bytes: int
    device: str

    @property
    def multiply_adds(self) -> int:
        """Half of the FLOPs: what many papers and tables call FLOPs."""
        return self.flops // 2


def profile(
    model: nn.Module,
    inputs: Any = None,
    *,
    input_size: InputSize | None = None,
    device: torch.device | str | None = None,
) -> Profile:
    """Count the parameters and the FLOPs of a network.

    It runs once, in evaluation mode and without gradients. Convolutions, products of matrices and
    vectors, recurrent layers and attention count; norms, activations and pools do not. The model,
    the inputs and the random states are left as they are.

    Args:
        model: The network, with its architecture applied.
        inputs: A tensor; or a tuple of arguments, or a dict of keyword arguments. The batch size
            matters: FLOPs are those of the whole batch.
        input_size: Instead of ``inputs``: the shape of a tensor, the batch included, or a list of
            shapes, one an argument.
        device: Where to count; None: where the model is. ``"meta"`` computes nothing and needs no
            memory; a model that cannot do without numbers is counted where it is.

    Raises:
        ConfigError: unless exactly one of ``inputs`` and ``input_size`` is given.
        ProfilingError: naming the module that failed.

    Example::

        model = get_and_apply_next_architecture(Net())
        cost = profile(model, input_size=(1, 3, 32, 32), device="meta")
        report_final_result({"default": train(model), "flops": cost.flops})
    """
    model = unwrap(model)
    refuse_lazy(model)
    flops, where = _count(model, inputs, input_size, device)
    parameters = list(model.parameters())
    return Profile(
        parameters=sum(p.numel() for p in parameters),
        trainable_parameters=sum(p.numel() for p in parameters if p.requires_grad),
        flops=flops,
        bytes=sum(t.numel() * t.element_size() for t in [*parameters, *model.buffers()]),
        device=str(where),
    )


def profile_architecture(
    build_model: Callable[[], nn.Module],
    architecture: Mapping[str, Any] | str | Path,
    inputs: Any = None,
    *,
    input_size: InputSize | None = None,
) -> Profile:
    """:func:`profile` of an architecture that nobody has built yet, on the meta device.

    This is for the constraint of an experiment. It takes no memory and little more time than to
    build the model (a tenth of a second for a hundred layers), unless the model cannot be built or
    run without numbers.

    Args:
        build_model: Makes the model with its choices.
        architecture: As for :func:`apply_fixed_architecture`. In a dict, such as the parameters of
            a trial, keys that are not the model's (a learning rate) are left out.
        inputs: As for :func:`profile`.
        input_size: As for :func:`profile`.

    Raises:
        ArchitectureError: if the architecture does not fit the model.
        ConfigError: unless exactly one of ``inputs`` and ``input_size`` is given.
        ProfilingError: naming the module that failed.

    Example::

        def cost(parameters):  # constraint: {measure: costs:cost, bounds: {flops: "<= 600e6"}}
            found = profile_architecture(Net, parameters, input_size=(1, 3, 224, 224))
            return {"flops": found.flops, "parameters": found.parameters}
    """
    with kept_random_states(set()):
        network = _applied(_built_on_meta(build_model), architecture)
        try:
            return profile(network, inputs, input_size=input_size, device="meta")
        except ProfilingError:
            if device_of(network).type != "meta":
                raise
        network = _applied(build_model(), architecture)
        return profile(network, inputs, input_size=input_size)


def _count(
    model: nn.Module, inputs: Any, input_size: Any, device: torch.device | str | None
) -> tuple[int, torch.device]:
    home = device_of(model, inputs)
    where = home if device is None else torch.device(device)
    try:
        return _flops_on(where, model, inputs, input_size), where
    except ProfilingError as error:
        if where.type != "meta" or home.type == "meta":
            raise
        _logger.info("counting on %s, as shapes alone are not enough: %s", home, error)
    return _flops_on(home, model, inputs, input_size), home


def _flops_on(where: torch.device, model: nn.Module, inputs: Any, input_size: Any) -> int:
    call = call_on(where, model, inputs, input_size)
    with naming_the_module(model):
        network = model_on(where, model)
    with evaluating(network), naming_the_module(network), torch.no_grad():
        return count_flops(partial(network, *call.args, **call.kwargs))


def model_on(where: torch.device, model: nn.Module) -> nn.Module:
    """The model itself if it is there, else a copy."""
    if device_of(model) == torch.empty(0, device=where).device:
        return model
    if where.type == "meta":
        return on_meta(model)
    return copy.deepcopy(model).to(where)


def _built_on_meta(build_model: Callable[[], nn.Module]) -> nn.Module:
    try:
        with torch.device("meta"):
            return build_model()
    except Exception as error:  # a constructor that computes; if it is wrong, it raises again
        _logger.info("building on the CPU, as shapes alone are not enough: %s", error)
        return build_model()


def _applied(model: nn.Module, architecture: Mapping[str, Any] | str | Path) -> nn.Module:
    if isinstance(architecture, Mapping):
        keys = search_space(model).specs
        architecture = {key: architecture[key] for key in keys if key in architecture}
    return apply_fixed_architecture(model, architecture)

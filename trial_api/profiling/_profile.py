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

from nas_tuners.contract.architecture import read_architecture, to_vector
from nas_tuners.contract.errors import NasTunersError, ProfilingError, SearchSpaceError
from nas_tuners.contract.search_space import IndexVector, SearchSpace

from ..nn._meta import copy_on_meta, on_meta_device
from ..nn._subject import subject_of
from ..nn.wrappers import unwrap
from ._calls import call_on, device_of
from ._flops import count_flops
from ._running import evaluating, kept_random_states, naming_the_module, refuse_lazy

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


class ArchitectureProfiler:
    """Costs of the architectures of a model space, on the meta device; the space is read once.

    Each call builds the chosen network without memory. What a network costs on a device is
    :func:`measure_latency`'s.

    Args:
        model: A class, or a function without arguments, that makes the model with its choices.
        inputs: As for :func:`profile`.
        input_size: As for :func:`profile`.

    Raises:
        SearchSpaceError: if the space cannot be read, or the model is an instance.

    Example::

        cost = ArchitectureProfiler(Net, input_size=(1, 3, 32, 32))
        space = search_space(Net).constrain(lambda arch: cost(arch).flops <= 50e6)
    """

    def __init__(
        self,
        model: Callable[[], nn.Module],
        inputs: Any = None,
        *,
        input_size: InputSize | None = None,
    ) -> None:
        if isinstance(model, nn.Module):
            raise SearchSpaceError(
                "every architecture is built anew, so `model` must be a class or a function "
                f"without arguments; instead of a {type(model).__name__}, pass lambda: "
                f"{type(model).__name__}(...)"
            )
        self._subject = subject_of(model)
        self._inputs, self._input_size = inputs, input_size
        self._builds_on_meta = True

    @property
    def search_space(self) -> SearchSpace:
        """What may be decided."""
        return self._subject.space

    def __call__(self, architecture: Mapping[str, Any] | str | Path) -> Profile:
        """The costs of an architecture.

        Args:
            architecture: As for :func:`apply_fixed_architecture`. In a dict, such as the
                parameters of a trial, keys that are not the model's (a learning rate) are left
                out.

        Raises:
            ArchitectureError: if the architecture does not fit the model.
            ConfigError: unless exactly one of ``inputs`` and ``input_size`` is given.
            ProfilingError: naming the module that failed.
        """
        with kept_random_states(set()):
            network = self.build(architecture)
            try:
                return self._profiled(network)
            except ProfilingError as error:
                if device_of(network).type != "meta":
                    raise
                self._refuse_meta(error)
            return self._profiled(self.build(architecture))

    def build(self, architecture: Mapping[str, Any] | str | Path) -> nn.Module:
        """The chosen network, on the meta device unless it cannot be built there."""
        return self.build_vector(self.vector(architecture))

    def build_vector(self, vector: IndexVector) -> nn.Module:
        """The same of an index vector."""
        if self._builds_on_meta:
            try:
                with on_meta_device():
                    return self._subject.apply(vector)
            except NasTunersError:
                raise
            except Exception as error:  # if the constructor is wrong, it raises again
                self._refuse_meta(error)
        return self._subject.apply(vector)

    def _profiled(self, network: nn.Module) -> Profile:
        return profile(network, self._inputs, input_size=self._input_size, device="meta")

    def vector(self, architecture: Mapping[str, Any] | str | Path) -> IndexVector:
        """The index vector of an architecture.

        Raises:
            ArchitectureError: if the architecture does not fit the model.
        """
        space = self._subject.space
        if isinstance(architecture, Mapping):
            known = {key: architecture[key] for key in space.specs if key in architecture}
            return to_vector(space, known)
        return read_architecture(space, architecture)

    def _refuse_meta(self, error: Exception) -> None:
        _logger.info("building on the CPU, as shapes alone are not enough: %s", error)
        self._builds_on_meta = False


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
    run without numbers. Of many architectures, an :class:`ArchitectureProfiler` is faster.

    Args:
        build_model: Makes the model with its choices.
        architecture: As for :class:`ArchitectureProfiler`.
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
    return ArchitectureProfiler(build_model, inputs, input_size=input_size)(architecture)


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
        return copy_on_meta(model)
    return copy.deepcopy(model).to(where)

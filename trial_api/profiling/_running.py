"""A model made ready to be run, and left as it was."""

from __future__ import annotations

import random
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn
from torch.nn.parameter import is_lazy

from nas_tuners.contract.errors import NasTunersError, ProfilingError


def refuse_lazy(model: nn.Module) -> None:
    """Refuse a model whose shapes are not known yet.

    Raises:
        ProfilingError: naming the first parameter or buffer without a shape.
    """
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        if is_lazy(tensor):
            raise ProfilingError(
                f"{name} has no shape yet: run the model once before measuring it"
            )


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """The model in evaluation mode; then its modes, buffers and the random states as before."""
    modes = {module: module.training for module in model.modules()}
    buffers = [
        (module, name, buffer, buffer.detach().clone())
        for module in model.modules()
        for name, buffer in module.named_buffers(recurse=False)
        if not is_lazy(buffer)  # has no value yet
    ]
    devices = {buffer.device for buffer in [*model.parameters(), *model.buffers()]}
    with kept_random_states(devices):
        try:
            model.eval()
            yield
        finally:
            for module, mode in modes.items():
                module.training = mode
            for module, name, buffer, value in buffers:
                module._buffers[name] = buffer
                with torch.no_grad():
                    buffer.copy_(value)


@contextmanager
def kept_random_states(devices: set[torch.device]) -> Iterator[None]:
    """What is drawn inside does not show outside; GPUs other than the given are not touched."""
    gpus = [device for device in devices if device.type == "cuda"]
    python, numpy = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(devices=gpus):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)


@contextmanager
def naming_the_module(model: nn.Module) -> Iterator[None]:
    """Turn what a model raises into an error that names the innermost module it came from.

    Raises:
        ProfilingError: for everything but this project's own errors.
    """
    try:
        yield
    except NasTunersError:
        raise
    except Exception as error:
        where = _innermost(model, error)
        raise ProfilingError(f"{where} failed: {type(error).__name__}: {error}") from error


def _innermost(model: nn.Module, error: Exception) -> str:
    known = {id(module): (name, module) for name, module in model.named_modules()}
    name, innermost = "", model
    for frame, _ in traceback.walk_tb(error.__traceback__):
        name, innermost = known.get(id(frame.f_locals.get("self")), (name, innermost))
    kind = type(innermost).__name__
    return f"the module {name!r} ({kind})" if name else f"the model ({kind})"

"""A model run with other tensors than its parameters, which autograd sees through."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from torch import Tensor, nn


@contextmanager
def swapped(model: nn.Module, replacements: Mapping[int, Tensor]) -> Iterator[None]:
    """The model with other tensors in the place of some parameters, wherever those stand.

    Args:
        model: It is as before afterwards.
        replacements: id of a parameter -> what stands for it.
    """
    kept = []
    for module in model.modules():
        for name, parameter in module._parameters.items():
            if parameter is not None and id(parameter) in replacements:
                kept.append((module, name, parameter))
                module._parameters[name] = replacements[id(parameter)]  # type: ignore[assignment]
    try:
        yield
    finally:
        for module, name, parameter in kept:
            module._parameters[name] = parameter

"""With what a model is called to be measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from nas_tuners.contract.errors import ConfigError


class Call(NamedTuple):
    """A call of a module, and what it returned."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    output: Any = None


def as_call(inputs: Any) -> Call:
    """A tensor, a tuple of arguments, or a dict of keyword arguments; a call stays as it is."""
    if isinstance(inputs, Call):
        return inputs
    if isinstance(inputs, Mapping):
        return Call((), inputs)
    return Call(tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,), {})


def tensors_in(value: Any) -> Iterator[Tensor]:
    """The tensors in nested lists, tuples and dicts."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for entry in value:
            yield from tensors_in(entry)
    elif isinstance(value, Mapping):
        yield from tensors_in(list(value.values()))


def moved(value: Any, device: torch.device | str) -> Any:
    """The same with every tensor on a device; what is there already is shared."""
    if isinstance(value, Tensor):
        return value.to(device)
    if isinstance(value, Mapping):
        return {key: moved(entry, device) for key, entry in value.items()}
    if isinstance(value, (tuple, list)):
        return [moved(entry, device) for entry in value]
    return value


def device_of(model: nn.Module, inputs: Any = None) -> torch.device:
    """Where a model is; where its inputs are if it has no parameters and buffers."""
    tensors = [*model.parameters(), *model.buffers(), *tensors_in(inputs)]
    return tensors[0].device if tensors else torch.device("cpu")


def call_on(device: torch.device, model: nn.Module, inputs: Any, input_size: Any) -> Call:
    """The call that is measured, with tensors of its own.

    Raises:
        ConfigError: unless exactly one of ``inputs`` and ``input_size`` is given, in a known form.
    """
    if (inputs is None) == (input_size is None):
        raise ConfigError("give either `inputs` or `input_size`")
    if input_size is None:
        if _is_shape(inputs):
            raise ConfigError(
                f"`inputs` must hold tensors, but got {inputs!r}; a shape is given as "
                f"`input_size={tuple(inputs)}`"
            )
        return as_call(_copied(moved(inputs, device)))
    shapes = [input_size] if _is_shape(input_size) else input_size
    if not shapes or not isinstance(shapes, Sequence) or not all(map(_is_shape, shapes)):
        raise ConfigError(
            "`input_size` must be a shape such as (1, 3, 32, 32), or a list with one an argument, "
            f"but got {input_size!r}"
        )
    dtype = next((p.dtype for p in model.parameters() if p.is_floating_point()), None)
    return Call(tuple(_random(shape, dtype, device) for shape in shapes), {})


def _is_shape(value: Any) -> bool:
    return (
        isinstance(value, (tuple, list))
        and bool(value)
        and all(isinstance(size, int) and not isinstance(size, bool) for size in value)
    )


def _random(shape: Sequence[int], dtype: torch.dtype | None, device: torch.device) -> Tensor:
    if device.type == "meta":
        return torch.empty(*shape, dtype=dtype, device=device)
    generator = torch.Generator().manual_seed(0)
    return torch.randn(*shape, generator=generator).to(device, dtype)


def _copied(value: Any) -> Any:
    """For networks that change their inputs in place."""
    if isinstance(value, Tensor):
        return value.detach().clone()
    if isinstance(value, Mapping):
        return {key: _copied(entry) for key, entry in value.items()}
    if isinstance(value, (tuple, list)):
        return [_copied(entry) for entry in value]
    return value

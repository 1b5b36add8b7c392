"""Whether code does what the network does that it was written from."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from nas_tuners.contract.errors import ExportError

from ._arguments import copied, mapped


@contextmanager
def as_it_was(model: nn.Module) -> Iterator[None]:
    """Leave a model's buffers and modes, and torch's random numbers, as they were before."""
    before = [(buffer, buffer.clone()) for buffer in model.buffers() if not is_lazy(buffer)]
    modes = {module: module.training for module in model.modules()}
    try:
        with torch.random.fork_rng(devices=_gpus(model)):
            yield
    finally:
        restore(before)
        for module, mode in modes.items():
            module.training = mode


def check(code: str, name: str, model: nn.Module, inputs: Sequence[Any]) -> None:
    """Run code beside the model that it was written from.

    In both modes, on the inputs, and on a larger batch if the model takes it: code that holds on
    to a size of its example is found out. In training mode gradients are compared as well.

    Raises:
        ExportError: if state dicts, outputs or gradients differ.
    """
    copy = _load(code, name, model)
    larger = [mapped(value, _twice) for value in inputs]
    for training in (True, False):
        model.train(training)
        copy.train(training)
        _compare(copy, model, inputs, "the inputs")
        if _takes(model, larger):
            _compare(copy, model, larger, "a batch of twice the size")
        if training:
            _compare_gradients(copy, model, inputs)


def _load(code: str, name: str, model: nn.Module) -> nn.Module:
    namespace: dict[str, Any] = {"__name__": "exported"}
    exec(compile(code, f"<code of {name}>", "exec"), namespace)
    copy: nn.Module = namespace[name]()
    if (dtype := only_type(model)) is not None:
        copy = copy.to(dtype)
    for tensor in (*model.parameters(), *model.buffers()):
        copy = copy.to(tensor.device)
        break
    try:
        copy.load_state_dict(model.state_dict())
    except RuntimeError as error:
        raise ExportError(
            "the code would have other parameters than the model, so something changed a layer "
            f"after its construction: {error}"
        ) from error
    if other := _frozen(copy) ^ _frozen(model):
        raise ExportError(f"`requires_grad` would be another in the code: {sorted(other)}")
    return copy


def only_type(model: nn.Module) -> torch.dtype | None:
    """The floating type of all parameters and buffers, None if there are several."""
    tensors = [*model.parameters(), *model.buffers()]
    types = {t.dtype for t in tensors if t.is_floating_point() or t.is_complex()}
    if len(types) > 1:
        return None
    return types.pop() if types else torch.float32


def _frozen(model: nn.Module) -> set[str]:
    return {name for name, value in model.named_parameters() if not value.requires_grad}


def _compare(copy: nn.Module, model: nn.Module, inputs: Sequence[Any], what: str) -> None:
    copy.load_state_dict(model.state_dict())
    expected = _output(model, inputs)
    try:
        output = _output(copy, inputs)
    except Exception as error:
        raise ExportError(_WHY.format(f"the code fails on {what}")) from error
    mode = "training" if model.training else "evaluation"
    if not _equal(output, expected):
        raise ExportError(_WHY.format(f"in {mode} mode the code gives other outputs for {what}"))
    if not _equal(copy.state_dict(), model.state_dict()):
        raise ExportError(_WHY.format(f"in {mode} mode the code keeps other buffers"))


def _compare_gradients(copy: nn.Module, model: nn.Module, inputs: Sequence[Any]) -> None:
    """Whether it learns alike: another backward of its own cannot be seen in a forward."""
    copy.load_state_dict(model.state_dict())
    try:
        expected = _gradients(model, inputs)
    except RuntimeError:  # it is not made to learn
        return
    gradients = _gradients(copy, inputs)
    for name, gradient in expected.items():
        other = gradients.get(name)
        if (gradient is None) != (other is None) or not _close(gradient, other):
            raise ExportError(
                f"the gradient of {name} differs in the code: look for autograd functions with a "
                "backward of their own, and for tensors whose `requires_grad` is changed"
            )


def _gradients(model: nn.Module, inputs: Sequence[Any]) -> dict[str, Tensor | None]:
    with _seeded(model):
        outputs = [value for value in _leaves(model(*copied(inputs))) if _has_gradient(value)]
    parameters = {name: value for name, value in model.named_parameters() if value.requires_grad}
    if not outputs or not parameters:
        return {}
    total = torch.stack([output.abs().sum().double() for output in outputs]).sum()
    found = torch.autograd.grad(total, list(parameters.values()), allow_unused=True)
    return dict(zip(parameters, found, strict=True))


def _has_gradient(value: Any) -> bool:
    return isinstance(value, Tensor) and value.requires_grad


def _close(one: Tensor | None, other: Tensor | None) -> bool:
    if one is None or other is None:
        return one is other
    return torch.allclose(one, other, rtol=1e-3, atol=1e-5, equal_nan=True)


_WHY = (
    "{}. It was written down as it ran on the example inputs: look for sizes that are taken by "
    "`len(tensor)` or as fractions (use whole-number arithmetic on `tensor.shape`), for random "
    "numbers from outside of torch, and for what forward keeps from one call to the next"
)


def _output(model: nn.Module, inputs: Sequence[Any]) -> Any:
    with _seeded(model), torch.no_grad():
        return model(*copied(inputs))


@contextmanager
def _seeded(model: nn.Module) -> Iterator[None]:
    """The same random numbers every time, and no warnings: they were shown when it first ran."""
    with torch.random.fork_rng(devices=_gpus(model)), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        yield


def _gpus(model: nn.Module) -> list[int]:
    return sorted({p.device.index or 0 for p in model.parameters() if p.device.type == "cuda"})


def _takes(model: nn.Module, inputs: Sequence[Any]) -> bool:
    """Whether a model runs on inputs. It stays as it is."""
    before = [(buffer, buffer.clone()) for buffer in model.buffers()]
    try:
        _output(model, inputs)
    except Exception:
        return False
    finally:
        restore(before)
    return True


def restore(before: Sequence[tuple[Tensor, Tensor]]) -> None:
    """Give tensors the values again that they had."""
    with torch.no_grad():
        for tensor, values in before:
            tensor.copy_(values)


def _twice(tensor: Tensor, _: object) -> Tensor:
    return torch.cat([tensor, tensor]) if tensor.dim() else tensor


def _equal(output: Any, expected: Any) -> bool:
    ours, theirs = list(_leaves(output)), list(_leaves(expected))
    return len(ours) == len(theirs) and all(map(_same, ours, theirs))


def _same(one: Any, other: Any) -> bool:
    if not isinstance(one, Tensor) or not isinstance(other, Tensor):
        return bool(one == other)
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    if one.device.type == "cpu":
        return torch.equal(torch.nan_to_num(one), torch.nan_to_num(other))
    return torch.allclose(one, other, equal_nan=True)  # kernels may differ from run to run


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for key, entry in value.items():
            yield key
            yield from _leaves(entry)
    elif isinstance(value, (list, tuple)):
        for entry in value:
            yield from _leaves(entry)
    else:
        yield value

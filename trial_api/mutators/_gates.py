"""One candidate runs, and the gates of all candidates get their gradient.

Cai, Zhu, Han: ProxylessNAS, ICLR 2019 (https://arxiv.org/abs/1812.00332), section 3.2: the output
is that of the active candidate; the gradient of gate ``j`` is the inner product of the output's
gradient with what candidate ``j`` returns. Candidates that are not active run during the backward
pass, one after the other and without a graph, so that one output at a time is in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from nas_tuners.contract.errors import MutatorError, SearchSpaceError

from ._selection import Selection


@dataclass(frozen=True, kw_only=True)
class GatedSelection(Selection):
    """One candidate that runs, and the gates that learn from it.

    Attributes:
        among: The candidates with a gate, the active one is of them.
        gates: Their probabilities among each other, on the model's device; the gradient of the
            gates arrives here.
        probabilities: Of all candidates, on the same device, with a graph: for expected costs.
    """

    among: tuple[int, ...]
    gates: Tensor
    probabilities: Tensor

    def detached(self) -> Selection:
        return Selection(self.length, self.indices)


def gated_output(
    selection: GatedSelection,
    run: Callable[[int], Any],
    *,
    inputs: Any,
    key: str,
    names: Sequence[str],
) -> Any:
    """The active candidate's output, as it is, connected to the gates.

    Args:
        selection: What was decided.
        run: Runs a candidate by index; called again in the backward pass.
        inputs: What ``run`` reads: tensors in lists, tuples and dicts.
        key: Of the choice, for errors.
        names: Of the candidates, for errors.

    Raises:
        SearchSpaceError: if the output holds no tensor of floating-point numbers; in the backward
            pass, if another candidate returns other shapes.
        MutatorError: in the backward pass, if the inputs were changed in place.
    """
    (active,) = selection.indices
    watched = list(float_tensors(inputs))
    versions = [tensor._version for tensor in watched]
    output = run(active)
    tensors = list(float_tensors(output))
    if not tensors:
        problem = f"candidate {names[active]!r} returned no tensor to learn from"
        raise SearchSpaceError(problem, key)
    again = _Again(
        run, selection, key, names, watched, versions, _autocast_of(selection.gates.device)
    )
    connected = iter(_Connect.apply(selection.gates, again, *tensors))  # type: ignore[no-untyped-call]
    return _with_tensors(output, connected)


def float_tensors(value: Any) -> Iterator[Tensor]:
    """The tensors of floating-point numbers in nested lists, tuples and dicts."""
    if isinstance(value, Tensor):
        if value.is_floating_point():
            yield value
    elif isinstance(value, dict):
        yield from float_tensors(list(value.values()))
    elif isinstance(value, (list, tuple)):
        for entry in value:
            yield from float_tensors(entry)


@dataclass(frozen=True)
class _Again:
    """Candidates that run in the backward pass, as they would have in the forward pass."""

    run: Callable[[int], Any]
    selection: GatedSelection
    key: str
    names: Sequence[str]
    inputs: list[Tensor]
    versions: list[int]
    autocast: dict[str, Any]

    def outputs(self, index: int, like: Sequence[Tensor]) -> list[Tensor]:
        self._check_inputs()
        # This is another thread on a GPU: modes of the forward pass are not on.
        with torch.no_grad(), torch.autocast(**self.autocast):
            found = list(float_tensors(self.run(index)))
        shapes, expected = [[tuple(one.shape) for one in given] for given in (found, like)]
        if shapes != expected:
            active = self.names[self.selection.indices[0]]
            raise SearchSpaceError(
                f"candidate {self.names[index]!r} returned shapes {shapes}, but {active!r} "
                f"returned {expected}; candidates of a choice must agree",
                self.key,
            )
        return found

    def _check_inputs(self) -> None:
        if [tensor._version for tensor in self.inputs] != self.versions:
            raise MutatorError(
                f"an input of the choice among {list(self.names)} was changed in place, by a "
                "candidate or after the choice ran; the others can no longer be tried on it. "
                "Use inplace=False in the first layer of candidates, and `x = x + y`, not `x += y`"
            )


class _Connect(torch.autograd.Function):
    """The identity on the active candidate's outputs; its backward pass runs the others."""

    @staticmethod
    def forward(ctx: Any, gates: Tensor, again: _Again, *outputs: Tensor) -> tuple[Tensor, ...]:
        ctx.set_materialize_grads(False)
        ctx.again, ctx.zero = again, gates.new_zeros(())
        ctx.outputs = [output.detach() for output in outputs]
        ctx.versions = [output._version for output in outputs]
        # No inputs as they are: autograd would take those for views, and refuse `+=` on them.
        return tuple(output.detach() for output in outputs)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Any, ...]:
        products = [
            _inner(gradients, _outputs_of(index, ctx), ctx.zero)
            for index in ctx.again.selection.among
        ]
        return (torch.stack(products), None, *gradients)


def _outputs_of(index: int, ctx: Any) -> list[Tensor]:
    """What a candidate returns; kept of the active one, unless it was overwritten since."""
    kept: list[Tensor] = ctx.outputs
    again: _Again = ctx.again
    untouched = [output._version for output in kept] == ctx.versions
    if (index,) == again.selection.indices and untouched:
        return kept
    return again.outputs(index, like=kept)


def _inner(gradients: Sequence[Tensor | None], outputs: Sequence[Tensor], zero: Tensor) -> Tensor:
    """The derivative by a gate: the inner product, in the precision of the gates."""
    total, kind = zero, zero.dtype
    for gradient, output in zip(gradients, outputs, strict=True):
        if gradient is not None:
            total = total + (gradient.to(kind) * output.to(kind)).sum()
    return total


def _with_tensors(value: Any, tensors: Iterator[Tensor]) -> Any:
    """The same structure with other tensors of floating-point numbers."""
    if isinstance(value, Tensor):
        return next(tensors) if value.is_floating_point() else value
    if isinstance(value, dict):
        return {key: _with_tensors(entry, tensors) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        entries = [_with_tensors(entry, tensors) for entry in value]
        return type(value)(*entries) if hasattr(value, "_fields") else type(value)(entries)
    return value


def _autocast_of(device: torch.device) -> dict[str, Any]:
    kind = device.type
    return {
        "device_type": kind,
        "dtype": torch.get_autocast_dtype(kind),
        "enabled": torch.is_autocast_enabled(kind),
    }

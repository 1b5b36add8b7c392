"""How the outputs of several candidates become one, each times its weight."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from nas_tuners.contract.errors import SearchSpaceError

from ._selection import Weight


def reduce_weighted(
    outputs: Sequence[Any], weights: Sequence[Weight], *, reduction: str, names: Sequence[str]
) -> Any:
    """As ``trial_api.nn`` reduces, with a factor an output.

    ``"mean"`` divides by the sum of the weights, so that weights which choose one candidate give
    its output.

    Args:
        outputs: Tensors of one shape (of shapes that concatenate, for ``"concat"``).
        weights: Floats, or tensors without dimensions.
        reduction: ``"sum"``, ``"mean"``, ``"concat"`` (dim 1) or ``"none"``.
        names: Whose outputs these are, for errors.

    Raises:
        SearchSpaceError: if an output is no tensor or of another shape than the first.
    """
    for name, output in zip(names, outputs, strict=True):
        if not isinstance(output, Tensor):
            kind = type(output).__name__
            raise SearchSpaceError(
                f"candidate {name!r} returned a {kind}, not a tensor, which a mixture needs; wrap "
                "it in a module that returns the tensor, or take a trainer that runs one "
                "candidate at a time"
            )
    if reduction in ("none", "concat"):
        scaled = [output * weight for output, weight in zip(outputs, weights, strict=True)]
        return scaled if reduction == "none" else torch.cat(scaled, dim=1) if scaled else None
    if not outputs:
        return None
    total = outputs[0] * weights[0]
    for name, output, weight in zip(names[1:], outputs[1:], weights[1:], strict=True):
        if output.shape != total.shape:
            raise SearchSpaceError(_other_shape(name, output, names[0], outputs[0]))
        total = _add(total, output, weight)
    return total / sum(weights) if reduction == "mean" else total


def _add(total: Tensor, output: Tensor, weight: Weight) -> Tensor:
    """``total + output * weight`` in one kernel."""
    if isinstance(weight, Tensor):
        return torch.addcmul(total, output, weight)
    return torch.add(total, output, alpha=weight)


def _other_shape(name: str, output: Tensor, first: str, expected: Tensor) -> str:
    return (
        f"candidate {name!r} returned shape {tuple(output.shape)}, but {first!r} returned "
        f"{tuple(expected.shape)}; candidates that are mixed must agree"
    )

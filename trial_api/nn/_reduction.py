"""How several outputs become one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

REDUCTIONS = ("sum", "mean", "concat", "none")


def reduce_outputs(outputs: Sequence[Any], reduction: str) -> Any:
    """One output of several: ``"none"`` keeps the list, ``"concat"`` joins channels (dim 1).

    Of no outputs it is None, of a single one that one itself.
    """
    if reduction == "none":
        return list(outputs)
    if not outputs:
        return None
    if len(outputs) == 1:
        return outputs[0]
    if reduction == "concat":
        return torch.cat(tuple(outputs), dim=1)
    total = outputs[0]
    for output in outputs[1:]:
        total = total + output
    return total / len(outputs) if reduction == "mean" else total

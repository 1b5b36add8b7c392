"""The values under which a supernet runs as a whole."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from torch import nn

from ..nn._super_layers import Configuration, SuperForward
from ..nn._value_decision import ValueDecision


def super_forward_of(module: nn.Module) -> SuperForward | None:
    """How a layer runs that depends on values; None for other modules."""
    forward: Any = module.__dict__.get("forward")
    return forward if isinstance(forward, SuperForward) else None


def largest_values(modules: Iterable[nn.Module]) -> dict[int, int]:
    """The candidate of each value that layers are largest under, by the decision's id.

    Where sizes do not tell, it is the largest number, or else the first candidate.
    """
    sizes: dict[int, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    decisions: dict[int, ValueDecision] = {}
    for module in modules:
        forward = super_forward_of(module)
        if forward is None:
            continue
        decisions |= {id(decision): decision for decision in forward._decisions}
        for candidates, configuration in forward._configurations.items():
            for decision, index in zip(forward._decisions, candidates, strict=True):
                sizes[id(decision)][index] += _size(configuration)
    return {
        known: max(
            range(len(decision.options)),
            key=lambda index: (sizes[known][index], _number(decision.options[index]), -index),
        )
        for known, decision in decisions.items()
    }


def _size(configuration: Configuration) -> int:
    return sum(math.prod(shape) for shape in configuration.shapes.values())


def _number(option: Any) -> float:
    return float(option) if isinstance(option, (int, float)) else 0.0

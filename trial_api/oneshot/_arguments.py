"""What every trainer checks of its arguments."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

from nas_tuners.contract.errors import Problem

from ..mutators import Mutator
from ..nn.wrappers import is_wrapper

_BARE_MODEL = (
    "pass the bare model; the trainer compiles it (compile=True) and averages gradients over "
    "processes itself"
)

_ONLY_WEIGHTS = (
    "holds parameters that are not the model's; pass model.parameters() only: the trainer "
    "optimizes the architecture itself. If the model was built anew, so must be the optimizer"
)


def check_arguments(
    model: nn.Module,
    loss: object,
    metrics: object,
    optimizer: object,
    num_epochs: object,
    mutator: Mutator,
) -> Iterator[Problem]:
    """Everything that is wrong."""
    if is_wrapper(model):
        yield Problem("model", _BARE_MODEL)
    if not callable(loss):
        yield Problem("loss", f"must be callable, but got {described(loss)}")
    if metrics is not None and not callable(metrics):
        yield Problem("metrics", f"must be callable or None, but got {described(metrics)}")
    if not isinstance(num_epochs, int) or num_epochs < 0:
        got = described(num_epochs)
        yield Problem("num_epochs", f"must be a whole number >= 0, but got {got}")
    if mutator.model is not model or not mutator.is_bound:
        yield Problem("mutator", "must be bound to the model that is trained; make a new one")
    if not isinstance(optimizer, torch.optim.Optimizer):
        yield Problem("optimizer", f"must be a torch optimizer, but got {described(optimizer)}")
    elif not optimizes_only(optimizer, model):
        yield Problem("optimizer", _ONLY_WEIGHTS)


def described(value: object) -> str:
    """A value as it is where that is short, else what it is."""
    text = repr(value)
    return text if len(text) <= 60 and "\n" not in text else f"an object of {type(value).__name__}"


def optimizes_only(optimizer: torch.optim.Optimizer, model: nn.Module) -> bool:
    weights = {id(parameter) for parameter in model.parameters()}
    groups = optimizer.param_groups
    return all(id(parameter) in weights for group in groups for parameter in group["params"])

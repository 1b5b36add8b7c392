"""How the outputs of a network are judged: sums over batches, and what follows from them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from nas_tuners.contract.errors import TrainingError


@dataclass(frozen=True)
class Scoring:
    """How one kind of task is scored.

    Attributes:
        directions: Metric -> whether it is to be maximized or minimized; the loss is one, too.
        align: ``(output, target)`` -> the target in the form that the loss needs.
        sums: ``(output, aligned target)`` -> numbers that are added up over all batches.
        read: What was added up -> metrics.
    """

    directions: dict[str, str]
    align: Callable[[Tensor, Tensor], Tensor]
    sums: Callable[[Tensor, Tensor], Tensor]
    read: Callable[[Tensor], dict[str, float]]


def align_labels(output: Tensor, target: Tensor) -> Tensor:
    """Labels as torch's losses take them: whole numbers, or numbers beside single logits."""
    if target.is_floating_point():
        if target.numel() != output.numel():
            raise TrainingError(_shapes(output, target, "logits for labels, as whole numbers"))
        return same_shape(output, target)
    if _is_binary(output) and target.numel() == output.numel():
        return target.reshape(output.shape).to(output.dtype)
    return target.long()


def count_correct(output: Tensor, target: Tensor) -> Tensor:
    """How many are right, of how many.

    Logits stand in the second dimension; single ones are positive for the class 1. Targets are
    labels, or probabilities of all classes.
    """
    if _is_binary(output) and output.shape == target.shape:
        right = (output > 0) == (target > 0.5)
    else:
        labels = target.argmax(1) if target.is_floating_point() else target
        found = output.argmax(1)
        if found.shape != labels.shape:
            raise TrainingError(_shapes(output, target, "logits (n, classes) for labels (n)"))
        right = found == labels
    return torch.stack(
        [right.sum().double(), torch.full_like(right.sum(), right.numel()).double()]
    )


def accuracy(sums: Tensor) -> dict[str, float]:
    correct, count = sums.tolist()
    return {"accuracy": correct / count}


def same_shape(output: Tensor, target: Tensor) -> Tensor:
    """Numbers in the shape of the output: ``(n)`` and ``(n, 1)`` would be broadcast.

    Raises:
        TrainingError: if they are others in number.
    """
    shapes = {tuple(output.shape), tuple(target.shape)}
    if len(shapes) > 1 and len({_without_ones(shape) for shape in shapes}) > 1:
        raise TrainingError(_shapes(output, target, "as many numbers as targets"))
    return target.reshape(output.shape).to(output.dtype)


def sum_errors(output: Tensor, target: Tensor) -> Tensor:
    """For each output: count, squared errors, absolute errors, targets, squared targets."""
    y = target.double().reshape(len(target), -1)
    error = output.double().reshape(y.shape) - y
    columns = (torch.ones_like(y), error**2, error.abs(), y, y**2)
    return torch.stack([column.sum(0) for column in columns])


def errors(sums: Tensor) -> dict[str, float]:
    """Mean errors, and which part of the variance is explained."""
    count, squared, absolute, y, y_squared = sums.cpu()
    mse = (squared.sum() / count.sum()).item()
    variation = (y_squared - y**2 / count).sum().item()
    r2 = 1 - squared.sum().item() / variation if variation > 0 else math.nan
    mae = (absolute.sum() / count.sum()).item()
    return {"mse": mse, "rmse": math.sqrt(mse), "mae": mae, "r2": r2}


CLASSES = Scoring(
    {"accuracy": "maximize", "loss": "minimize"}, align_labels, count_correct, accuracy
)
NUMBERS = Scoring(
    dict.fromkeys(("mse", "rmse", "mae", "loss"), "minimize") | {"r2": "maximize"},
    same_shape,
    sum_errors,
    errors,
)


def _is_binary(output: Tensor) -> bool:
    return output.ndim == 1 or (output.ndim == 2 and output.shape[1] == 1)


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (*shape[:1], *(size for size in shape[1:] if size > 1))


def _shapes(output: Tensor, target: Tensor, expected: str) -> str:
    return (
        f"the model gives {tuple(output.shape)} for targets {tuple(target.shape)}, but must give "
        f"{expected}"
    )

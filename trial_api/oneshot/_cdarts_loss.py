"""The objective of CDARTS: what ties the search network to the evaluation network."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch
from torch import Tensor, nn

from nas_tuners.contract.errors import ConfigError, Problem, did_you_mean

from ..mutators import MutableTree
from ..mutators._logits import Logits
from ..mutators._sources import ZERO_NAMES
from ..nn._layer_choice import LayerChoice
from ..nn._value_decision import ValueDecision


def joint_loss(
    labels: Tensor, distillation: Tensor, regularization: Tensor, *, alpha: float, weight: float
) -> Tensor:
    """What the architecture and the evaluation network descend in.

    Args:
        labels: Sum of both networks' losses.
        distillation: See :func:`distillation_loss`.
        regularization: See :func:`weightless_l1`.
        alpha: How much more the distillation counts than the labels.
        weight: Of the regularization.
    """
    return labels / alpha + alpha * distillation + weight * regularization


def distillation_loss(search: Tensor, evaluation: Tensor, temperature: float) -> Tensor:
    """T^2 KL(softmax(evaluation / T) || softmax(search / T)), a mean over samples.

    Args:
        search: Logits of the search network.
        evaluation: Of the evaluation network, the teacher; it is trained by this too.
        temperature: T.

    Shape:
        (n, classes) both, to a scalar.
    """
    student = torch.log_softmax(search / temperature, dim=1)
    teacher = torch.log_softmax(evaluation / temperature, dim=1)
    divergence = nn.functional.kl_div(student, teacher, reduction="batchmean", log_target=True)
    return temperature**2 * divergence


def regularization_weight(
    coefficient: float, ratio: float, epoch: int, *, warmup: int, epochs: int
) -> float:
    """It falls linearly to zero in a share (``ratio``) of the epochs after the warm-up."""
    passed = (epoch - warmup) / ((epochs - warmup) * ratio)
    return max(coefficient * (1 - passed), 0.0)


def weightless_l1(logits: Logits, masks: Mapping[str, Tensor]) -> Tensor:
    """The sum of absolute logits of the candidates that a mask has, zero if there are none."""
    parts = [(logits.tables[size].abs() * mask).sum() for size, mask in masks.items()]
    return torch.stack(parts).sum() if parts else torch.zeros(())


def weightless_candidates(
    mutables: MutableTree, names: Collection[str] | None
) -> dict[str, list[int]]:
    """key -> the candidates with one of the names.

    Args:
        mutables: Of the model.
        names: None for the candidates without parameters that are no zero operations, which a
            search prefers because they need not be trained first.

    Raises:
        ConfigError: naming those that no choice has.
    """
    found: dict[str, set[int]] = {}
    known: dict[str, None] = {}
    for choice in mutables.choices():
        for index, (name, candidate) in enumerate(_candidates(choice)):
            known[name] = None
            if name in names if names is not None else _is_weightless(name, candidate):
                found.setdefault(choice.key or "", set()).add(index)
    unknown = [name for name in names or () if name not in known]
    if unknown:
        raise ConfigError(
            [Problem("", f"no candidate {name!r}{did_you_mean(name, known)}") for name in unknown],
            "regularized",
        )
    return {key: sorted(indices) for key, indices in found.items()}


def masks_of(logits: Logits, chosen: Mapping[str, Collection[int]]) -> dict[str, Tensor]:
    """For each table of logits that has any of the chosen candidates, a one for each of them."""
    masks = {}
    for size, keys in logits.keys.items():
        rows = [[float(index in chosen.get(key, ())) for index in range(size)] for key in keys]
        if any(map(any, rows)):
            masks[str(size)] = torch.tensor(rows, device=logits.tables[str(size)].device)
    return masks


def _candidates(choice: object) -> list[tuple[str, nn.Module]]:
    if not isinstance(choice, LayerChoice) or isinstance(choice, ValueDecision):
        return []
    return list(zip(choice.names, choice, strict=True))


def _is_weightless(name: str, candidate: nn.Module) -> bool:
    return name not in ZERO_NAMES and next(candidate.parameters(), None) is None

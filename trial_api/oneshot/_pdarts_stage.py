"""From one stage of P-DARTS to the next: the candidates that are left, and a model of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import torch
from torch import nn

from nas_tuners.contract.errors import ConfigError

from ..mutators import ProgressiveMutator
from ..nn._layer_choice import LayerChoice
from ..nn._tree import find_choices
from ._base import Loss

Created: TypeAlias = tuple[nn.Module, Loss, torch.optim.Optimizer, Any]
"""A new model with its loss, its optimizer, and None or a learning-rate scheduler."""


@dataclass
class Progress:
    """How far a search is: what a checkpoint keeps besides the stage's own state.

    Attributes:
        stage: From 0.
        survivors: key -> the candidates that are left, by their original indices.
    """

    stage: int = 0
    survivors: Mapping[str, Sequence[int]] = field(default_factory=dict)

    def after(self, mutator: ProgressiveMutator, *, drop: int) -> Progress:
        """The next stage, without the least probable candidates of this one.

        Args:
            mutator: Of this stage, at its end.
            drop: Candidates a layer choice.
        """
        survivors, probabilities = dict(self.survivors), mutator.probabilities()
        for choice in mutator.mutables:
            if isinstance(choice, LayerChoice):
                key = choice.key or ""
                left = survivors.get(key, range(len(choice)))
                survivors[key] = left_after_drop(left, probabilities[key], drop)
        return Progress(self.stage + 1, survivors)

    def state_dict(self) -> dict[str, Any]:
        return {
            "stage": self.stage,
            "survivors": {key: list(left) for key, left in self.survivors.items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.stage = state["stage"]
        self.survivors = {key: tuple(left) for key, left in state["survivors"].items()}


def read_created(created: Any) -> Created:
    """What a model creator returned.

    Raises:
        ConfigError: if it is not what was announced.
    """
    if isinstance(created, tuple) and len(created) == 4 and isinstance(created[0], nn.Module):
        return created
    kinds = created if isinstance(created, (tuple, list)) else [created]
    got = ", ".join(type(one).__name__ for one in kinds)
    raise ConfigError(
        f"must return (model, loss, optimizer, lr_scheduler or None), but returned ({got})",
        "model_creator",
    )


def drop_candidates(
    model: nn.Module, optimizer: torch.optim.Optimizer, survivors: Mapping[str, Sequence[int]]
) -> None:
    """Delete all candidates but the survivors, from the model and from its new optimizer."""
    before = {id(parameter) for parameter in model.parameters()}
    for site in find_choices(model):
        if isinstance(site.choice, LayerChoice) and site.key in survivors:
            gone = sorted({*range(len(site.choice))} - {*survivors[site.key]}, reverse=True)
            for index in gone:
                del site.choice[index]
    gone_parameters = before - {id(parameter) for parameter in model.parameters()}
    for group in optimizer.param_groups:
        group["params"] = [p for p in group["params"] if id(p) not in gone_parameters]


def left_after_drop(
    survivors: Sequence[int], probabilities: Sequence[float], count: int
) -> tuple[int, ...]:
    """The candidates without the ``count`` least probable ones; the best one always stays."""
    ranked = sorted(range(len(survivors)), key=lambda index: -probabilities[index])
    kept = ranked[: max(1, len(survivors) - count)]
    return tuple(survivors[index] for index in sorted(kept))

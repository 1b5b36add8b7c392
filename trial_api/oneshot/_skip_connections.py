"""Skip connections among the candidates, and the dropout behind them that P-DARTS has."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from torch import Tensor, nn

from ..nn._layer_choice import LayerChoice
from ..nn._tree import find_choices
from ._callbacks import Callback

Skips = Mapping[str, Mapping[int, "list[nn.Module]"]]
"""key -> index of a candidate -> what stands for it at each place of the key."""

_DECAY = 0.2  # of the rate, an epoch, as in the authors' program


def find_skips(model: nn.Module, names: Collection[str]) -> Skips:
    """The candidates that are identities, or have one of the given names."""
    found: dict[str, dict[int, list[nn.Module]]] = {}
    for site in find_choices(model):
        if not isinstance(site.choice, LayerChoice):
            continue
        for index, (name, candidate) in enumerate(
            zip(site.choice.names, site.choice, strict=True)
        ):
            if name in names or isinstance(candidate, nn.Identity):
                found.setdefault(site.key, {}).setdefault(index, []).append(candidate)
    return found


class SkipDropout(Callback):
    """Drops units of what skip connections return, less and less during a stage of P-DARTS.

    Chen, Xie, Wu, Tian: Progressive Differentiable Architecture Search, ICCV 2019
    (https://arxiv.org/abs/1904.12760), section 3.3: without it, skip connections win early,
    because errors decay fastest through them.

    Args:
        skips: The skip connections.
        rate: At the beginning.
        first: The epoch in which the stage begins.
        epochs: Of the stage.
        weights_only: Its first epochs, which train no architecture.
    """

    def __init__(
        self,
        skips: Iterable[nn.Module],
        rate: float,
        *,
        first: int,
        epochs: int,
        weights_only: int,
    ) -> None:
        self._dropout = _Dropout()
        self._initial = rate
        self._first = first
        self._epochs = epochs
        self._weights_only = weights_only
        for skip in {id(module): module for module in skips}.values():
            skip.register_forward_hook(self._dropout)

    def on_epoch_begin(self, epoch: int) -> None:
        self._dropout.rate = skip_dropout_rate(
            self._initial,
            epoch - self._first,
            epochs=self._epochs,
            weights_only=self._weights_only,
        )

    def on_epoch_end(self, epoch: int) -> None:
        if epoch == self._first + self._epochs - 1:
            self._dropout.rate = 0.0  # the model stays behind, with the hooks

    def state_dict(self) -> dict[str, Any]:
        return {"rate": self._dropout.rate}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._dropout.rate = state["rate"]


class _Dropout:
    """A hook that copies and pickles with the model, unlike one that knows the trainer."""

    rate = 0.0

    def __call__(self, module: nn.Module, _inputs: Any, output: Tensor) -> Tensor:
        return nn.functional.dropout(output, self.rate, module.training)


def skip_dropout_rate(initial: float, epoch: int, *, epochs: int, weights_only: int) -> float:
    """The rate in an epoch of a stage, as in the authors' program.

    It falls linearly while the weights are trained alone. When the architecture is trained, it
    starts anew and decays exponentially.
    """
    if epoch < weights_only:
        return initial * (epochs - epoch - 1) / epochs
    return initial * math.exp(-_DECAY * (epoch - weights_only))

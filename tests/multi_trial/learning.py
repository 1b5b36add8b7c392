"""Real data in small, networks for it, and a trial that is run in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nas_tuners.contract.trial_io import TRIAL_BUDGET, Assignment, read_metrics
from nas_tuners.experiment.trial_files import prepare
from nas_tuners.multi_trial import Evaluator
from trial_api import _trial
from trial_api.nn import LayerChoice, ValueChoice, model_space


@model_space
class DigitsNet(nn.Module):
    """Four architectures, with what behaves differently in training."""

    def __init__(self) -> None:
        super().__init__()
        width = ValueChoice([16, 32], key="width")
        self.hidden = nn.Sequential(nn.Linear(64, width), nn.BatchNorm1d(width), nn.Dropout(0.1))
        self.act = LayerChoice({"relu": nn.ReLU(), "tanh": nn.Tanh()}, key="act")
        self.out = nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.out(self.act(self.hidden(x)))
        return output


def network() -> nn.Module:
    return nn.Sequential(nn.Linear(64, 32), nn.Dropout(0.2), nn.ReLU(), nn.Linear(32, 10))


def train_digits() -> tuple[np.ndarray, np.ndarray]:
    images, labels = _digits()
    return images[:600], labels[:600]


def valid_digits() -> tuple[np.ndarray, np.ndarray]:
    images, labels = _digits()
    return images[600:900], labels[600:900]


def _digits() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_digits

    digits = load_digits()
    return digits.data / 16, digits.target


def run_trial(
    folder: Path,
    evaluator: Evaluator,
    make: Callable[[], nn.Module] = network,
    *,
    budget: int | None = None,
    **chosen: Any,
) -> tuple[Any, list[Any]]:
    """The result of one more attempt of a trial, and what it reported on the way."""
    _trial._trial_in.cache_clear()  # each attempt is a process of its own
    parameters = {} if budget is None else {TRIAL_BUDGET: budget}
    prepare(folder, Assignment("exp", "t0", 0, parameters))
    result = evaluator.run(make, chosen)
    return result, [metric.value for metric in read_metrics(folder).metrics]


def weights_of(folder: Path) -> dict[str, Tensor]:
    weights: dict[str, Tensor] = torch.load(folder / "output" / "model.pt", weights_only=True)
    return weights

"""Regression, on what a line makes of digits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from nas_tuners import Experiment, Regression
from nas_tuners.contract.errors import ConfigError, TrainingError
from nas_tuners.contract.trial_io import TRIAL_DIR
from nas_tuners.multi_trial import choice
from tests.multi_trial.learning import run_trial
from trial_api.nn import LayerChoice, model_space


def numbers(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A line, with noise, as arrays of 64 bits."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(200, 3))
    return x, x @ np.array([1.0, -2.0, 0.5]) + 0.1 * rng.normal(size=200)


@model_space
class Line(nn.Module):
    """A line, or nothing that can learn."""

    def __init__(self) -> None:
        super().__init__()
        self.bend = LayerChoice(
            {"line": nn.Identity(), "dead": nn.Threshold(1e9, 0.0)}, key="bend"
        )
        self.line = nn.Linear(3, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        output: torch.Tensor = self.line(self.bend(x))
        return output


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "trials" / "0000"
    monkeypatch.setenv(TRIAL_DIR, str(folder))
    return folder


def regression(**options: Any) -> Regression:
    given = {"learning_rate": 0.1, "max_epochs": 8, "batch_size": 20, "device": "cpu"} | options
    return Regression(numbers(0), numbers(1), **given)


def test_targets_without_a_column(folder: Path) -> None:
    result, _ = run_trial(folder, regression(), lambda: nn.Linear(3, 1))
    assert result["default"] == result["mse"] == pytest.approx(result["loss"], rel=1e-5)
    assert result["mse"] < 0.02, "the noise"
    assert result["rmse"] ** 2 == pytest.approx(result["mse"])
    assert result["r2"] > 0.99


def test_an_output_too_many(folder: Path) -> None:
    with pytest.raises(TrainingError, match=r"gives \(20, 2\) for targets \(20,\)"):
        run_trial(folder, regression(), lambda: nn.Linear(3, 2))


@pytest.mark.extended
def test_an_experiment_with_budgets_minimizes(tmp_path: Path) -> None:
    """One of two trials goes on, from its checkpoint, and it is the one with the lower error."""
    experiment = Experiment(
        Line,
        regression(),
        "GridSearch",
        max_trials=2,
        budget={"maximum": 4, "eta": 2, "minimum": 2},
    )
    experiment.run(folder=tmp_path / "it")
    [best] = experiment.export_top_models()
    assert best == {"bend": "line"}
    attempts = sorted(path.name for path in (tmp_path / "it" / "trials").glob("*/attempt-*"))
    assert attempts == ["attempt-1"]
    [model] = experiment.export_top_models(formatter="instance")
    x, y = map(torch.tensor, numbers(1))
    with torch.no_grad():
        assert (model(x.float()).squeeze(1) - y).pow(2).mean() < 0.1


def test_the_direction() -> None:
    assert regression().optimize_mode == "minimize"
    assert regression(metric="r2").optimize_mode == "maximize"


def test_mistakes() -> None:
    with pytest.raises(ConfigError) as told:
        regression(metric="R2", criterion=choice([1, 2]), max_epoch=3)
    found = {problem.where: problem.message for problem in told.value.problems}
    assert found["metric"] == "must be one of mse, rmse, mae, loss, r2, but got 'R2'"
    with pytest.raises(ConfigError, match=r"metric: must be one of .* but got \['mse', 'mae'\]"):
        regression(metric=["mse", "mae"])
    assert found["criterion"].startswith("must be a loss or a class of losses, but got")
    assert found["max_epoch"] == "unknown argument; did you mean 'max_epochs'?"

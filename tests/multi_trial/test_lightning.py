"""Modules of Lightning, on digits."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

from nas_tuners import Experiment
from nas_tuners.contract.errors import ConfigError, MetricError
from nas_tuners.contract.trial_io import TRIAL_DIR
from nas_tuners.multi_trial import Lightning, choice, loguniform
from tests.multi_trial.learning import (
    DigitsNet,
    network,
    run_trial,
    train_digits,
    valid_digits,
    weights_of,
)

pytest.importorskip("sklearn", reason="the digits are scikit-learn's")
lightning = pytest.importorskip("lightning")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("default"),  # Lightning warns of much, to each version its own
]

QUIET = {"accelerator": "cpu", "max_epochs": 2}


class Digits(lightning.LightningModule):  # type: ignore[misc,name-defined]
    """As users write them."""

    def __init__(self, model: nn.Module, lr: float = 0.01, quiet: bool = False) -> None:
        super().__init__()
        self.model, self.lr, self.quiet = model, lr, quiet

    def training_step(self, batch: Any, index: int) -> Tensor:
        loss = cross_entropy(self.model(batch[0]), batch[1])
        if loss.isnan():
            raise AssertionError
        return loss

    def validation_step(self, batch: Any, index: int) -> None:
        output = self.model(batch[0])
        if not self.quiet:
            self.log("val_loss", cross_entropy(output, batch[1]))
        self.log("val_accuracy", (output.argmax(1) == batch[1]).float().mean())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.model.parameters(), self.lr)


def loader(arrays: Any, **options: Any) -> DataLoader[Any]:
    x, y = map(torch.tensor, arrays)
    return DataLoader(TensorDataset(x.float(), y), batch_size=60, **options)


def train_loader() -> DataLoader[Any]:
    return loader(train_digits(), shuffle=True)


def valid_loader() -> DataLoader[Any]:
    return loader(valid_digits())


def evaluator(**options: Any) -> Lightning:
    given: dict[str, Any] = {"trainer": QUIET, "metric": "val_accuracy"} | options
    return Lightning(Digits, train_loader, valid_loader, **given)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "trials" / "0000"
    monkeypatch.setenv(TRIAL_DIR, str(folder))
    return folder


def accuracy_of(model: nn.Module) -> float:
    x, y = map(torch.tensor, valid_digits())
    with torch.no_grad():
        return (model.eval()(x.float()).argmax(1) == y).float().mean().item()


@pytest.mark.extended
def test_an_experiment(tmp_path: Path) -> None:
    judge = evaluator(lr=loguniform(5e-3, 5e-2), optimize_mode="maximize")
    experiment = Experiment(DigitsNet, judge, "random", max_trials=2, concurrency=2, seed=1)
    experiment.run(folder=tmp_path / "it")
    trials = sorted((tmp_path / "it" / "trials").iterdir())
    best = 0.0
    for trial in trials:
        assert [file.name for file in (trial / "output").iterdir()] == ["model.pt"]
        lines = [json.loads(line) for line in (trial / "metrics.jsonl").read_text().splitlines()]
        assert [line["kind"] for line in lines] == ["intermediate"] * 2 + ["final"]
        assert lines[-1]["value"].keys() == {"val_loss", "val_accuracy", "default"}
        best = max(best, lines[-1]["value"]["default"])
    [model] = experiment.export_top_models(formatter="instance")
    assert accuracy_of(model) == pytest.approx(best)


def test_a_larger_budget_goes_on(folder: Path) -> None:
    _, first = run_trial(folder, evaluator(), budget=1)
    assert len(first) == 1
    before = weights_of(folder)
    result, reported = run_trial(folder, evaluator(export_onnx=True), budget=2)
    assert reported[0] == first[0]
    assert result == reported[1]
    assert result["default"] == result["val_accuracy"]
    assert not torch.equal(before["0.weight"], weights_of(folder)["0.weight"])
    names = {file.name for file in (folder / "output").iterdir()}
    assert names - {"model.onnx"} == {"model.pt", "lightning.ckpt"}


def drawn_in_its_own_way() -> DataLoader[Any]:
    return loader(train_digits(), shuffle=True, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("make_loader", [train_loader, drawn_in_its_own_way])
def test_what_goes_on_finds_what_one_go_finds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_loader: Any
) -> None:
    judge = Lightning(Digits, make_loader, valid_loader, trainer=QUIET, metric="val_loss")
    found = []
    for name, budgets in (("stopped", (1, 3)), ("whole", (3,))):
        monkeypatch.setenv(TRIAL_DIR, str(tmp_path / name))
        for budget in budgets:
            found.append(run_trial(tmp_path / name, judge, budget=budget))
    assert found[1] == found[2]


def test_which_metric(folder: Path) -> None:
    result, _ = run_trial(folder, evaluator(metric=None, quiet=True))
    assert result["default"] == result["val_accuracy"]
    with pytest.raises(MetricError) as told:
        run_trial(folder, evaluator(metric=None))
    assert str(told.value) == (
        "the module logs val_loss, val_accuracy: say which one the search is about, "
        "Lightning(..., metric='val_accuracy')"
    )
    with pytest.raises(MetricError, match=r"no 'val_acuracy', but .*; did you mean 'val_accur"):
        run_trial(folder, evaluator(metric="val_acuracy"))


def test_mistakes() -> None:
    with pytest.raises(ConfigError) as told:
        evaluator(trainer={"max_epoch": 3}, rate=1, optimize_mode="max")
    assert {problem.where: problem.message for problem in told.value.problems} == {
        "rate": "it takes no such argument",
        "trainer.max_epoch": "lightning.Trainer takes no such argument; did you mean 'max_epochs'"
        "?",
        "optimize_mode": "must be 'maximize' or 'minimize', but got 'max'",
    }
    with pytest.raises(ConfigError) as told:
        evaluator(trainer={"max_epochs": choice([1, 2])}, seed=choice([1, 2]))
    assert {problem.where for problem in told.value.problems} == {"trainer", "seed"}
    with pytest.raises(ConfigError, match="makes a LightningModule of a model, but got 3"):
        Lightning(3, train_loader, valid_loader)  # type: ignore[arg-type]


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lightning", None)
    with pytest.raises(ConfigError, match=r"pip install 'nas-tuners\[lightning\]'"):
        evaluator()


def test_the_model_that_is_trained_is_the_chosen_one(folder: Path) -> None:
    made = []

    def make(model: nn.Module) -> Any:
        made.append(model)
        return Digits(model)

    run_trial(
        folder, Lightning(make, train_loader, valid_loader, trainer=QUIET, metric="val_loss")
    )
    assert [type(model) for model in made] == [type(network())]

"""Path dropout."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from nas_tuners import GridSearchTuner
from nas_tuners.contract.errors import ConfigError, SearchSpaceError
from trial_api import InputChoice, LayerChoice
from trial_api.mutators import PathDropoutMutator
from trial_api.oneshot import BaseTrainer, BenderTrainer, Callback
from trial_api.testing import OneShotSuite
from trial_api.testing._planted import PlantedData, PlantedNet, accuracy


def make(model: nn.Module, **options: Any) -> BenderTrainer:
    optimizer = torch.optim.SGD(model.parameters(), 0.05, weight_decay=1e-4)
    return BenderTrainer(model, F.cross_entropy, accuracy, optimizer, **options)


class TestBender(OneShotSuite):
    def make_trainer(self, model: nn.Module, **options: Any) -> BaseTrainer:
        return make(model, **options)

    def finish(self, trainer: BaseTrainer) -> None:
        assert isinstance(trainer, BenderTrainer)
        trainer.search(GridSearchTuner(optimize_mode="minimize"), 12, metric="loss")


class Rates(Callback):
    def __init__(self) -> None:
        self.seen: list[float] = []

    def on_batch_end(self, epoch: int, batch: int) -> None:
        assert isinstance(self.mutator, PathDropoutMutator)
        self.seen.append(self.mutator.drop_rate)


def plain(model: nn.Module, **options: Any) -> BenderTrainer:
    given = {"num_epochs": 2, "batch_size": 8, "seed": 0, "progress": False, **options}
    return make(model, dataset_train=PlantedData(45), **given)


def test_dropout_rises_after_the_warm_up_to_the_target() -> None:
    rates = Rates()
    plain(PlantedNet(), warmup_epochs=1, drop_rate=0.8, callbacks=[rates]).train()
    assert rates.seen == pytest.approx([0, 0, 0, 0, 0, 0, 0.2, 0.4, 0.6, 0.8])


def test_dropped_candidates_are_neither_run_nor_moved() -> None:
    model = PlantedNet()
    trainer = plain(model, warmup_epochs=1, drop_rate=0.9)
    trainer.train()
    calls: list[str] = []
    for name, candidate in zip(model.left.names, model.left, strict=True):
        candidate.register_forward_hook(lambda *_, name=name: calls.append(name))
    for _ in range(10):
        calls.clear()
        before = {name: value.clone() for name, value in model.left.state_dict().items()}
        trainer._step(trainer._loop.next_batch("train"))
        on = trainer.mutator.status()["left"]
        assert calls == [name for name, runs in zip(model.left.names, on, strict=True) if runs]
        for name, value in model.left.state_dict().items():
            assert torch.equal(value, before[name]) == (name.split(".")[0] not in calls)


def test_the_rate_is_a_probability() -> None:
    with pytest.raises(ConfigError, match=r"drop_rate: must be between 0 and 1, but got 1\.5"):
        plain(PlantedNet(), drop_rate=1.5)


@pytest.mark.parametrize("reduction", ["concat", "none"])
def test_outputs_whose_number_is_fixed_cannot_be_dropped(reduction: str) -> None:
    layers = LayerChoice([nn.Identity(), nn.Identity()], reduction=reduction)
    some = InputChoice(n_candidates=3, n_chosen=2, reduction=reduction)
    free = InputChoice(n_candidates=3, n_chosen=None, reduction=reduction)
    model = nn.ModuleDict({"layers": layers, "some": some, "free": free})
    with pytest.raises(SearchSpaceError, match=f"its reduction is '{reduction}'") as caught:
        PathDropoutMutator(model)
    assert [problem.where for problem in caught.value.problems] == ["layers", "some"]
    assert not layers.is_bound

"""GDAS."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from nas_tuners.contract.errors import ConfigError
from trial_api.mutators import SoftmaxMutator
from trial_api.oneshot import BaseTrainer, Callback, GdasTrainer
from trial_api.testing import OneShotSuite
from trial_api.testing._planted import PlantedData, PlantedNet, accuracy


def make(model: nn.Module, **options: Any) -> GdasTrainer:
    optimizer = torch.optim.SGD(model.parameters(), 0.02)
    given = {"arc_learning_rate": 0.05, "final_temperature": 1.0, **options}
    return GdasTrainer(model, F.cross_entropy, accuracy, optimizer, **given)


class TestGdas(OneShotSuite):
    planted_epochs: ClassVar[int] = 12

    def make_trainer(self, model: nn.Module, **options: Any) -> BaseTrainer:
        return make(model, **options)


class Temperatures(Callback):
    def __init__(self) -> None:
        self.seen: list[float] = []

    def on_batch_end(self, epoch: int, batch: int) -> None:
        assert isinstance(self.trainer, GdasTrainer)
        self.seen.append(self.trainer.mutator.temperature)


def plain(model: nn.Module, **options: Any) -> GdasTrainer:
    given = {"num_epochs": 3, "batch_size": 8, "seed": 0, "progress": False, **options}
    return make(model, dataset_train=PlantedData(32), **given)


def test_the_temperature_is_annealed_by_epochs() -> None:
    seen = Temperatures()
    plain(PlantedNet(), callbacks=[seen], final_temperature=0.1).train()
    assert seen.seen == pytest.approx([10, 10, 5.05, 5.05, 0.1, 0.1])


def test_the_weights_learn_from_one_half_and_the_architecture_from_the_other() -> None:
    """Each step runs two paths, the second with a graph for the architecture."""
    model = PlantedNet()
    trainer = plain(model)
    batches: list[bool] = []
    calls: list[str] = []

    def note(*_: Any) -> None:
        weights = trainer.mutator.selection_of(model.left).weights
        batches.append(weights is not None)

    model.left.register_forward_hook(note)
    for name, candidate in zip(model.left.names, model.left, strict=True):
        candidate.register_forward_hook(lambda *_, name=name: calls.append(name))
    before = [parameter.detach().clone() for parameter in trainer.mutator.parameters()]
    train, search = (trainer._loop.next_batch(name) for name in ("train", "search"))
    trainer._step(train, search)
    assert batches == [False, True]
    assert len(calls) == 2
    after = list(trainer.mutator.parameters())
    assert not any(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    assert all(parameter.grad is None for parameter in model.parameters())


def test_temperatures_are_positive() -> None:
    with pytest.raises(ConfigError, match=r"temperatures must be > 0.*final_temperature=0"):
        plain(PlantedNet(), final_temperature=0)


def test_a_mutator_of_another_kind() -> None:
    model = PlantedNet()
    with pytest.raises(ConfigError, match="must be a HardGumbelMutator or None"):
        plain(model, mutator=SoftmaxMutator(model))

"""DARTS, first and second order."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from nas_tuners.contract.errors import ConfigError
from trial_api.mutators import GumbelSoftmaxMutator, RandomMutator
from trial_api.oneshot import BaseTrainer, DartsTrainer
from trial_api.testing import OneShotSuite
from trial_api.testing._planted import PlantedData, PlantedNet, accuracy


def make(model: nn.Module, **options: Any) -> DartsTrainer:
    optimizer = torch.optim.SGD(model.parameters(), 0.01, momentum=0.5, weight_decay=1e-4)
    return DartsTrainer(model, F.cross_entropy, accuracy, optimizer, **options)


class TestFirstOrder(OneShotSuite):
    planted_options: ClassVar[dict[str, Any]] = {"arc_learning_rate": 0.05}

    def make_trainer(self, model: nn.Module, **options: Any) -> BaseTrainer:
        return make(model, **options)


class TestSecondOrder(OneShotSuite):
    planted_options: ClassVar[dict[str, Any]] = {"arc_learning_rate": 0.05}

    def make_trainer(self, model: nn.Module, **options: Any) -> BaseTrainer:
        return make(model, unrolled="amp" not in options, **options)


class TestExactSecondOrder(OneShotSuite):
    planted_options: ClassVar[dict[str, Any]] = {"arc_learning_rate": 0.05}

    def make_trainer(self, model: nn.Module, **options: Any) -> BaseTrainer:
        return make(model, unrolled="amp" not in options and "exact", **options)


@pytest.mark.parametrize(
    ("optimizer", "options", "message"),
    [
        (torch.optim.Adam, {"unrolled": True}, "unrolls a step of SGD, but the optimizer is Adam"),
        (torch.optim.SGD, {"unrolled": True, "amp": "bf16"}, "full precision"),
        (torch.optim.SGD, {"unrolled": True, "accumulate": 2}, "neither accumulate"),
        (
            torch.optim.SGD,
            {"unrolled": "third"},
            "'finite_difference', but got 'third'",
        ),
    ],
)
def test_what_cannot_be_unrolled(optimizer: Any, options: dict[str, Any], message: str) -> None:
    model = PlantedNet()
    with pytest.raises(ConfigError, match=message):
        DartsTrainer(
            model,
            F.cross_entropy,
            None,
            optimizer(model.parameters(), lr=0.1),
            1,
            PlantedData(),
            **options,
        )


def test_mixtures_that_are_drawn_cannot_be_unrolled() -> None:
    model = PlantedNet()
    with pytest.raises(ConfigError, match="draws another one each time"):
        make(
            model,
            num_epochs=1,
            dataset_train=PlantedData(),
            unrolled=True,
            mutator=GumbelSoftmaxMutator(model),
        )


def test_a_mutator_that_cannot_learn() -> None:
    model = PlantedNet()
    with pytest.raises(ConfigError, match="a RandomMutator has none"):
        make(model, num_epochs=1, dataset_train=PlantedData(), mutator=RandomMutator(model))

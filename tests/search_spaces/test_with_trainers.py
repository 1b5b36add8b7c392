"""Every space is searched by every trainer that fits it, for two steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from search_spaces import (
    darts,
    enas_macro,
    enas_micro,
    fbnet,
    nas_bench_201,
    proxyless_nas,
    shufflenet,
)
from trial_api import apply_fixed_architecture, load_supernet_state_dict
from trial_api.oneshot import (
    BaseTrainer,
    BenderTrainer,
    DartsTrainer,
    EnasTrainer,
    FBNetTrainer,
    GdasTrainer,
    PcDartsTrainer,
    ProxylessTrainer,
    SmashTrainer,
    SposTrainer,
    candidate_costs,
)

SIZES: dict[str, Any] = {"in_channels": 1, "classes": 3}
STAGES = ((4, 1, 1), (8, 2, 2))
SPACES: dict[str, Callable[[], nn.Module]] = {
    "darts": lambda: darts(2, 3, **SIZES),
    "enas_macro": lambda: enas_macro(layers=3, channels=4, **SIZES),
    "enas_micro": lambda: enas_micro(channels=4, cells=3, nodes=2, **SIZES),
    "nas_bench_201": lambda: nas_bench_201(channels=4, cells=1, **SIZES),
    "proxyless_nas": lambda: proxyless_nas(stages=STAGES, **SIZES),
    "shufflenet": lambda: shufflenet(stages=STAGES, **SIZES),
    "fbnet": lambda: fbnet(stages=STAGES, **SIZES),
}
TRAINERS: dict[str, tuple[type[BaseTrainer], dict[str, Any]]] = {
    "darts": (DartsTrainer, {}),
    "second_order": (DartsTrainer, {"unrolled": True}),
    "gdas": (GdasTrainer, {}),
    "spos": (SposTrainer, {"candidates": 2}),
    "enas": (
        EnasTrainer,
        {"mutator_steps": 1, "mutator_steps_aggregate": 2, "child_steps": 1, "final_samples": 2},
    ),
    "proxyless": (ProxylessTrainer, {}),
    "two_path": (ProxylessTrainer, {"arc_mode": "two_path"}),
    "fbnet": (FBNetTrainer, {"warmup_epochs": 0}),
    "bender": (BenderTrainer, {"candidates": 2}),
    "smash": (SmashTrainer, {"final_samples": 2}),
}


def accuracy(output: Any, target: Tensor) -> dict[str, Tensor]:
    return {"accuracy": (output.argmax(1) == target).float().mean()}


def images(count: int) -> TensorDataset:
    return TensorDataset(torch.randn(count, 1, 8, 8), torch.randint(3, (count,)))


def search(kind: type[BaseTrainer], model: nn.Module, **options: Any) -> BaseTrainer:
    if kind is EnasTrainer:
        options["reward_function"] = lambda output, target: accuracy(output, target)["accuracy"]
    optimizer = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9)
    trainer = kind(
        model,
        F.cross_entropy,
        accuracy,
        optimizer=optimizer,
        num_epochs=1,
        dataset_train=images(16),
        dataset_valid=images(8),
        batch_size=4,
        seed=0,
        progress=False,
        **options,
    )
    trainer.train()
    return trainer


USUAL = ("darts", "enas", "proxyless", "spos")


@pytest.mark.parametrize(
    "trainer",
    [
        name if name in USUAL else pytest.param(name, marks=pytest.mark.extended)
        for name in TRAINERS
    ],
)
@pytest.mark.parametrize("space", SPACES)
def test_a_space_and_a_trainer(space: str, trainer: str) -> None:
    torch.manual_seed(0)
    kind, options = TRAINERS[trainer]
    model = SPACES[space]()
    found = search(kind, model, **options)
    network = apply_fixed_architecture(SPACES[space](), found.export())
    load_supernet_state_dict(network, model.state_dict())
    assert torch.isfinite(network.eval()(torch.randn(2, 1, 8, 8))).all()


def test_partial_channels() -> None:
    torch.manual_seed(0)
    model = darts(4, 3, partial_channels=2, **SIZES)
    found = search(PcDartsTrainer, model, weights_only_epochs=0)
    apply_fixed_architecture(darts(4, 3, **SIZES), found.export())


@pytest.mark.parametrize("space", ["proxyless_nas", "shufflenet", "fbnet", "nas_bench_201"])
def test_every_candidate_has_a_cost(space: str) -> None:
    costs = candidate_costs(SPACES[space](), torch.randn(1, 1, 8, 8), measure="flops")
    assert all(max(of_key) > 0 for of_key in costs.values())

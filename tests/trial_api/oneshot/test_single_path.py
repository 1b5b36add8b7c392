from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from nas_tuners.contract.errors import ConfigError, SearchSpaceError, SpaceMismatchError
from trial_api import (
    InputChoice,
    LayerChoice,
    SuperKernelConv2d,
    apply_fixed_architecture,
    load_supernet_state_dict,
)
from trial_api.mutators import ThresholdMutator
from trial_api.oneshot import (
    Callback,
    ModelCheckpoint,
    SinglePathTrainer,
    SposTrainer,
    candidate_costs,
)

PLANTED = {"far": "5x5", "near": "3x3", "useless": "skip"}
"""What the data need; every other tap costs without a use."""


class Net(nn.Module):
    """Looks at the middle of three images by a superkernel each."""

    def __init__(self) -> None:
        super().__init__()
        self.far = SuperKernelConv2d(1, 4, key="far")
        self.near = SuperKernelConv2d(1, 4, key="near")
        self.useless = SuperKernelConv2d(1, 4, skippable=True, key="useless")
        self.head = nn.Linear(12, 2)

    def forward(self, x: Tensor) -> Tensor:
        parts = [conv(x[:, i : i + 1]) for i, conv in enumerate(self.convolutions)]
        logits: Tensor = self.head(torch.cat(parts, 1)[..., 2, 2])
        return logits

    @property
    def convolutions(self) -> list[nn.Module]:
        return [self.far, self.near, self.useless]


def data(length: int, *, seed: int = 0) -> TensorDataset:
    """The label is the sign of a corner of the first image plus the middle of the second."""
    images = torch.randn(length, 3, 5, 5, generator=torch.Generator().manual_seed(seed))
    return TensorDataset(images, (images[:, 0, 0, 0] + images[:, 1, 2, 2] > 0).long())


def accuracy(output: Tensor, target: Tensor) -> Tensor:
    return (output.argmax(1) == target).float().mean()


def make(model: nn.Module | None = None, *, num_epochs: int = 2, **options: Any) -> Any:
    torch.manual_seed(0)
    model = model or Net()
    given = {"batch_size": 16, "seed": 3, "progress": False, **options}
    given.setdefault("dataset_train", data(64))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    return SinglePathTrainer(
        model,
        F.cross_entropy,
        accuracy,
        optimizer,
        num_epochs,
        dataset_valid=data(256, seed=1),
        **given,
    )


def costs() -> dict[str, list[float]]:
    return candidate_costs(Net(), torch.zeros(1, 3, 5, 5))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_it_finds_the_planted_kernels(seed: int):
    trainer = make(
        num_epochs=12,
        dataset_train=data(512, seed=seed + 10),
        seed=seed,
        cost=costs(),
        fixed_cost=100.0,
        warmup_epochs=3,
        arc_learning_rate=0.03,
    )
    assert trainer.export() == {"far": "5x5", "near": "5x5", "useless": "5x5"}, "all at the start"
    trainer.train()
    assert trainer.export() == PLANTED
    assert trainer.validate()["metric"] > 0.9


def test_thresholds_and_kernels_learn_and_thresholds_are_no_weights():
    trainer = make()
    weights = {id(parameter) for parameter in trainer.model.parameters()}
    assert weights.isdisjoint(map(id, trainer.mutator.parameters()))
    before = copy.deepcopy(trainer.model.state_dict())
    trainer.train()
    assert trainer.mutator.thresholds.all()
    after = trainer.model.state_dict()
    assert not any(torch.equal(before[name], after[name]) for name in before)


def test_cost_alone_makes_kernels_small():
    strong = {"fixed_cost": 1e3, "cost_weight": 20.0, "arc_learning_rate": 0.1}
    cheap = make(num_epochs=6, cost=costs(), **strong)
    cheap.train()
    assert cheap.export() == {"far": "3x3", "near": "3x3", "useless": "skip"}


def test_warm_up_trains_the_largest_kernels_alone():
    trainer = make(warmup_epochs=2, num_epochs=3, callbacks=[stop := _StopAfter(1)])
    with pytest.raises(_StoppedError):
        trainer.train()
    assert stop.trainer is trainer
    assert not trainer.mutator.thresholds.any()
    assert {key: one.indices for key, one in trainer.mutator._current().items()} == {
        "far": (1,),
        "near": (1,),
        "useless": (2,),
    }


def test_the_export_is_what_validate_judges(tmp_path: Path):
    trainer = make(cost=costs(), fixed_cost=1.0, cost_weight=1.0, arc_learning_rate=0.1)
    trainer.train()
    trainer.export(tmp_path / "best.json")
    plain = apply_fixed_architecture(Net(), tmp_path / "best.json")
    load_supernet_state_dict(plain, trainer.model.state_dict())
    images, labels = data(256, seed=1).tensors
    expected = F.cross_entropy(plain(images), labels).item()
    assert trainer.validate()["loss"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("accumulate", [1, 3])
def test_an_interrupted_search_goes_on_bit_for_bit(tmp_path: Path, accumulate: int):
    options = {"cost": costs(), "fixed_cost": 1.0, "accumulate": accumulate, "warmup_epochs": 1}
    whole = make(**options)
    whole.train()
    saving = ModelCheckpoint(tmp_path, every_batches=1)
    stopped = make(**options, callbacks=[saving, _StopAfter(1, 1)])
    with pytest.raises(_StoppedError):
        stopped.train()
    resumed = make(**options, callbacks=[ModelCheckpoint(tmp_path / "more")])
    resumed.resume(tmp_path / "latest.pt")
    resumed.train()
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name])
    assert torch.equal(whole.mutator.thresholds, resumed.mutator.thresholds)


def test_mixed_precision():
    trainer = make(amp="bf16", grad_clip=1.0)
    trainer.train()
    assert all(bool(torch.isfinite(p).all()) for p in trainer.model.parameters())


def test_other_trainers_take_superkernels():
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    trainer = SposTrainer(
        model, F.cross_entropy, accuracy, optimizer, 1, data(64), progress=False, seed=0
    )
    trainer.train()
    assert trainer.export().keys() == PLANTED.keys()


def test_other_choices_are_refused_by_name():
    model = nn.Sequential(
        SuperKernelConv2d(1, 1), LayerChoice([nn.ReLU()], key="act"), InputChoice(2, key="skip")
    )
    with pytest.raises(SearchSpaceError, match="act: LayerChoice; make every choice a SuperK"):
        make(model)
    with pytest.raises(SearchSpaceError, match="skip: InputChoice"):
        ThresholdMutator(model)
    assert not model[0].is_bound, "another trainer can have it"


def test_wrong_costs():
    with pytest.raises(ConfigError, match="costs nothing, which has no logarithm"):
        make(cost={"far": [0.0, 1.0], "near": [0.0, 1.0], "useless": [0.0, 0.0, 1.0]})
    with pytest.raises(SpaceMismatchError, match="near: missing"):
        make(cost={"far": [1.0, 1.0], "useless": [1.0, 1.0, 1.0]})


def test_no_architecture_parameter_is_left_without_search():
    with pytest.raises(ConfigError, match="must be less than num_epochs=2"):
        make(warmup_epochs=2)


def test_a_step_makes_one_convolution_a_choice():
    trainer = make()
    mutator: ThresholdMutator = trainer.mutator
    mutator.reset()
    calls = []
    with pytest.MonkeyPatch.context() as patch:
        plain = F.conv2d
        patch.setattr(F, "conv2d", lambda *a, **k: calls.append(1) or plain(*a, **k))
        trainer.model(data(4).tensors[0])
    assert len(calls) == 3


class _StoppedError(Exception):
    pass


class _StopAfter(Callback):
    def __init__(self, epoch: int, batch: int = 0) -> None:
        self.at = (epoch, batch)

    def on_batch_begin(self, epoch: int, batch: int) -> None:
        if (epoch, batch) == self.at:
            raise _StoppedError

"""CDARTS."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from nas_tuners.contract.errors import ConfigError, SpaceMismatchError, TrainingError
from trial_api import LayerChoice, apply_fixed_architecture
from trial_api.oneshot import BaseTrainer, Callback, CdartsTrainer, ModelCheckpoint
from trial_api.testing import OneShotSuite
from trial_api.testing._planted import MixedNet, PlantedData, PlantedNet, accuracy


def sgd(model: nn.Module) -> torch.optim.SGD:
    return torch.optim.SGD(model.parameters(), 0.02, momentum=0.5, weight_decay=1e-4)


def make(small: nn.Module, large: nn.Module, num_epochs: int = 2, **options: Any) -> CdartsTrainer:
    given: dict[str, Any] = {
        "warmup_epochs": min(1, num_epochs - 1),
        "batch_size": 8,
        "progress": False,
        "seed": 1,
        **options,
    }
    if "train_loader" not in given:
        given.setdefault("dataset_train", PlantedData(64))
    return CdartsTrainer(
        small, large, F.cross_entropy, accuracy, sgd(small), sgd(large), num_epochs, **given
    )


class Stronger(nn.Module):
    """The network with a way around its choices: as a teacher should, it sees all there is."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = copy.deepcopy(network)
        self.around = nn.Linear(12, 2)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.network(x) + self.around(x.mean((2, 3)))
        return logits


class TestCdarts(OneShotSuite):
    planted_options: ClassVar[dict[str, Any]] = {"arc_learning_rate": 0.05}

    def make_trainer(self, model: nn.Module, **options: Any) -> BaseTrainer:
        large = Stronger(model) if type(model) is PlantedNet else copy.deepcopy(model)
        return make(model, large, **options)


class TwoHeads(PlantedNet):
    """Returns ensemble logits too."""

    def __init__(self) -> None:
        super().__init__()
        self.temper = nn.Parameter(torch.tensor(0.5))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        logits = super().forward(x)
        return logits, self.temper * logits


def test_the_ensemble_head_learns_from_the_distillation_alone() -> None:
    small, large = TwoHeads(), TwoHeads()
    trainer = make(small, large, dataset_valid=PlantedData(16))
    trainer.train()
    assert small.temper == 0.5, "the search network's head is not trained by labels"
    assert large.temper != 0.5
    assert trainer.validate()["accuracy"] >= 0
    apply_fixed_architecture(TwoHeads(), trainer.export())


def test_a_warm_up_leaves_evaluation_network_and_architecture_alone() -> None:
    small, large = PlantedNet(), PlantedNet()
    seen: list[tuple[Tensor, Tensor, Tensor]] = []

    class Watch(Callback):
        def on_epoch_end(self, epoch: int) -> None:
            flat = [
                torch.cat([p.detach().flatten() for p in module.parameters()])
                for module in (small, large, self.mutator)
            ]
            seen.append((flat[0], flat[1], flat[2]))

    trainer = make(small, large, 3, warmup_epochs=2, callbacks=[Watch()])
    trainer.train()
    one, two, three = seen
    assert not torch.equal(one[0], two[0])
    assert torch.equal(one[1], two[1])
    assert torch.equal(one[2], two[2])
    assert not torch.equal(two[1], three[1])
    assert not torch.equal(two[2], three[2])


def test_the_evaluation_network_runs_the_architecture_of_the_epoch() -> None:
    """Settled when the epoch begins, whatever the architecture parameters do meanwhile."""
    large = PlantedNet()
    ran: list[str] = []
    for name, candidate in zip(large.left.names, large.left, strict=True):
        candidate.register_forward_hook(lambda *_, name=name: ran.append(name))
    chosen: list[str] = []

    class Watch(Callback):
        def on_epoch_begin(self, epoch: int) -> None:
            chosen.append(self.trainer.export()["left"])

        def on_epoch_end(self, epoch: int) -> None:
            assert set(ran) == {chosen[-1]}
            ran.clear()

    trainer = make(
        PlantedNet(),
        large,
        6,
        warmup_epochs=0,
        arc_learning_rate=0.5,
        loss_alpha=0.1,
        callbacks=[Watch()],
    )
    trainer.train()
    assert len(set(chosen)) > 1, "the architecture did change"


@pytest.mark.parametrize(
    ("stop_at", "options"),
    [
        ((1, 2), {}),
        ((1, 6), {}),
        # Three steps a phase: the gradients of one phase are still there in the next.
        ((1, 4), {"accumulate": 2, "dataset_train": PlantedData(48)}),
        ((1, 5), {"accumulate": 2, "dataset_train": PlantedData(48)}),
        ((2, 1), {"accumulate": 2, "dataset_train": PlantedData(48)}),
    ],
)
def test_resumed_between_and_in_both_phases(
    stop_at: tuple[int, int], options: dict[str, Any], tmp_path: Path
) -> None:
    """Bit for bit for the evaluation network too; each phase of the second epoch has 4 steps."""

    class Stop(Callback):
        def __init__(self) -> None:
            self.batches = 0

        def on_batch_begin(self, epoch: int, batch: int) -> None:
            self.batches += epoch == stop_at[0]
            if self.batches > stop_at[1]:
                raise KeyboardInterrupt

    def fresh(**more: Any) -> CdartsTrainer:
        torch.manual_seed(0)
        given = {"arc_learning_rate": 0.5, "warmup_epochs": 0, **options, **more}
        return make(PlantedNet(0.1), PlantedNet(0.1), 3, **given)

    whole = fresh()
    whole.train()
    stopped = fresh(callbacks=[ModelCheckpoint(tmp_path, every_batches=1), Stop()])
    with pytest.raises(KeyboardInterrupt):
        stopped.train()
    resumed = fresh()
    resumed.resume(tmp_path / "latest.pt")
    resumed.train()
    for name in ("model", "model_large", "mutator", "_follower"):
        ours, theirs = getattr(whole, name).state_dict(), getattr(resumed, name).state_dict()
        for entry, value in ours.items():
            same = torch.equal(value, theirs[entry]) if isinstance(value, Tensor) else True
            assert same, (name, entry)
    assert whole._follower.status() == resumed._follower.status()


def test_candidates_without_weights_are_penalized_by_structure() -> None:
    """Not by the names of their classes: this identity has weights."""

    class IdentityWithWeights(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(()))

        def forward(self, x: Tensor) -> Tensor:
            return self.scale * x

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            ops = {
                "none": nn.Threshold(1e9, 0.0),
                "pool": nn.AvgPool2d(3, 1, 1),
                "scaled": IdentityWithWeights(),
                "normalized": nn.BatchNorm2d(12, affine=False),
            }
            self.op = LayerChoice(ops, key="op")
            self.head = nn.Linear(12, 2)

        def forward(self, x: Tensor) -> Tensor:
            logits: Tensor = self.head(self.op(x).mean((2, 3)))
            return logits

    by_default = make(Net(), Net())
    assert by_default._masks["4"].tolist() == [[0, 1, 0, 1]]
    named = make(Net(), Net(), regularized=["none", "scaled"])
    assert named._masks["4"].tolist() == [[1, 0, 1, 0]]
    with pytest.raises(
        ConfigError, match="regularized: no candidate 'poool'; did you mean 'pool'"
    ):
        make(Net(), Net(), regularized=["poool", "pool"])


def test_nothing_to_penalize() -> None:
    trainer = make(PlantedNet(), PlantedNet(), regularized=[])
    assert trainer._masks == {}
    trainer.train()
    assert set(trainer.export()) == {"left", "right", "source"}


def test_networks_of_different_depth_with_the_same_keys() -> None:
    class Chain(nn.Module):
        def __init__(self, depth: int) -> None:
            super().__init__()
            self.layers = nn.Sequential(
                *[
                    LayerChoice([nn.Conv2d(12, 12, 1), nn.Identity()], key="op")
                    for _ in range(depth)
                ]
            )
            self.head = nn.Linear(12, 2)

        def forward(self, x: Tensor) -> Tensor:
            logits: Tensor = self.head(self.layers(x).mean((2, 3)))
            return logits

    trainer = make(Chain(1), Chain(3))
    trainer.train()
    apply_fixed_architecture(Chain(5), trainer.export())


def test_networks_without_the_same_keys() -> None:
    large = MixedNet()
    with pytest.raises(SpaceMismatchError) as caught:
        make(PlantedNet(), large)
    keys = [problem.where for problem in caught.value.problems]
    assert keys[:4] == ["left", "right", "source", "shared"]
    assert "left: is missing here, but" in str(caught.value)
    assert not large.some.is_bound


def test_outputs_that_are_no_logits() -> None:
    class Three(PlantedNet):
        def forward(self, x: Tensor) -> Any:  # type: ignore[override]
            return (super().forward(x),) * 3

    with pytest.raises(TrainingError, match="returned a tuple of 3"):
        make(Three(), Three()).train()


def test_wrong_arguments() -> None:
    small, large = PlantedNet(), PlantedNet()
    with pytest.raises(ConfigError) as caught:
        CdartsTrainer(
            small,
            large,
            F.cross_entropy,
            None,
            sgd(small),
            sgd(small),
            5,
            PlantedData(64),
            temperature=0,
            regular_ratio=0,
        )
    assert [problem.where for problem in caught.value.problems] == [
        "temperature",
        "regular_ratio",
        "optimizer_large",
    ]
    with pytest.raises(ConfigError, match="warmup_epochs: must be less than num_epochs=2"):
        make(PlantedNet(), PlantedNet(), 2, warmup_epochs=2)

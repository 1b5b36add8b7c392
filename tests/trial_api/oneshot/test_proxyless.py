"""ProxylessNAS: what a step runs and changes, costs, and both methods."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from nas_tuners.contract.errors import ConfigError, SpaceMismatchError
from trial_api import LayerChoice
from trial_api.mutators import BinaryGateMutator, RandomMutator
from trial_api.oneshot import BaseTrainer, ProxylessTrainer
from trial_api.testing import OneShotSuite
from trial_api.testing._planted import PlantedData, PlantedNet, accuracy


def make(model: nn.Module, **options: Any) -> ProxylessTrainer:
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    return ProxylessTrainer(model, F.cross_entropy, accuracy, optimizer, **options)


class TestFull(OneShotSuite):
    planted_options: ClassVar[dict[str, Any]] = {"arc_learning_rate": 0.05, "arc_every": 1}
    planted_epochs = 16

    def make_trainer(self, model: nn.Module, **options: Any) -> BaseTrainer:
        return make(model, **{"arc_every": 2, **options})


class TestTwoPaths(OneShotSuite):
    planted_options: ClassVar[dict[str, Any]] = {"arc_learning_rate": 0.05, "arc_every": 1}
    planted_epochs = 16

    def make_trainer(self, model: nn.Module, **options: Any) -> BaseTrainer:
        return make(model, **{"arc_every": 2, "arc_mode": "two_path", **options})

    def make(self, model: nn.Module | None = None, **options: Any) -> BaseTrainer:
        # A seed with which eight random steps come by all candidates that are looked at.
        return super().make(model, **{"seed": 5, **options})


class TestReinforce(OneShotSuite):
    planted_options: ClassVar[dict[str, Any]] = {
        "arc_learning_rate": 0.05,
        "arc_every": 1,
        "warmup_epochs": 8,
        "baseline_decay": 0.9,
    }
    planted_epochs = 24

    def make_trainer(self, model: nn.Module, **options: Any) -> BaseTrainer:
        options = {"arc_every": 2, "reward_samples": 5, **options}
        return make(model, method="reinforce", **options)


class Counted(nn.Module):
    """A layer that counts its calls, those with a graph apart."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 1)
        self.calls = {True: 0, False: 0}

    def forward(self, x: Tensor) -> Tensor:
        self.calls[torch.is_grad_enabled()] += 1
        result: Tensor = self.conv(x)
        return result


class Chain(nn.Module):
    """Two choices of five; the first is called on what needs no gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.first = LayerChoice([Counted() for _ in range(5)])
        self.second = LayerChoice([Counted() for _ in range(5)])
        self.head = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        hidden = torch.relu(self.second(self.first(x[:, :4])))
        logits: Tensor = self.head(hidden.mean((2, 3)))
        return logits


def calls(model: Chain, graph: bool) -> int:
    return sum(layer.calls[graph] for layer in (*model.first, *model.second))


def trainer_of(model: nn.Module, **options: Any) -> ProxylessTrainer:
    torch.manual_seed(0)
    given = {"batch_size": 16, "seed": 0, "progress": False, "num_epochs": 1, **options}
    return make(model, dataset_train=PlantedData(64), **given)


@pytest.mark.parametrize(("mode", "closed"), [("full", 4), ("two_path", 1)])
def test_how_often_candidates_run(mode: str, closed: int) -> None:
    model = Chain()
    trainer_of(model, arc_mode=mode, arc_every=1).train()
    steps, choices = 2, 2
    assert calls(model, graph=True) == choices * steps * 2  # one path a step, of either kind
    assert calls(model, graph=False) == choices * steps * closed


@pytest.mark.parametrize(("mode", "closed"), [("full", 4), ("two_path", 1)])
def test_what_an_architecture_step_computes(mode: str, closed: int) -> None:
    model = Chain()
    trainer = trainer_of(model, arc_mode=mode)
    x = PlantedData(16).images[:, :4]
    layer, head = (
        flops_of(part) for part in (lambda: model.first[0](x), lambda: model.head(x[..., 0, 0]))
    )
    found = flops_of(trainer._architecture_step)
    forward = 2 * layer + head
    by_inputs = layer + head  # nothing before the first choice needs a gradient
    assert found == forward + 2 * closed * layer + by_inputs


def flops_of(run: Callable[[], object]) -> int:
    with FlopCounterMode(display=False) as counter:
        run()
    return int(counter.get_total_flops())


def test_steps_of_the_weights_run_one_path_only() -> None:
    model = Chain()
    trainer = trainer_of(model, warmup_epochs=1, num_epochs=2)
    trainer._loop.run_epoch(trainer._phases(0))
    assert calls(model, graph=True) == 2 * 2
    assert calls(model, graph=False) == 0


def test_architecture_steps_come_every_so_many_batches() -> None:
    model = Chain()
    trainer_of(model, batch_size=4, arc_every=3).train()  # 8 batches: after 0, 3 and 6
    assert calls(model, graph=True) == 2 * (8 + 3)


@pytest.mark.parametrize("mode", ["full", "two_path"])
def test_architecture_steps_compute_no_gradient_of_weights(mode: str) -> None:
    trainer = trainer_of(Chain(), arc_mode=mode)
    before = copy.deepcopy(trainer.model.state_dict())
    alphas = [alpha.detach().clone() for alpha in trainer.mutator.parameters()]
    seen: list[Tensor] = []
    for weight in trainer.model.parameters():
        weight.register_hook(seen.append)
    trainer._architecture_step()
    assert seen == []
    assert all(weight.grad is None for weight in trainer.model.parameters())
    assert all(torch.equal(t, before[n]) for n, t in trainer.model.state_dict().items())
    changed = [
        not torch.equal(a, b) for a, b in zip(alphas, trainer.mutator.parameters(), strict=True)
    ]
    assert any(changed)


def test_candidates_are_trained_in_both_modes() -> None:
    for mode in ("full", "two_path"):
        trainer = trainer_of(Chain(), arc_mode=mode, num_epochs=8, batch_size=4)
        before = copy.deepcopy(trainer.model.state_dict())
        trainer.train()
        after = trainer.model.state_dict()
        assert all(not torch.equal(before[n], after[n]) for n in before if n.endswith("weight"))


def test_warm_up_leaves_the_architecture_alone() -> None:
    trainer = trainer_of(Chain(), warmup_epochs=1, num_epochs=2)
    before = copy.deepcopy(trainer.mutator.state_dict()["logits.one.tables.5"])
    trainer._loop.run_epoch(trainer._phases(0))
    assert torch.equal(before, trainer.mutator.state_dict()["logits.one.tables.5"])


def test_two_paths_leave_the_others_as_probable_as_they_were() -> None:
    trainer = trainer_of(Chain(), arc_mode="two_path", arc_learning_rate=0.5)
    trainer.mutator.double()
    alphas = trainer.mutator.logits.one.tables["5"]
    before = alphas.softmax(1).detach().clone()
    trainer._architecture_step()
    after = alphas.softmax(1).detach()
    same = (before - after).abs() < 1e-12
    assert same.sum(1).tolist() == [3, 3]


@pytest.mark.parametrize("rate", [0.01, 0.3])
def test_the_learning_rate_of_the_architecture_counts(rate: float) -> None:
    trainer = trainer_of(Chain(), arc_learning_rate=rate)
    alphas = trainer.mutator.logits.one.tables["5"]
    before = alphas.detach().clone()
    trainer._architecture_step()
    change = (alphas.detach() - before).abs()  # Adam's first step, of gradients well above eps
    assert change.max().item() == pytest.approx(rate, rel=0.01)


@pytest.mark.parametrize("mode", ["full", "two_path"])
def test_half_precision_with_a_scaled_loss(mode: str) -> None:
    trainer = trainer_of(Chain(), amp="fp16", arc_mode=mode, arc_every=1, num_epochs=2)
    before = [alpha.detach().clone() for alpha in trainer.mutator.parameters()]
    trainer.train()
    after = list(trainer.mutator.parameters())
    assert all(bool(torch.isfinite(alpha).all()) for alpha in after)
    assert any(not torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_whole_numbers_as_betas() -> None:
    trainer_of(Chain(), arc_betas=(0, 0.999)).train()


COSTS = {
    "left": [1.5, 2.0, 1.5],
    "right": [2.0, 1.5],
}


@pytest.mark.parametrize("mode", ["full", "two_path"])
@pytest.mark.parametrize(
    "form",
    [
        {"cost_form": "mul#log", "cost_strength": 20.0},
        {"cost_form": "add#linear", "cost_strength": 50.0},
        {"method": "reinforce", "cost_strength": 20.0, "baseline_decay": 0.9},
    ],
    ids=["mul#log", "add#linear", "reinforce"],
)
def test_a_cheap_candidate_wins_when_costs_count_enough(mode: str, form: dict[str, Any]) -> None:
    torch.manual_seed(0)
    trainer = make(
        PlantedNet(),
        num_epochs=10,
        dataset_train=PlantedData(256),
        batch_size=16,
        arc_every=1,
        arc_mode=mode,
        arc_learning_rate=0.05,
        cost=COSTS,
        seed=0,
        progress=False,
        **form,
    )
    trainer.train()
    found = trainer.export()
    assert found["left"] != "right_one"
    assert found["right"] == "blind"


def test_costs_that_count_little_lose() -> None:
    torch.manual_seed(0)
    trainer = make(
        PlantedNet(),
        num_epochs=16,
        dataset_train=PlantedData(256),
        batch_size=16,
        arc_every=1,
        arc_learning_rate=0.05,
        cost=COSTS,
        cost_form="add#linear",
        cost_strength=1e-3,
        seed=1,
        progress=False,
    )
    trainer.train()
    assert trainer.export()["right"] == "right_one"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"arc_every": 0}, "arc_every: must be a whole number >= 1, but got 0"),
        ({"warmup_epochs": 1.5}, "warmup_epochs: must be a whole number >= 0"),
        ({"num_epochs": 2, "warmup_epochs": 2}, "warmup_epochs: must be less than num_epochs=2"),
        ({"arc_mode": "two"}, "must be one of full, two_path, but got 'two'"),
        ({"method": "rl"}, "must be 'gradient' or 'reinforce', but got 'rl'"),
        ({"cost_form": "add"}, "must be 'mul#log', 'add#linear' or None"),
        ({"method": "reinforce", "cost_form": "mul#log"}, "costs in the reward: leave it out"),
        (
            {"cost": {"left": [0.1] * 3, "right": [0.1] * 2}},
            "cheapest: must be above 1 .* but is 0.2",
        ),
        ({"cost": COSTS, "cost_reference": 0.5}, "cost_reference: must be above 1 .* but is 0.5"),
        (
            {"cost": {"left": [0.0] * 3, "right": [0.0, 1.0]}, "method": "reinforce"},
            "cheapest: must be above 0 where rewards are divided by costs, but is 0",
        ),
        (
            {"cost": COSTS, "cost_form": "add#linear", "cost_reference": 0.0},
            "cost_reference: must be above 0",
        ),
    ],
)
def test_arguments_that_do_not_fit(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        trainer_of(PlantedNet(), **options)


def test_a_mutator_of_another_kind() -> None:
    model = PlantedNet()
    with pytest.raises(ConfigError, match="must be a BinaryGateMutator or None"):
        trainer_of(model, mutator=RandomMutator(model))


def test_a_table_of_another_model() -> None:
    with pytest.raises(SpaceMismatchError, match="right: missing: no costs"):
        trainer_of(PlantedNet(), cost={"left": [1.0, 2.0, 3.0]})


def test_reinforce_without_anything_to_maximize() -> None:
    model = PlantedNet()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with pytest.raises(ConfigError, match="needs a reward, or metrics"):
        ProxylessTrainer(model, F.cross_entropy, None, optimizer, 1, method="reinforce")


def test_a_reward_of_ones_own() -> None:
    model = PlantedNet()
    seen: list[int] = []

    def reward(output: Tensor, target: Tensor) -> float:
        seen.append(len(output))
        return 1.0

    trainer_of(model, method="reinforce", reward=reward, reward_samples=3, arc_every=2).train()
    assert seen == [16] * 3


def test_a_mutator_that_is_given_keeps_its_mode() -> None:
    model = PlantedNet()
    mutator = BinaryGateMutator(model, mode="two_path")
    trainer = trainer_of(model, mutator=mutator)
    assert trainer.mutator is mutator
    assert trainer.mutator.mode == "two_path"

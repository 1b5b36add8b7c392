"""ENAS."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from nas_tuners.contract.errors import ConfigError, TrainingError
from trial_api import LayerChoice
from trial_api.mutators import ControllerMutator, RandomMutator
from trial_api.oneshot import BaseTrainer, Callback, EnasTrainer
from trial_api.testing import OneShotSuite
from trial_api.testing._planted import WIDTH, PlantedData, PlantedNet, accuracy


def top1(output: Tensor, target: Tensor) -> float:
    return (output.argmax(1) == target).float().mean().item()


def make(model: nn.Module, **options: Any) -> EnasTrainer:
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9, weight_decay=1e-4)
    given = {
        "loss": F.cross_entropy,
        "metrics": accuracy,
        "reward_function": top1,
        "child_steps": None,
        "mutator_steps": 2,
        "mutator_steps_aggregate": 3,
        "final_samples": 3,
        "final_batches": 2,
        "bn_batches": 2,
    }
    return EnasTrainer(model, optimizer=optimizer, **{**given, **options})


class TestEnas(OneShotSuite):
    planted_options: ClassVar[dict[str, Any]] = {
        "mutator_lr": 0.01,
        "mutator_steps": 20,
        "mutator_steps_aggregate": 10,
        "search_fraction": 0.25,
        "final_samples": 10,
        "final_batches": 4,  # all of the held-out samples
    }

    def make_trainer(self, model: nn.Module, **options: Any) -> BaseTrainer:
        return make(model, **options)


class Normed(nn.Module):
    """With batch norm and dropout; gives auxiliary logits in training, if asked to."""

    def __init__(self, auxiliary: bool = False) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(3 * WIDTH)
        self.op = LayerChoice([nn.Conv2d(3 * WIDTH, 4, 1), nn.Conv2d(3 * WIDTH, 4, 1)], key="op")
        self.dropout = nn.Dropout(0.5)
        self.head = nn.Linear(4, 2)
        self.side = nn.Linear(4, 2) if auxiliary else None

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        features = self.dropout(self.op(self.norm(x)).mean((2, 3)))
        logits: Tensor = self.head(features)
        if self.side is None or not self.training:
            return logits
        return logits, self.side(features)


def small(model: nn.Module | None = None, **options: Any) -> EnasTrainer:
    data = {"dataset_train": PlantedData(80), "dataset_valid": PlantedData(16, seed=1)}
    given = {"num_epochs": 1, "batch_size": 4, "seed": 3, "progress": False, **data, **options}
    return make(model or PlantedNet(), **given)


# ---- the steps ----------------------------------------------------------------------------------


def test_what_an_epoch_costs() -> None:
    """A training step a child, and a forward pass a sample of the controller."""
    model = PlantedNet()
    passes = {True: 0, False: 0}

    def count(_module: Any, _inputs: Any, output: Tensor) -> None:
        passes[output.requires_grad] += 1

    model.head.register_forward_hook(count)
    options = {"child_steps": 7, "mutator_steps": 3, "mutator_steps_aggregate": 4}
    trainer = small(model, **options)
    trainer.train(validate=False)
    assert passes == {True: 7, False: 12}
    state = trainer._architecture.optimizer.state_dict()["state"]
    assert {int(entry["step"]) for entry in state.values()} == {3}, "one update for four samples"


def test_children_are_different_architectures() -> None:
    seen = set()
    trainer = small(child_steps=40, mutator_steps=1, callbacks=[_OnBatch(lambda it: note(it))])

    def note(it: BaseTrainer) -> None:
        seen.add(str(it.mutator.status()))

    trainer.train(validate=False)
    assert len(seen) > 6, "of twelve"


def test_held_out_batches_are_drawn_anew() -> None:
    """Every pass in another order; nothing is kept from the first one."""
    rewarded: list[tuple[float, ...]] = []

    def reward(output: Tensor, target: Tensor) -> float:
        rewarded.append(tuple(target.tolist()))
        return 0.5

    data = PlantedData(80)
    data.labels = torch.arange(80) % 2 + 2 * torch.arange(80)  # tells the samples apart
    trainer = small(
        dataset_train=data,
        reward_function=reward,
        child_steps=1,
        mutator_steps=3,
        mutator_steps_aggregate=2,
        loss=lambda output, target: F.cross_entropy(output, target % 2),
    )
    trainer.train(validate=False)
    passes = [rewarded[start : start + 2] for start in (0, 2, 4)]
    samples = [sorted(sum(one, ())) for one in passes]
    assert samples[0] == samples[1] == samples[2], "8 held-out samples are two batches"
    assert passes[0] != passes[1] != passes[2]


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_rewards_leave_the_supernet_as_it_is(mode: Any) -> None:
    model = Normed()
    seen = []

    def reward(output: Tensor, target: Tensor) -> float:
        seen.append((model.norm.training, model.dropout.training, output.requires_grad))
        return top1(output, target)

    trainer = small(model, reward_function=reward, reward_batch_norm=mode)
    state = copy.deepcopy(model.state_dict())
    for _ in range(3):
        trainer._train_controller()
    assert set(seen) == {(mode == "train", False, False)}
    assert all(torch.equal(state[name], value) for name, value in model.state_dict().items())
    assert model.training
    assert all(parameter.grad is None for parameter in model.parameters())


def test_the_auxiliary_loss_is_added_in_training() -> None:
    model = Normed(auxiliary=True)
    shapes = []

    def reward(output: Tensor, target: Tensor) -> Tensor:
        shapes.append(output.shape)
        return (output.argmax(1) == target).float().mean()

    trainer = small(model, reward_function=reward, aux_weight=0.25)
    trainer.mutator.reset()
    batch = trainer._loop.next_batch("train")
    torch.manual_seed(0)
    loss, output = trainer._forward(batch)
    logits, extra = output
    expected = F.cross_entropy(logits, batch.target) + 0.25 * F.cross_entropy(extra, batch.target)
    assert torch.equal(loss, expected)
    trainer.train()
    assert set(shapes) == {(4, 2)}
    assert trainer.validate().keys() == {"loss", "accuracy"}


def test_a_pair_of_outputs_may_mean_something_else() -> None:
    def pair_loss(output: Any, target: Tensor) -> Tensor:
        return F.cross_entropy(
            output[0] + output[1] if isinstance(output, tuple) else output, target
        )

    trainer = small(Normed(auxiliary=True), loss=pair_loss, metrics=None, aux_weight=None)
    trainer.train()
    assert trainer.validate().keys() == {"loss"}


def test_meters_keep_no_graph() -> None:
    trainer = small()
    trainer.train(validate=False)
    for meter in trainer._loop.meters:
        for value in (meter._sum, meter._last):
            assert not isinstance(value, Tensor) or not value.requires_grad
    names = {meter.name for meter in trainer._loop.meters}
    assert names >= {"loss", "accuracy", "reward", "baseline", "entropy", "skip_penalty"}


def test_published_settings_are_the_defaults() -> None:
    model = PlantedNet()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    data = PlantedData(2_000)
    trainer = EnasTrainer(model, F.cross_entropy, None, top1, optimizer, 1, data, progress=False)
    assert trainer._baseline.decay == 0.99
    child, controller = trainer._phases(0)
    assert (child.steps, controller.steps, trainer.mutator_steps_aggregate) == (500, 50, 20)
    held_out = len(trainer._loaders["search"].dataset)  # type: ignore[attr-defined]
    assert held_out == 200
    assert trainer._architecture.optimizer.param_groups[0]["lr"] == 3.5e-4


# ---- what it comes to ---------------------------------------------------------------------------


def test_the_export_is_the_best_of_several_samples() -> None:
    trainer = small(final_samples=8, final_batches=2, bn_batches=0)
    trainer.train(validate=False)
    samples = trainer._controller.sample(8, seed=trainer._final_seed).decisions
    rewards = [trainer._final_reward(decision) for decision in samples]
    assert len(set(rewards)) > 1
    decision = trainer._final_decision()
    assert decision == samples[rewards.index(max(rewards))]
    assert trainer.export() == {key: _named(trainer, key, decision) for key in decision}


def test_exporting_does_not_touch_the_search() -> None:
    """Not even the random numbers of an augmentation; and it does not depend on them."""
    trainer = small(dataset_train=PlantedData(80, noise=0.3))
    trainer.train()
    trainer.mutator.reset()
    before = _everything(trainer)
    exported = trainer.export()
    after = _everything(trainer)
    assert str(after) == str(before)
    assert torch.equal(after["random"], before["random"])
    torch.rand(3)
    assert trainer.export() == exported


def test_validation_judges_one_architecture() -> None:
    decided = []

    def metrics(output: Tensor, target: Tensor) -> dict[str, float]:
        decided.append(str(trainer.mutator.status()))
        return {"accuracy": top1(output, target)}

    trainer = small(metrics=metrics)
    trainer.train(validate=False)
    decided.clear()
    trainer.validate()
    assert len(decided) == 4
    assert len(set(decided)) == 1
    trainer.mutator.apply_on_model(trainer._final_decision())
    assert decided[0] == str(trainer.mutator.status())


# ---- mistakes -----------------------------------------------------------------------------------


@pytest.mark.parametrize("reward", [None, "good", {"accuracy": 0.5}, torch.zeros(2), True])
def test_a_reward_that_is_no_number(reward: Any) -> None:
    trainer = small(reward_function=lambda output, target: reward)
    with pytest.raises(TrainingError, match="reward_function must return a number, but got"):
        trainer.train()


@pytest.mark.parametrize("reward", [math.nan, math.inf, torch.tensor(-math.inf)])
def test_a_reward_that_is_not_finite(reward: Any) -> None:
    trainer = small(reward_function=lambda output, target: reward)
    with pytest.raises(TrainingError, match=r"returned -?\w+ in epoch 0, batch 0 of controller"):
        trainer.train()


def test_wrong_arguments_are_told_together_and_bind_nothing() -> None:
    model = PlantedNet()
    wrong: dict[str, Any] = {
        "child_steps": 0,
        "mutator_steps_aggregate": 1.5,
        "final_samples": True,
        "baseline_decay": 1.0,
        "reward_batch_norm": "test",
        "reward_function": 3,
    }
    with pytest.raises(ConfigError) as caught:
        small(model, **wrong)
    assert {problem.where for problem in caught.value.problems} == wrong.keys()
    ControllerMutator(model)


def test_only_a_controller_learns() -> None:
    model = PlantedNet()
    with pytest.raises(ConfigError, match="which learns, but got a RandomMutator"):
        small(model, mutator=RandomMutator(model))


def test_a_controller_of_ones_own() -> None:
    model = PlantedNet()
    controller = ControllerMutator(model, lstm_size=8, seed=0)
    trainer = small(model, mutator=controller)
    before = copy.deepcopy(controller.state_dict())
    trainer.train()
    assert trainer.mutator is controller
    assert not torch.equal(before["network.start"], controller.state_dict()["network.start"])


class _OnBatch(Callback):
    def __init__(self, function: Callable[[BaseTrainer], None]) -> None:
        self.function = function

    def on_batch_end(self, epoch: int, batch: int) -> None:
        self.function(self.trainer)


def _named(trainer: EnasTrainer, key: str, decision: Any) -> Any:
    (index,) = decision[key].indices
    name = trainer.mutator.search_space.to_dict()[key]["_value"]
    return [name["candidates"][index]] if isinstance(name, dict) else name[index]


def _everything(trainer: EnasTrainer) -> dict[str, Any]:
    parts = {name: part.state_dict() for name, part in trainer._parts.items()}
    streams = {name: stream.state_dict() for name, stream in trainer._loop.streams.items()}
    return {
        "parts": copy.deepcopy(parts),
        "streams": copy.deepcopy(streams),
        "decided": trainer.mutator.status(),
        "random": torch.random.get_rng_state(),
    }

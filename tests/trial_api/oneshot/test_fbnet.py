"""FBNet: the phases of an epoch, the temperature, and the costs of the very draw that runs."""

from __future__ import annotations

import copy
import math
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from nas_tuners.contract.errors import ConfigError, SpaceMismatchError
from search_spaces import fbnet
from trial_api import apply_fixed_architecture, load_supernet_state_dict, search_space
from trial_api.mutators import SoftmaxMutator
from trial_api.oneshot import (
    BaseTrainer,
    FBNetTrainer,
    ModelCheckpoint,
    candidate_costs,
    load_costs,
    save_costs,
)
from trial_api.testing import OneShotSuite
from trial_api.testing._planted import PlantedData, PlantedNet, accuracy

COSTS = {"left": [1.5, 40.0, 1.5], "right": [40.0, 1.5]}


def make(model: nn.Module, **options: Any) -> FBNetTrainer:
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    return FBNetTrainer(model, F.cross_entropy, accuracy, optimizer, **options)


class TestWithoutCosts(OneShotSuite):
    planted_options: ClassVar[dict[str, Any]] = {
        "arc_learning_rate": 0.2,
        "initial_temperature": 1.0,
        "temperature_decay": 0.9,
        "warmup_epochs": 1,
        "search_fraction": 0.5,
    }
    planted_epochs = 16

    def make_trainer(self, model: nn.Module, **options: Any) -> BaseTrainer:
        return make(model, **{"warmup_epochs": 0, **options})


def trainer_of(model: nn.Module, **options: Any) -> FBNetTrainer:
    torch.manual_seed(0)
    defaults = {"batch_size": 16, "seed": 0, "progress": False, "num_epochs": 1}
    defaults["warmup_epochs"] = 0
    return make(model, **{"dataset_train": PlantedData(160), **defaults, **options})


def test_an_epoch_trains_weights_on_four_fifths_then_the_architecture_on_the_rest() -> None:
    trainer = trainer_of(PlantedNet(), warmup_epochs=1, num_epochs=2)
    warm_up, after = trainer._phases(0), trainer._phases(1)
    assert [(phase.name, phase.streams, phase.steps) for phase in warm_up] == [
        ("weights", ("train",), 8)
    ]
    assert [(phase.name, phase.streams, phase.steps) for phase in after] == [
        ("weights", ("train",), 8),
        ("search", ("search",), 2),
    ]


def test_warm_up_leaves_the_architecture_alone() -> None:
    trainer = trainer_of(PlantedNet(), warmup_epochs=1, num_epochs=2)
    before = copy.deepcopy(dict(trainer.mutator.named_parameters()))
    trainer._loop.run_epoch(trainer._phases(0))
    assert all(torch.equal(before[n], p) for n, p in trainer.mutator.named_parameters())
    trainer._loop.end_epoch()
    trainer._loop.run_epoch(trainer._phases(1))
    assert any(not torch.equal(before[n], p) for n, p in trainer.mutator.named_parameters())


def test_all_candidates_are_equally_probable_at_first() -> None:
    trainer = trainer_of(PlantedNet())
    for row in trainer.mutator.logits.probabilities().values():
        assert row.tolist() == pytest.approx([1 / len(row)] * len(row))


def test_the_temperature_falls_from_epoch_to_epoch_and_is_used() -> None:
    trainer = trainer_of(PlantedNet())
    spread = []
    for epoch in (0, 1, 200):
        trainer._phases(epoch)
        assert trainer.mutator.temperature == pytest.approx(5.0 * math.exp(-0.045 * epoch))
        trainer.mutator.reset()
        spread.append(max(trainer.mutator.status()["left"]) - 1 / 3)
    assert spread[0] < 0.5
    assert spread[2] == pytest.approx(2 / 3, abs=1e-3)


def test_a_resumed_search_goes_on_at_its_temperature(tmp_path: Path) -> None:
    trainer = trainer_of(PlantedNet(), num_epochs=3, callbacks=[ModelCheckpoint(tmp_path)])
    trainer.train()
    again = trainer_of(PlantedNet(), num_epochs=4)
    again.resume(tmp_path / "epoch_2.pt")
    again.train()
    assert again.mutator.temperature == pytest.approx(5.0 * math.exp(-0.045 * 3))


class Watching(PlantedNet):
    """Keeps the weights that its candidates were mixed with."""

    def forward(self, x: Tensor) -> Tensor:
        runner: Any = self.left._run
        decided = runner.__self__._current()
        self.seen = {key: decided[key].mask().detach() for key in ("left", "right")}
        return super().forward(x)


def test_costs_are_those_of_the_draw_that_ran() -> None:
    model = Watching()
    trainer = trainer_of(model, cost=COSTS)
    trainer.mutator.temperature = 0.5
    batch = trainer._loop.next_batch("search")
    for _ in range(3):
        values = trainer._architecture_step(batch)
        expected = sum(float(model.seen[key] @ torch.tensor(COSTS[key])) for key in COSTS)
        assert float(values["cost"]) == pytest.approx(expected, rel=1e-6)


def test_costs_are_no_part_of_the_loss_of_the_weights() -> None:
    plain, costly = (
        trainer_of(PlantedNet(), **options) for options in ({}, {"cost": COSTS, "alpha": 100.0})
    )
    for trainer in (plain, costly):
        trainer._weight_step(trainer._loop.next_batch("train"))
    states = [trainer.model.state_dict() for trainer in (plain, costly)]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


@pytest.mark.parametrize(
    "form", [{"cost_form": "mul", "beta": 6.0}, {"cost_form": "add", "alpha": 1.0, "beta": 1.0}]
)
def test_a_cheap_candidate_wins_when_costs_count_enough(form: dict[str, Any]) -> None:
    options = {"num_epochs": 8, "arc_learning_rate": 0.1, "warmup_epochs": 0, "cost": COSTS}
    trainer = trainer_of(PlantedNet(), **options, **form)
    trainer.train()
    found = trainer.export()
    assert found["left"] != "right_one"
    assert found["right"] == "blind"


@pytest.mark.parametrize("rate", [0.01, 0.3])
def test_the_learning_rate_of_the_architecture_counts(rate: float) -> None:
    trainer = trainer_of(PlantedNet(), arc_learning_rate=rate)
    alphas = trainer.mutator.logits.one.tables["3"]
    trainer._architecture_step(trainer._loop.next_batch("search"))
    assert alphas.detach().abs().max().item() == pytest.approx(rate, rel=0.01)


def test_validation_has_no_noise() -> None:
    trainer = trainer_of(PlantedNet(), dataset_valid=PlantedData(64, seed=1))
    assert trainer.validate() == trainer.validate()


def test_a_space_of_several_stages_with_a_table_from_a_file(tmp_path: Path) -> None:
    def build() -> nn.Module:
        return fbnet(12, 2, stages=[(4, 1, 1), (4, 2, 1), (8, 1, 1)], stem_channels=4)

    model = build()
    images = PlantedData(2).images.repeat(1, 1, 2, 2)
    save_costs(candidate_costs(model, images), tmp_path / "flops.json")
    costs = load_costs(tmp_path / "flops.json", search_space(model))
    data = PlantedData(40)
    data.images = data.images.repeat(1, 1, 2, 2)
    trainer = trainer_of(
        model, cost=costs, warmup_epochs=0, dataset_train=data, dataset_valid=data, batch_size=4
    )
    trainer.train()
    trainer.export(tmp_path / "best.json")
    plain = apply_fixed_architecture(build(), tmp_path / "best.json")
    load_supernet_state_dict(plain, trainer.model.state_dict())
    plain.eval()
    trainer.bn_batches = 0  # the statistics of the supernet, which the network inherits
    judged = trainer.validate()
    with torch.no_grad():
        loss = F.cross_entropy(plain(data.images), data.labels)
    assert judged["loss"] == pytest.approx(loss.item(), rel=1e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cost_form": "log"}, "must be 'mul' or 'add', but got 'log'"),
        ({"initial_temperature": 0}, "initial_temperature: must be a number > 0, but got 0"),
        ({"temperature_decay": 1.5}, "must be above 0 and at most 1, but got 1.5"),
        ({"warmup_epochs": -1}, "warmup_epochs: must be a whole number >= 0, but got -1"),
        ({"num_epochs": 10, "warmup_epochs": 10}, "warmup_epochs: must be less than num_epochs"),
        (
            {"cost": {"left": [0.1] * 3, "right": [0.1] * 2}},
            "cheapest: must be above 1 where the logarithm .* but is 0.2",
        ),
    ],
)
def test_arguments_that_do_not_fit(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        trainer_of(PlantedNet(), **options)


def test_small_costs_are_fine_where_no_logarithm_is_taken() -> None:
    cost = {"left": [0.1] * 3, "right": [0.1] * 2}
    trainer_of(PlantedNet(), cost=cost, cost_form="add", warmup_epochs=0).train()


def test_a_mutator_of_another_kind() -> None:
    model = PlantedNet()
    with pytest.raises(ConfigError, match="must be a GumbelSoftmaxMutator or None"):
        trainer_of(model, mutator=SoftmaxMutator(model))


def test_a_table_of_another_model() -> None:
    with pytest.raises(SpaceMismatchError, match="left: expected 3 costs"):
        trainer_of(PlantedNet(), cost={**COSTS, "left": [2.0]})

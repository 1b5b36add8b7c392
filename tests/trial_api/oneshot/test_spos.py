"""Single Path One-Shot: training by uniform paths, and the search afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from nas_tuners import GridSearchTuner
from nas_tuners.contract.errors import ConfigError, SpaceMismatchError
from trial_api import search_space
from trial_api.oneshot import BaseTrainer, Callback, ModelCheckpoint, SposTrainer
from trial_api.oneshot._cost_bins import CostBins
from trial_api.testing import OneShotSuite
from trial_api.testing._planted import MixedNet, PlantedData, PlantedNet, accuracy

COST = {"left": [1.0, 2.0, 3.0], "right": [10.0, 20.0]}


def make(model: nn.Module, **options: Any) -> SposTrainer:
    optimizer = torch.optim.SGD(model.parameters(), 0.05, weight_decay=1e-4)
    return SposTrainer(model, F.cross_entropy, accuracy, optimizer, **options)


class TestSpos(OneShotSuite):
    def make_trainer(self, model: nn.Module, **options: Any) -> BaseTrainer:
        return make(model, **options)

    def finish(self, trainer: BaseTrainer) -> None:
        assert isinstance(trainer, SposTrainer)
        trainer.search(GridSearchTuner(optimize_mode="minimize"), 12, metric="loss")


class Decisions(Callback):
    """Keeps what was decided in each step."""

    def __init__(self) -> None:
        self.seen: list[dict[str, tuple[int, ...]]] = []

    def on_batch_end(self, epoch: int, batch: int) -> None:
        decided = self.trainer.mutator.status()
        self.seen.append({k: tuple(i for i, on in enumerate(v) if on) for k, v in decided.items()})


def run(model: nn.Module, **options: Any) -> Decisions:
    decisions = Decisions()
    torch.manual_seed(0)
    given = {"num_epochs": 3, "batch_size": 4, "seed": 2, "progress": False, **options}
    trainer = make(model, dataset_train=PlantedData(400), callbacks=[decisions], **given)
    trainer.train()
    return decisions


def test_every_step_trains_one_path_and_all_paths_equally() -> None:
    seen = run(PlantedNet()).seen
    assert len(seen) == 270  # a tenth is held out
    assert all(len(chosen) == 1 for one in seen for chosen in one.values())
    for key, n in {"left": 3, "right": 2, "source": 2}.items():
        for index in range(n):
            share = sum(one[key] == (index,) for one in seen) / len(seen)
            assert share == pytest.approx(1 / n, abs=0.1)


def test_input_choices_run_as_many_as_they_ask_for() -> None:
    for one in run(MixedNet(), num_epochs=2, batch_size=16).seen:
        assert len(one["two"]) == 2
        assert 1 <= len(one["range"]) <= 2
        assert len(one["shared"]) == 1


def test_what_does_not_run_does_not_move() -> None:
    """Neither momentum nor weight decay touch it."""
    model = PlantedNet()
    torch.manual_seed(0)
    trainer = make(
        model, num_epochs=1, dataset_train=PlantedData(64), batch_size=8, seed=0, progress=False
    )
    trainer.train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    batch = trainer._loop.next_batch("train")
    trainer._step(batch)
    ran = {key: on.index(True) for key, on in trainer.mutator.status().items()}
    for key in ("left", "right"):
        choice = getattr(model, key)
        for index, name in enumerate(choice.names):
            moved = [
                not torch.equal(value, before[f"{key}.{name}.{inner}"])
                for inner, value in choice[index].state_dict().items()
            ]
            assert any(moved) == (index == ran[key])


def test_costs_are_spread_evenly_over_the_bins() -> None:
    seen = run(PlantedNet(), cost=COST, cost_bounds=(11.0, 23.0), cost_bins=2).seen
    cheap = [one for one in seen if one["right"] == (0,)]
    assert len(cheap) / len(seen) == pytest.approx(0.5, abs=0.1)
    narrow = run(PlantedNet(), cost=COST, cost_bounds=(22.5, 23.5), cost_bins=1).seen
    assert {(one["left"], one["right"]) for one in narrow} == {((2,), (1,))}


def test_an_empty_bin_gives_any_architecture() -> None:
    space = search_space(PlantedNet())
    bins = CostBins(space, COST, bounds=(100.0, 200.0), bins=3, tries=5, seed=0)
    costs = {bins.cost(bins.sample()) for _ in range(200)}
    assert costs == {11.0, 12.0, 13.0, 21.0, 22.0, 23.0}


def test_cost_bins_are_resumed(tmp_path: Path) -> None:
    options: dict[str, Any] = {"cost": COST, "cost_bounds": (11.0, 23.0), "num_epochs": 2}
    whole = run(PlantedNet(), **options).seen
    half = make(
        PlantedNet(),
        dataset_train=PlantedData(400),
        batch_size=4,
        seed=2,
        progress=False,
        callbacks=[ModelCheckpoint(tmp_path)],
        **{**options, "num_epochs": 1},
    )
    half.train()
    rest = Decisions()
    resumed = make(
        PlantedNet(),
        dataset_train=PlantedData(400),
        batch_size=4,
        seed=2,
        progress=False,
        callbacks=[rest],
        **options,
    )
    resumed.resume(tmp_path / "epoch_0.pt")
    resumed.train()
    assert rest.seen == whole[90:]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"cost_bounds": (1.0, 2.0)}, ConfigError, "cost_bounds: needs `cost`"),
        ({"cost": COST, "cost_bounds": (2.0, 1.0)}, ConfigError, "`low < high`"),
        ({"cost": COST, "cost_bounds": (1.0, 2.0), "cost_bins": 0}, ConfigError, "cost_bins=0"),
        ({"cost": {"lefd": [1.0]}}, SpaceMismatchError, "did you mean 'left'"),
    ],
)
def test_wrong_costs(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        run(PlantedNet(), **options)

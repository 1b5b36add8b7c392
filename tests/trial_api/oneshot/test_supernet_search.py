"""Searching a trained supernet with any tuner, and judging single architectures."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.utils.data import DataLoader

from nas_tuners import (
    GridSearchTuner,
    OptunaTuner,
    RandomTuner,
    RegularizedEvolutionTuner,
    SearchSpaceExhausted,
    SPOSEvolutionTuner,
    Tuner,
)
from nas_tuners.contract.errors import (
    ArchitectureError,
    CheckpointError,
    ConfigError,
    TrainingError,
)
from trial_api import (
    LayerChoice,
    apply_fixed_architecture,
    load_supernet_state_dict,
    model_space,
)
from trial_api.nn import add_constraint
from trial_api.oneshot import BenderTrainer, SposTrainer, SupernetEvaluator
from trial_api.oneshot._supernet_search import _in_order
from trial_api.testing._planted import PlantedData, PlantedNet, accuracy

SIZE = 12  # architectures of PlantedNet
COST = {"left": [1.0, 2.0, 3.0], "right": [1.0, 2.0]}


class NormedNet(nn.Module):
    """Two candidates of very different scales before a shared batch norm."""

    def __init__(self) -> None:
        super().__init__()
        self.op = LayerChoice({"small": nn.Conv2d(12, 4, 1), "large": Scaled(50.0)}, key="op")
        self.norm = nn.BatchNorm2d(4)
        self.head = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.head(self.norm(self.op(x)).mean((2, 3)))
        return result


class Scaled(nn.Module):
    def __init__(self, scale: float) -> None:
        super().__init__()
        self.conv = nn.Conv2d(12, 4, 1)
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.scale * self.conv(x) + self.scale
        return result


def trained(
    model: nn.Module | None = None, *, kind: Any = SposTrainer, epochs: int = 1, **options: Any
) -> Any:
    torch.manual_seed(0)
    model = model or PlantedNet()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    trainer = kind(
        model,
        F.cross_entropy,
        options.pop("metrics", accuracy),
        optimizer,
        epochs,
        PlantedData(64),
        PlantedData(32, seed=1),
        **{"batch_size": 8, "seed": 3, "progress": False, "search_fraction": 0.5, **options},
    )
    trainer.train(validate=False)
    return trainer


def tuners() -> dict[str, Tuner]:
    return {
        "spos": SPOSEvolutionTuner(population_size=4, top_k=2, seed=0),
        "evolution": RegularizedEvolutionTuner(population_size=4, sample_size=2, seed=0),
        "random": RandomTuner(seed=0),
        "optuna": OptunaTuner(optuna.samplers.TPESampler(n_startup_trials=4), seed=0),
    }


@pytest.mark.parametrize("name", list(tuners()))
@pytest.mark.parametrize("kind", [SposTrainer, BenderTrainer])
def test_any_tuner_searches_and_the_best_is_what_is_exported(kind: Any, name: str) -> None:
    trainer = trained(kind=kind)
    best = trainer.search(tuners()[name], 10)
    values = {str(architecture): value for architecture, value in trainer.history}
    assert len(trainer.history) == len(values) == 10
    assert trainer.export() == best
    assert values[str(best)] == max(values.values())
    for architecture, value in trainer.history:
        assert trainer.evaluate(architecture)["accuracy"] == value


def test_a_search_for_the_least_loss() -> None:
    trainer = trained()
    best = trainer.search(GridSearchTuner(optimize_mode="minimize"), 100, metric="loss")
    assert len(trainer.history) == SIZE  # the space ends, without an error
    values = [value for _, value in trainer.history]
    assert trainer.evaluate(best)["loss"] == min(values)
    assert trainer.validate()["loss"] != min(values)  # that is on other data


@model_space
class NoOther(PlantedNet):
    """Of which 4 architectures fit."""

    def __init__(self) -> None:
        super().__init__()
        add_constraint(is_honest, attempts=100)


def is_honest(architecture: dict[str, Any]) -> bool:
    return architecture["left"] != "other_sample" and architecture["source"] == ["signal"]


@pytest.mark.parametrize("name", list(tuners()))
def test_a_tuner_keeps_to_the_constraints_of_the_model(name: str) -> None:
    trainer = trained(NoOther())
    trainer.search(tuners()[name], 10)
    assert len(trainer.history) == 4
    assert all(is_honest(architecture) for architecture, _ in trainer.history)
    assert is_honest(trainer.export())


def test_what_breaks_a_constraint_is_not_evaluated_whoever_proposes_it() -> None:
    told: list[tuple[int, Any]] = []

    class Enumeration:
        """The contract and no more."""

        def update_search_space(self, search_space: Mapping[str, Any]) -> None:
            assert search_space.keys() == COST.keys() | {"source"}

        def generate_parameters(self, parameter_id: int) -> dict[str, Any]:
            if parameter_id == 3:
                raise SearchSpaceExhausted("that was all")
            return {"left": {"_idx": parameter_id}, "right": {"_idx": 0}, "source": {"_idx": [1]}}

        def receive_trial_result(self, parameter_id: int, parameters: Any, value: Any) -> None:
            told.append((parameter_id, value))

        def trial_end(self, parameter_id: int, success: bool) -> None:
            assert success == (parameter_id < 2)

    trainer = trained(NoOther())
    trainer.search(Enumeration(), 5)
    assert [value for _, value in trainer.history][2] is None
    assert [number for number, value in told if value is None] == [2]
    assert is_honest(trainer.export())


def test_what_the_tuner_is_told() -> None:
    heard: list[Any] = []

    class Listener:
        """The contract and no more."""

        def update_search_space(self, search_space: Mapping[str, Any]) -> None:
            heard.append(list(search_space))

        def generate_parameters(self, parameter_id: int) -> dict[str, Any]:
            if parameter_id == 2:
                raise SearchSpaceExhausted("that was all")
            heard.append(parameter_id)
            return {"left": {"_idx": parameter_id}, "right": {"_idx": 0}, "source": {"_idx": [1]}}

        def receive_trial_result(self, parameter_id: int, parameters: Any, value: Any) -> None:
            heard.append((parameter_id, parameters["left"]["_idx"], value))

        def trial_end(self, parameter_id: int, success: bool) -> None:
            heard.append((parameter_id, success))

    trainer = trained()
    trainer.search(Listener(), 5)
    first, second = (value for _, value in trainer.history)
    assert heard == [
        ["left", "right", "source"],
        *[0, (0, 0, first), (0, True)],
        *[1, (1, 1, second), (1, True)],
    ]


@pytest.mark.parametrize("name", list(tuners()))
def test_an_interrupted_search_goes_on_as_if_it_had_not_been(name: str, tmp_path: Path) -> None:
    whole = trained()
    whole.search(tuners()[name], 10)
    stopped = trained()
    file = tmp_path / "search.pt"
    seen: list[Any] = []

    def stop(architecture: dict[str, Any], value: float | None) -> None:
        seen.append((architecture, value))
        stopped.checkpoint(file)
        if len(seen) == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped.search(tuners()[name], 10, on_result=stop)
    resumed = trained(epochs=1)
    resumed.resume(file)
    assert resumed.history == seen == whole.history[:6]
    resumed.train()  # nothing is left
    assert resumed.search(tuners()[name], 10) == whole.export()
    assert resumed.history == whole.history


def test_the_same_tuner_goes_on() -> None:
    whole, parts = trained(), trained()
    whole.search(tuners()["spos"], 9)
    tuner = tuners()["spos"]
    for evaluations in (4, 4, 9):
        parts.search(tuner, evaluations)
    assert parts.history == whole.history


def test_values_of_other_weights_are_not_mixed(caplog: pytest.LogCaptureFixture) -> None:
    trainer = trained()
    trainer.search(RandomTuner(seed=0), 3)
    trainer.num_epochs = 2
    trainer.train(validate=False)
    with caplog.at_level(logging.WARNING):
        trainer.search(RandomTuner(seed=1), 2)
    assert len(trainer.history) == 2
    assert "the history of 3 architectures was measured otherwise" in caplog.text


def test_costly_architectures_are_not_evaluated() -> None:
    trainer = trained(cost=COST)
    trainer.search(GridSearchTuner(), SIZE, cost_limit=3.0)
    names = {"left": ["blind", "right_one", "other_sample"], "right": ["right_one", "blind"]}
    for architecture, value in trainer.history:
        chosen = {key: names[key].index(architecture[key]) for key in COST}
        assert (value is None) == (sum(COST[key][i] for key, i in chosen.items()) > 3.0)
    assert len(trainer.history) == SIZE


def test_a_search_in_which_nothing_is_cheap_enough_ends() -> None:
    trainer = trained(cost=COST)
    with pytest.raises(TrainingError, match=r"none of 1000 .* cost more than cost_limit=0\.5"):
        trainer.search(RandomTuner(seed=0, dedup=False), 5, cost_limit=0.5)
    assert len(trainer.history) == 1000
    assert all(value is None for _, value in trainer.history)


def test_values_that_are_not_finite_have_failed() -> None:
    def some(output: Tensor, target: Tensor) -> dict[str, float]:
        left = trainer.mutator.status()["left"]
        return {"score": float("nan") if left[0] else 1.0}

    trainer = trained(metrics=some, epochs=0)
    tuner = GridSearchTuner()
    trainer.search(tuner, SIZE)
    failed = [value is None for architecture, value in trainer.history]
    blind = [architecture["left"] == "blind" for architecture, _ in trainer.history]
    assert failed == blind
    assert trainer.export()["left"] != "blind"


@pytest.mark.parametrize(
    ("tuner", "options", "message"),
    [
        (RandomTuner(), {"metric": "acuracy"}, "no metric 'acuracy'; did you mean 'accuracy'"),
        (RandomTuner(), {"metric": "loss"}, "make the tuner with optimize_mode='minimize'"),
        (RandomTuner(), {"cost_limit": 1.0}, "cost_limit: needs `cost`"),
        (
            RandomTuner(optimize_mode={"default": "maximize", "cost": "<= 1"}),
            {},
            "one objective.*`cost_limit`",
        ),
    ],
)
def test_what_does_not_go_together(tuner: Tuner, options: dict[str, Any], message: str) -> None:
    trainer = trained()
    with pytest.raises(ConfigError, match=message):
        trainer.search(tuner, 3, **options)
    assert trainer.history == []


@pytest.mark.parametrize("options", [{"candidates": 0}, {"bn_batches": -1}])
def test_counts_are_not_negative(options: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="`candidates >= 1` and `bn_batches >= 0` must hold"):
        trained(**options)


def test_statistics_are_estimated_for_each_architecture() -> None:
    """An evaluation equals that of the plain network in which batch norm has seen its data."""
    trainer = trained(NormedNet(), epochs=2, bn_batches=4)
    weights = trainer.model.state_dict()
    before = {name: value.clone() for name, value in weights.items()}
    for name in ("small", "large"):
        judged = trainer.evaluate({"op": name})
        plain = apply_fixed_architecture(NormedNet(), {"op": name})
        load_supernet_state_dict(plain, weights)
        batches = [batch.args[0] for batch in trainer._statistics_batches()]
        with torch.no_grad():
            inputs = torch.stack([plain.op(x) for x in batches])
            plain.norm.running_mean = inputs.mean((0, 1, 3, 4))
            plain.norm.running_var = inputs.var((1, 3, 4)).mean(0)
            plain.eval()
            held_out = list(_in_order(trainer))
            output = plain(torch.cat([x for x, _ in held_out]))
            expected = F.cross_entropy(output, torch.cat([y for _, y in held_out]))
        assert judged["loss"] == pytest.approx(expected.item(), rel=1e-4)
    after = trainer.model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_without_estimates_the_supernets_statistics_count() -> None:
    one, other = (trained(NormedNet(), epochs=2, bn_batches=n) for n in (0, 4))
    assert one.evaluate({"op": "small"})["loss"] > other.evaluate({"op": "small"})["loss"] + 0.01


def test_all_held_out_samples_count_once() -> None:
    sizes: list[int] = []

    def count(output: Tensor, target: Tensor) -> float:
        sizes.append(len(target))
        return 0.0

    trainer = trained(metrics=count, epochs=0, search_fraction=0.3)
    trainer.evaluate({"left": 0, "right": 0, "source": [0]})
    assert sizes == [8, 8, 3]


def test_a_resumed_search_holds_out_what_the_first_did(tmp_path: Path) -> None:
    first, resumed = trained(seed=4), trained(seed=5, epochs=0)
    first.checkpoint(tmp_path / "file.pt")
    resumed.resume(tmp_path / "file.pt")
    architecture = {"left": 0, "right": 0, "source": [0]}
    assert resumed.evaluate(architecture) == first.evaluate(architecture)


def test_before_a_search_the_best_of_some_random_ones_is_exported() -> None:
    trainer = trained(candidates=200)
    losses = {
        (left, right, source): trainer.evaluate(
            {"left": left, "right": right, "source": [source]}
        )["loss"]
        for left in range(3)
        for right in range(2)
        for source in range(2)
    }
    assert trainer.evaluate(trainer.export())["loss"] == min(losses.values())


def test_training_validates_one_random_architecture(caplog: pytest.LogCaptureFixture) -> None:
    trainer = trained(epochs=0, candidates=1)
    trainer.num_epochs = 1
    with caplog.at_level(logging.INFO):
        trainer.train()
    assert f"random_accuracy: {trainer.validate()['accuracy']:.4f}" in caplog.text


class TestEvaluator:
    ARCHITECTURE = {"left": "right_one", "right": 0, "source": [False, True]}  # noqa: RUF012

    def loader(self, length: int, seed: int) -> DataLoader[Any]:
        return DataLoader(PlantedData(length, seed=seed), batch_size=8)

    def test_it_gives_what_the_trainer_gives(self, tmp_path: Path) -> None:
        trainer = trained(NormedNet(), epochs=2, bn_batches=4)
        trainer.checkpoint(tmp_path / "supernet.pt")
        held_out = list(_in_order(trainer))
        own = [(b.args[0], b.target) for b in trainer._statistics_batches()]
        for weights in (tmp_path / "supernet.pt", trainer.model.state_dict()):
            evaluator = SupernetEvaluator(
                NormedNet(),
                weights,
                loss=F.cross_entropy,
                metrics=accuracy,
                loader=held_out,
                train_loader=own,
                bn_batches=4,
            )
            for name in ("small", "large"):
                assert evaluator.evaluate_all({"op": name}) == trainer.evaluate({"op": name})

    def test_it_is_an_objective_for_optuna(self) -> None:
        model = PlantedNet()
        evaluator = SupernetEvaluator(
            model, loss=F.cross_entropy, metrics=accuracy, loader=self.loader(32, 1)
        )

        def objective(trial: optuna.Trial) -> float:
            right = trial.suggest_categorical("right", ["right_one", "blind"])
            return evaluator.evaluate({**self.ARCHITECTURE, "right": right})

        study = optuna.create_study(direction="maximize")
        study.optimize(objective, 3)
        assert study.best_value == evaluator.evaluate({**self.ARCHITECTURE, **study.best_params})

    def test_it_reads_what_tuners_emit(self) -> None:
        evaluator = SupernetEvaluator(
            PlantedNet(), loss=F.cross_entropy, loader=self.loader(32, 1)
        )
        parameters = {
            "left": {"_value": "right_one", "_idx": 1},
            "right": {"_value": "right_one", "_idx": 0},
            "source": {"_value": ["signal"], "_idx": [1]},
        }
        assert evaluator.evaluate(parameters) == evaluator.evaluate(self.ARCHITECTURE)
        with pytest.raises(ArchitectureError, match="did you mean 'left'"):
            evaluator.evaluate({**self.ARCHITECTURE, "lefd": 0})

    def test_weights_that_do_not_fit(self, tmp_path: Path) -> None:
        trainer = trained(NormedNet(), epochs=0)
        trainer.checkpoint(tmp_path / "supernet.pt")
        with pytest.raises(CheckpointError, match="nothing was loaded"):
            SupernetEvaluator(
                PlantedNet(),
                tmp_path / "supernet.pt",
                loss=F.cross_entropy,
                loader=self.loader(8, 0),
            )


@pytest.mark.parametrize("given", [optuna.samplers.RandomSampler(), RandomTuner, None])
def test_only_tuners_search(given: Any) -> None:
    with pytest.raises(ConfigError, match=r"tuner: must be a tuner.* OptunaTuner\(sampler\)"):
        trained(epochs=0).search(given, 1)

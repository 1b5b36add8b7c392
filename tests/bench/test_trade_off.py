from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from benchmarks.tables.trade_off import load, search
from nas_tuners.bench import TradeOff, load_table, search_trade_off
from nas_tuners.contract.errors import ConfigError, TableError


@pytest.fixture
def goal(data: Path, monkeypatch: pytest.MonkeyPatch) -> TradeOff:
    monkeypatch.setenv("NAS_TUNERS_DATA", str(data))
    return load()


def test_the_share_falls_from_one_to_nothing(goal: TradeOff) -> None:
    rng = Random(0)
    some = [goal.table.space.sample(rng) for _ in range(200)]
    assert goal.missing_share([]) == 1.0
    shares = [goal.missing_share(some[:count]) for count in (1, 20, 200)]
    assert 1.0 >= shares[0] > shares[1] > shares[2] > 0.0
    assert goal.missing_share(list(goal.table.space.enumerate())) == pytest.approx(0.0)


def test_half_of_all_architectures_are_below_the_corner(goal: TradeOff) -> None:
    vectors = list(goal.table.space.enumerate())
    accuracies = [goal.table.validation(vector) or 0.0 for vector in vectors]
    latencies = [goal.table.latency(vector, "pixel3") for vector in vectors]
    below = sum(accuracy < goal.corner[0] for accuracy in accuracies)
    slower = sum(-latency < goal.corner[1] for latency in latencies)
    assert below == pytest.approx(len(vectors) / 2, rel=0.01)
    assert slower == pytest.approx(len(vectors) / 2, rel=0.01)


@pytest.mark.parametrize("method", ["random", "optuna-nsga2"])
def test_a_search_is_stored_and_repeatable(goal: TradeOff, method: str) -> None:
    first, second = (search(method, goal, 3) for _ in range(2))
    assert first["missing_share"] == second["missing_share"]
    shares = first["missing_share"]
    assert 1.0 > shares["50"] >= shares["100"] >= shares["200"] > 0.0
    assert (first["seed"], first["evaluations"]) == (3, 200)


@pytest.mark.parametrize(
    ("table", "device", "message"),
    [
        ("nasbench201-cifar10", "pixle3", "did you mean 'pixel3'"),
        ("nasbench-macro", "pixel3", "no latency on 'pixel3' \\(devices: none\\)"),
    ],
)
def test_an_unknown_device(data: Path, table: str, device: str, message: str) -> None:
    with pytest.raises(TableError, match=message):
        TradeOff.of(load_table(table, data), device)


def test_what_cannot_search_for_two_objectives(goal: TradeOff) -> None:
    with pytest.raises(ConfigError, match="2 objectives, which LocalSearchTuner does not handle"):
        search_trade_off("LocalSearchTuner", goal, 10, seed=0)
    with pytest.raises(ConfigError, match="runs as Optuna ships it"):
        search_trade_off("optuna-tpe", goal, 10, seed=0, arguments={"seed": 1})


@pytest.mark.parametrize("name", ["seed", "optimize_mode"])
def test_what_the_protocol_sets_is_no_argument(goal: TradeOff, name: str) -> None:
    with pytest.raises(ConfigError, match=f"tuner argument '{name}' is set by the protocol"):
        search_trade_off("random", goal, 10, seed=0, arguments={name: 1})

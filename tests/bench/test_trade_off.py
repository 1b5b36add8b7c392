from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from benchmarks.tables.trade_off import TradeOff, search


@pytest.fixture
def goal(data: Path, monkeypatch: pytest.MonkeyPatch) -> TradeOff:
    monkeypatch.setenv("NAS_TUNERS_DATA", str(data))
    return TradeOff.load()


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

"""Which keys matter."""

from __future__ import annotations

import threading
from random import Random

import pytest

from nas_tuners.viewer.trials.importance import Importance, ImportanceWorker, importance_of
from nas_tuners.viewer.trials.rows import Row

KEYS = ["strong", "weak", "inputs", "number", "same"]
LABELS = {"strong": ["a", "b", "c"], "weak": ["p", "q"], "inputs": ["i", "j", "k"], "same": ["s"]}


def row(number: int, value: float | None, *entries: object, state: str = "complete") -> Row:
    return Row(number, state, {"default": value}, None, None, entries, None, None)


def rows(count: int) -> list[Row]:
    rng, made = Random(0), []
    for number in range(count):
        strong, weak = rng.randrange(3), rng.randrange(2)
        inputs = sorted(rng.sample(range(3), 2))
        value = float(strong) + rng.random() * 0.1
        made.append(row(number, value, strong, weak, inputs, rng.random(), 0))
    return made


@pytest.mark.parametrize("maximize", [True, False])
def test_what_decides_the_result_is_most_important(maximize: bool) -> None:
    found = importance_of(rows(300), KEYS, LABELS, metric="default", maximize=maximize)
    assert found.problem == ""
    assert next(iter(found.shares)) == "strong"
    assert found.shares["strong"] > 0.5
    assert sum(found.shares.values()) == pytest.approx(1.0, abs=1e-4)
    assert set(found.shares) == set(KEYS) - {"same"}


def test_inactive_keys_count_where_they_are_active() -> None:
    made = [
        row(one.number, one.metrics["default"], *one.entries[:1], None, *one.entries[2:])
        if one.number % 2
        else one
        for one in rows(300)
    ]
    found = importance_of(made, KEYS, LABELS, metric="default", maximize=True)
    assert next(iter(found.shares)) == "strong"
    assert "weak" in found.shares


def test_thousands_of_trials_are_sampled() -> None:
    found = importance_of(rows(20_000), KEYS, LABELS, metric="default", maximize=True)
    assert next(iter(found.shares)) == "strong"


@pytest.mark.parametrize(
    ("made", "says"),
    [
        ([], "0 complete trials; at least 20 are needed"),
        ([row(n, None, 0, state="fail") for n in range(50)], "0 complete trials"),
        ([row(n, 1.0, n % 3) for n in range(50)], "all trials have the same default"),
        ([row(n, float(n), 1) for n in range(50)], "all trials try the same architecture"),
    ],
)
def test_why_there_is_none(made: list[Row], says: str) -> None:
    found = importance_of(made, ["strong"], LABELS, metric="default", maximize=True)
    assert says in found.problem
    assert not found.shares
    assert found.to_json() == {"metric": "default", "importance": {}, "problem": found.problem}


def test_it_is_computed_once_a_revision_and_in_the_background() -> None:
    worker, computed = ImportanceWorker(), []
    may_end = threading.Event()

    def compute() -> Importance:
        computed.append(1)
        may_end.wait(30)
        return Importance("default", {"a": 1.0})

    assert worker.ask(1, None, wait=0.0) == (None, True)
    assert worker.ask(1, compute, wait=0.0) == (None, True)
    assert worker.ask(1, compute, wait=0.0) == (None, True)
    may_end.set()
    found, computing = worker.ask(1, compute, wait=30.0)
    assert found == Importance("default", {"a": 1.0})
    assert not computing
    assert worker.ask(1, compute, wait=30.0) == (found, False)
    assert len(computed) == 1
    assert worker.ask(2, None, wait=0.0) == (found, True)  # that of fewer trials

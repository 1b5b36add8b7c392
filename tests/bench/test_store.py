from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from benchmarks.tables.__main__ import main
from benchmarks.tables.store import Store, summary
from nas_tuners.bench import Trace, load_table


def _trace(regrets: list[float]) -> Trace:
    vectors = [(index % 3,) for index in range(len(regrets))]
    seconds = [1.0 * index for index in range(len(regrets))]
    return Trace(regrets, regrets, seconds, vectors, ask_seconds=2.0, found_best_at=7)


def test_what_is_kept_of_a_search() -> None:
    regrets = [math.nan] * 12 + [100.0 - n for n in range(12, 200)]
    record = summary(load_table("synthetic-separable"), _trace(regrets), 3, 200)
    assert record["test_regret"] == {
        "10": None,
        "15": 86.0,
        "20": 81.0,
        "30": 71.0,
        "50": 51.0,
        "70": 31.0,
        "100": 1.0,
        "150": -49.0,
        "200": -99.0,
    }
    assert (record["seed"], record["evaluations"], record["distinct"]) == (3, 200, 3)
    assert (record["seconds_per_ask"], record["found_best_at"]) == (0.01, 7)


def test_a_search_that_tried_everything_keeps_its_last_choice() -> None:
    record = summary(load_table("synthetic-separable"), _trace([3.0, 2.0]), 0, 20)
    assert record["test_regret"] == {"10": 2.0, "15": 2.0, "20": 2.0}


def test_lines_are_added_after_one_header(tmp_path: Path) -> None:
    store = Store("table", "method", tmp_path)
    store.append({"seed": 1, "evaluations": 50})
    store.append({"seed": 0, "evaluations": 400})
    lines = [json.loads(line) for line in store.path.read_text().splitlines()]
    assert {"machine", "python", "optuna", "nas-tuners"} <= lines[0].keys()
    assert [line["seed"] for line in lines[1:]] == [1, 0]
    assert [record["seed"] for record in store.records()] == [0, 1]
    assert store.seeds(50) == {0, 1}
    assert store.seeds(100) == {0}


def test_a_torn_last_line_is_as_if_unwritten(tmp_path: Path) -> None:
    store = Store("table", "method", tmp_path)
    store.append({"seed": 0, "evaluations": 50})
    with store.path.open("a") as file:
        file.write('{"seed":1,"evalu')
    assert store.seeds(50) == {0}
    store.append({"seed": 2, "evaluations": 50})
    assert store.seeds(50) == {0, 2}


def test_a_longer_search_of_the_same_seed_replaces_the_shorter(tmp_path: Path) -> None:
    store = Store("table", "method", tmp_path)
    for evaluations in (50, 400):
        store.append({"seed": 0, "evaluations": evaluations})
    assert store.records() == [{"seed": 0, "evaluations": 400}]


def test_running_goes_on_where_it_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = ["tables", "run", "--methods", "random", "random@4", "--tables"]
    command += ["synthetic-separable", "--evaluations", "20", "--results", str(tmp_path)]
    monkeypatch.setattr("sys.argv", [*command, "--seeds", "2"])
    main()
    one = Store("synthetic-separable", "random", tmp_path)
    before = one.path.read_text()
    monkeypatch.setattr("sys.argv", [*command, "--seeds", "3"])
    main()
    assert one.path.read_text().startswith(before)
    assert one.seeds(20) == {0, 1, 2}
    assert Store("synthetic-separable", "random@4", tmp_path).seeds(20) == {0, 1, 2}

"""The published tables, against the figures that came with them."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np
import pytest

from nas_tuners import RandomTuner
from nas_tuners.bench import Table, load_table, run
from nas_tuners.bench.listing import FILES
from nas_tuners.bench.published import columns_of
from nas_tuners.contract.errors import TableError

Load = Callable[[str], Table]
PAGE = Path(__file__).parents[2] / "docs" / "tables.md"


@pytest.mark.parametrize(
    ("name", "size", "best"),
    [
        ("nasbench201-cifar10", 15_625, 94.37),
        ("nasbench-macro", 6_561, 93.23),
        ("nasbench-graph-cora", 157_464, 83.13),
        ("nasbench-graph-computers", 157_464, 85.58),
        ("nasbench-graph-arxiv", 157_464, 72.39),
    ],
)
def test_size_and_optimum(load: Load, name: str, size: int, best: float) -> None:
    table = load(name)
    assert table.name == name
    assert table.space.size == size
    assert table.best_test == pytest.approx(best, abs=0.005)


@pytest.mark.parametrize(
    ("name", "regrets"),
    [
        ("nasbench201-cifar10", (0.93, 0.66, 0.50, 0.39)),
        ("nasbench-macro", (0.57, 0.50, 0.44, 0.39)),
        ("nasbench-graph-cora", (3.31, 3.19, 3.01, 2.82)),
        ("nasbench-graph-computers", (3.10, 2.76, 2.50, 2.26)),
        ("nasbench-graph-arxiv", (0.68, 0.59, 0.51, 0.45)),
    ],
)
def test_random_search_reaches_the_reference(
    load: Load, name: str, regrets: tuple[float, ...]
) -> None:
    """The reference is the mean of 1,000 searches; ours of 60 is within four standard errors."""
    table = load(name)
    found = np.array([run(table, RandomTuner(seed=s), 400).test_regret for s in range(60)])
    at = found[:, [49, 99, 199, 399]]
    assert np.all(np.abs(at.mean(axis=0) - regrets) < 4 * at.std(axis=0) / np.sqrt(60))


def test_an_architecture_is_looked_up_by_its_operations(load: Load, data: Path) -> None:
    with np.load(data / "nasbench201_cifar10.npz", allow_pickle=False) as archive:
        ops, test, cost = (
            archive[key] for key in ("ops", "test200_cifar10", "cost12_cifar10_seconds")
        )
    with np.load(data / "nasbench201_latency.npz", allow_pickle=False) as archive:
        latency = archive["pixel3"]
    table = load("nasbench201-cifar10")
    for row in (0, 1, 7_777, 15_624):
        vector = tuple(int(op) for op in ops[row])
        assert table.test(vector) == pytest.approx(test[row])
        assert table.cost_seconds(vector) == pytest.approx(cost[row])
        assert table.latency(vector, "pixel3") == pytest.approx(latency[row])


def test_macro_validates_on_the_first_run_and_tests_on_the_others(load: Load, data: Path) -> None:
    with np.load(data / "nas_bench_macro.npz", allow_pickle=False) as archive:
        runs = archive["test_acc_x100"]
    table = load("nasbench-macro")
    vector = (1, 0, 2, 0, 0, 1, 2, 2)
    row = int("10200122", base=3)
    assert table.validation(vector) == pytest.approx(runs[row, 0] / 100)
    assert table.test(vector) == pytest.approx((runs[row, 1] / 100 + runs[row, 2] / 100) / 2)
    assert table.cost_seconds(vector) is None


def test_graph_positions_are_row_major_and_some_were_not_published(load: Load, data: Path) -> None:
    with np.load(data / "nas_bench_graph.npz", allow_pickle=False) as archive:
        rows, valid = archive["config_to_row"], archive["cora_valid_perf"]
    table = load("nasbench-graph-cora")
    sizes = (2, 3, 4, 9, 9, 9, 9)
    missing = np.flatnonzero(rows == 65535)
    for position in (0, 4_321, 99_999, *missing[:3]):
        vector = tuple(int(digit) for digit in np.unravel_index(position, sizes))
        expected = None if rows[position] == 65535 else 100 * float(valid[rows[position]])
        assert table.validation(vector) == (expected and pytest.approx(expected))


def test_a_table_without_latency_says_so(load: Load) -> None:
    table = load("nasbench201-cifar10")
    vector = table.space.sample(Random(0))
    with pytest.raises(TableError, match="nasbench201-cifar10 has no latency on 'phone'"):
        table.latency(vector, "phone")


def test_an_unknown_table_suggests_the_nearest() -> None:
    with pytest.raises(TableError, match="'nasbench-makro'; did you mean 'nasbench-macro'"):
        load_table("nasbench-makro")


def test_a_missing_file_says_where_it_was_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAS_TUNERS_DATA", str(tmp_path))
    with pytest.raises(TableError) as raised:
        load_table("nasbench-macro")
    expected = ("nas_bench_macro.npz", str(tmp_path), "set NAS_TUNERS_DATA to the folder")
    for part in (*expected, "docs/tables.md says what it holds"):
        assert part in str(raised.value)


@pytest.mark.parametrize("name", sorted({file for files in FILES.values() for file in files}))
def test_every_file_and_its_columns_are_documented(data: Path, name: str) -> None:
    (section,) = (text for text in PAGE.read_text().split("\n## ") if text.startswith(f"`{name}`"))
    documented = set(re.findall(r"`(\w+)`", section))
    if name == "nasbench201_latency.npz":
        assert {*columns_of(data, name)} <= documented
    for column in re.findall(r"^\| `(\w+)`", section, re.MULTILINE):
        assert column in columns_of(data, name)


def test_the_page_names_every_column_that_is_read(tmp_path: Path) -> None:
    for name, (file, *_) in FILES.items():
        np.savez(tmp_path / file, nothing=np.zeros(1))
        with pytest.raises(TableError, match="has no column") as raised:
            load_table(name, tmp_path)
        missing, _, _ = str(raised.value).partition("(it has")
        for column in re.findall(r"'(\w+)'", missing.partition("has no column")[2]):
            dataset = re.sub(r"^(computers|arxiv)_", "cora_", column)
            assert f"`{dataset}`" in PAGE.read_text()


def test_the_file_of_nas_bench_macro_becomes_ours_as_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = {
        "".join(blocks): {"test_acc": [80.0 + number / 1000, 81.0, 82.0 + number % 3]}
        for number, blocks in enumerate(itertools.product("012", repeat=8))
    }
    (tmp_path / "nas-bench-macro_cifar10.json").write_text(json.dumps(published))
    monkeypatch.chdir(tmp_path)
    (program,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    exec(program, {})
    table = load_table("nasbench-macro", tmp_path)
    vector = (0, 2, 1, 1, 0, 2, 2, 1)
    first, second, third = published["02110221"]["test_acc"]
    assert table.validation(vector) == pytest.approx(first)
    assert table.test(vector) == pytest.approx((second + third) / 2)


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "nas_bench_macro.npz").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(TableError, match=r"nas_bench_macro\.npz cannot be read: "):
        load_table("nasbench-macro", tmp_path)


def test_a_file_without_a_column_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "nas_bench_macro.npz", ops=np.zeros((1, 8), dtype=np.uint8))
    with pytest.raises(TableError, match=r"has no column 'test_acc_x100' \(it has: ops\)"):
        load_table("nasbench-macro", tmp_path)


def test_pickled_objects_are_not_loaded(tmp_path: Path) -> None:
    np.savez(tmp_path / "nas_bench_macro.npz", ops=np.array([{}], dtype=object))
    with pytest.raises(TableError, match="allow_pickle"):
        load_table("nasbench-macro", tmp_path)

"""Pages from results: what is better, what is not, and that every figure finds its place."""

from __future__ import annotations

import re
from pathlib import Path
from random import Random

import pytest

from benchmarks.tables.comparison import against_best, compare
from benchmarks.tables.report import write_pages
from benchmarks.tables.results import Results, evaluations_for
from benchmarks.tables.store import Store

TABLE = "nasbench201-cifar10"
MEANS = {
    "BayesianTuner": 0.2,
    "optuna-tpe": 0.5,
    "random": 0.9,
    "PPOTuner": 0.05,
    "BayesianTuner@4": 0.25,
}


@pytest.fixture
def results(tmp_path: Path) -> Results:
    """Regret falls with the budget; the means differ as above, seed by seed with noise."""
    for method, mean in MEANS.items():
        rng = Random(method)
        store = Store(TABLE, method, tmp_path)
        for seed in range(40):
            curve = {
                str(budget): mean * 200 / budget + rng.gauss(0.0, 0.02)
                for budget in (50, 100, 200, 400)
            }
            record = {"seed": seed, "evaluations": 400, "distinct": 400, "seconds_per_ask": 0.001}
            regrets = {"test_regret": curve, "validation_regret": curve}
            store.append(record | regrets | {"test_regret_in_time": curve["100"]})
    return Results(tmp_path)


def test_the_flagship_is_held_against_the_best_rival(results: Results) -> None:
    """PPOTuner has a lower mean, but is none of those that people would take instead."""
    found = against_best(results, TABLE, "BayesianTuner", ("random", "optuna-tpe"), 200)
    assert found is not None
    assert (found.peer, found.seeds, found.verdict) == ("optuna-tpe", 40, "better")
    assert found.ours == pytest.approx(0.2, abs=0.02)
    assert found.theirs == pytest.approx(0.5, abs=0.02)
    assert found.p < 0.001


def test_a_method_that_was_not_run_is_not_compared(results: Results) -> None:
    assert against_best(results, TABLE, "BayesianTuner", ("optuna-gp",), 200) is None
    assert against_best(results, TABLE, "LocalSearchTuner", ("random",), 200) is None
    assert against_best(results, TABLE, "BayesianTuner", ("random",), 5_000) is None


def test_verdicts() -> None:
    ours = {seed: 0.1 * seed for seed in range(20)}
    higher = {seed: value + 0.05 for seed, value in ours.items()}
    mixed = {seed: value + (-1) ** seed * 0.05 for seed, value in ours.items()}
    assert compare(ours, "x", higher).verdict == "better"
    assert compare(higher, "x", ours).verdict == "worse"
    assert compare(ours, "x", mixed).verdict == "not distinguishable"
    assert compare(ours, "x", ours).p == 1.0


def test_only_common_seeds_are_compared() -> None:
    assert compare({0: 1.0, 1: 1.0, 2: 1.0}, "x", {1: 2.0, 2: 2.0, 7: 2.0}).seeds == 2


def test_where_a_curve_comes_down_to_a_value() -> None:
    curve = {50: 1.0, 100: 0.5, 200: 0.25}
    assert evaluations_for(curve, 1.5) == 50
    assert evaluations_for(curve, 0.5) == pytest.approx(100)
    assert evaluations_for(curve, 0.375) == pytest.approx(100 * 2**0.5)
    assert evaluations_for(curve, 0.1) == float("inf")


def test_the_pages_hold_every_figure(results: Results, tmp_path: Path) -> None:
    write_pages(results, tmp_path / "here", tmp_path / "docs")
    page = (tmp_path / "here" / "README.md").read_text()
    advice = (tmp_path / "docs" / "which_tuner.md").read_text()
    verdict = next(line for line in page.splitlines() if line.startswith(f"| {TABLE} | 200 |"))
    assert verdict.endswith("| 40 | < 0.001 | better |")
    assert verdict in advice
    four = next(line for line in page.splitlines() if f"| {TABLE} | `BayesianTuner` |" in line)
    assert int(four.split("|")[-2]) == pytest.approx(250, abs=20)
    assert "| PPOTuner | 40 | 94.27 ± 0.02 |" in page
    assert re.search(r"\| `PPOTuner` \| \*\*0\.(19|20)\d\*\* \[0\.", page)
    assert "$" not in page + advice
    picture = (tmp_path / "here" / "plots" / f"{TABLE}.svg").read_text()
    assert all(method in picture for method in MEANS if "@" not in method)


def test_the_same_results_give_the_same_files(results: Results, tmp_path: Path) -> None:
    for place in ("first", "second"):
        write_pages(results, tmp_path / place, tmp_path / place)
    for name in ("README.md", "which_tuner.md", f"plots/{TABLE}.svg"):
        first, second = ((tmp_path / place / name).read_bytes() for place in ("first", "second"))
        assert first == second


def test_pages_of_nothing(tmp_path: Path) -> None:
    write_pages(Results(tmp_path), tmp_path, tmp_path)
    assert "*Not measured yet.*" in (tmp_path / "README.md").read_text()

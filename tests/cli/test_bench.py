from __future__ import annotations

import re
from pathlib import Path
from typing import Any, final

import numpy as np
import pytest

from nas_tuners.bench import TABLES, Table, data_folder
from nas_tuners.contract.errors import SearchSpaceExhausted
from nas_tuners.contract.search_space import IndexVector, SearchSpace
from nas_tuners.contract.space_json import LayerChoice
from nas_tuners.tuners import Ask, Tuner
from tests.experiment_kit import Project, finish

DATA = data_folder().resolve()  # before tests clear the environment


@final
class OddSeeds(Tuner):
    """Random search that has nothing to propose where its seed is even."""

    multi_objective = True

    def _propose(self, ask: Ask) -> IndexVector:
        if not self.seed % 2:
            raise SearchSpaceExhausted("an even seed")
        return self.space.sample(ask.rng)


@final
class StopsAtSeven(Tuner):
    """Random search that ends by itself."""

    def _propose(self, ask: Ask) -> IndexVector:
        if ask.number == 7:
            raise SearchSpaceExhausted("seven are enough")
        return self.space.sample(ask.rng)


@final
class Twelve(Table):
    """Twelve architectures, each of a second, whose results are their indices."""

    name = "twelve"
    space = SearchSpace.from_specs({"op": LayerChoice(tuple("abcdefghijkl"))})
    best_test = best_validation = 11.0
    has_costs = True

    def validation(self, vector: IndexVector) -> float | None:
        return self.test(vector)

    def test(self, vector: IndexVector) -> float:
        return float(int(vector[0] or 0))

    def cost_seconds(self, vector: IndexVector) -> float | None:
        return 1.0


def twelve(_: Path) -> Table:
    """Twelve architectures."""
    return Twelve()


def never(parameters: dict[str, Any]) -> bool:
    """A constraint that nothing satisfies."""
    return False


def test_figures_of_a_tuner_on_a_table(project: Project) -> None:
    arguments = ["--tuner", "RegularizedEvolution", "--table", "synthetic-pairwise"]
    arguments += ["--tuner-args", "population_size=10", "sample_size=3"]
    shown = project.command("bench", *arguments, "--seeds", "3", "--evaluations", "120")
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.startswith("RegularizedEvolution on synthetic-pairwise, 3 seeds\n")
    rows = re.findall(r"^ +(\d+) +\d+\.\d{3}  \[\d", shown.stdout, re.MULTILINE)
    assert rows == ["50", "100", "120", "50", "100", "120"]
    assert "100.0% of the architectures tried were new" in shown.stdout
    again = project.command("bench", *arguments, "--seeds", "3", "--evaluations", "120")
    assert again.stdout.splitlines()[:-1] == shown.stdout.splitlines()[:-1]


def test_workers_and_stock_samplers(project: Project) -> None:
    common = ["--table", "synthetic-separable", "--seeds", "1", "--evaluations", "20"]
    four = project.command("bench", "--tuner", "random", "--workers", "4", *common)
    assert four.stdout.startswith("random on synthetic-separable, 1 seed, 4 workers\n")
    stock = project.command("bench", "--tuner", "optuna-nsga2", *common)
    assert stock.returncode == 0, stock.stderr


def test_searches_that_try_nothing_are_counted(project: Project) -> None:
    common = ["--table", "synthetic-separable", "--evaluations", "20"]
    some = project.command("bench", "--tuner", f"{__name__}:OddSeeds", "--seeds", "3", *common)
    assert some.returncode == 0, some.stderr
    assert some.stdout.splitlines()[1] == "2 of 3 searches ended without trying anything"
    rows = re.findall(
        r"^ +(\d+) +\d+\.\d{3}  (\S+) +\d+\.\d{3} +(\S+)$", some.stdout, re.MULTILINE
    )
    assert rows == [("20", "-", "-")] * 2  # one value has neither interval nor deviation
    assert "a suggestion took" in some.stdout


def test_when_no_search_tries_anything_there_is_no_result(project: Project) -> None:
    arguments = ["--tuner", "SPOSEvolution", "--table", "synthetic-separable", "--seeds", "2"]
    none = project.command("bench", *arguments, "--tuner-args", f"constraint={__name__}:never")
    assert none.returncode == 3, none.stderr
    assert none.stdout.splitlines() == [
        "SPOSEvolution on synthetic-separable, 2 seeds",
        "2 of 2 searches ended without trying anything",
    ]


@pytest.mark.parametrize(("seeds", "exit_code"), [(2, 0), (1, 3)])
def test_searches_for_two_objectives_that_try_nothing(
    project: Project, monkeypatch: pytest.MonkeyPatch, seeds: int, exit_code: int
) -> None:
    if not DATA.is_dir():
        pytest.skip(f"no published tables in {DATA} (set NAS_TUNERS_DATA)")
    monkeypatch.setenv("NAS_TUNERS_DATA", str(DATA))
    arguments = ["--tuner", f"{__name__}:OddSeeds", "--table", "nasbench201-cifar10"]
    arguments += ["--device", "pixel3"]
    done = project.command("bench", *arguments, "--seeds", str(seeds), "--evaluations", "20")
    assert done.returncode == exit_code, done.stderr
    assert f"1 of {seeds} searches ended without trying anything" in done.stdout
    assert ("volume missing" in done.stdout) == (exit_code == 0)


def test_tables_are_listed(project: Project) -> None:
    shown = project.command("bench", "--list")
    assert shown.returncode == 0
    lines = {line.split()[0]: line for line in shown.stdout.splitlines() if line}
    assert all(len(lines[name].split()) > 3 for name in TABLES)
    assert "Files are looked for in /" in shown.stdout
    assert "What they hold, and where that comes from, is in docs/tables.md." in shown.stdout


def test_the_list_says_what_is_there_and_what_it_knows(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAS_TUNERS_DATA", str(project.path))
    np.savez(project.path / "nasbench201_cifar10.npz", cost12_cifar10_seconds=np.zeros(1))
    before = _listed(project)
    np.savez(project.path / "nasbench201_latency.npz", phone=np.zeros(1), tablet=np.zeros(1))
    (project.path / "nas_bench_macro.npz").write_bytes(b"PK\x03\x04 and no more")
    after = _listed(project)
    assert before["nasbench201-cifar10"] == "missing: nasbench201_latency.npz"
    assert after["nasbench201-cifar10"] == "found; training times; latency on phone, tablet"
    assert after["nasbench-graph-cora"] == "missing: nas_bench_graph.npz"
    assert "nas_bench_macro.npz cannot be read: " in after["nasbench-macro"]
    assert after["synthetic-darts"] == "made from a seed; no training times; no latency"


def _listed(project: Project) -> dict[str, str]:
    """Table -> what the list says below it."""
    lines = project.command("bench", "--list").stdout.splitlines()
    return {lines[i].split()[0]: lines[i + 1].strip() for i in range(0, 2 * len(TABLES), 2)}


def test_without_a_tuner_it_is_the_default(project: Project) -> None:
    arguments = ["--table", "synthetic-separable", "--seeds", "1", "--evaluations", "12"]
    shown = project.command("bench", *arguments)
    assert shown.stdout.startswith("BayesianTuner on synthetic-separable, 1 seed\n"), shown.stderr


OWN_TUNER = """
from nas_tuners.tuners import Tuner


class Mine(Tuner):
    def _propose(self, ask):
        return self.space.sample(ask.rng)
"""


def test_a_tuner_of_ones_own_is_found_in_the_current_folder(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a process of its own, whose path of modules does not have that folder."""
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.setenv("PYTHONSAFEPATH", "1")  # `python -m` would add the current folder
    (project.path / "own_tuner.py").write_text(OWN_TUNER)
    common = ["--table", "synthetic-separable", "--seeds", "1", "--evaluations", "12"]
    found = finish(project.start("bench", "--tuner", "own_tuner:Mine", *common))
    assert found.returncode == 0, found.stderr
    assert found.stdout.startswith("own_tuner:Mine on synthetic-separable, 1 seed\n")
    file = finish(project.start("bench", "--tuner", "own_tuner.py:Mine", *common))
    assert file.returncode == 2
    assert "did you mean 'own_tuner:Mine'?" in file.stderr


@pytest.mark.parametrize("tuner", ["brute_force", "nsga3", "optuna-gp"])
def test_samplers_that_optuna_calls_experimental_run_quietly(project: Project, tuner: str) -> None:
    """A warning would be an error here."""
    arguments = ["--table", "synthetic-separable", "--seeds", "1", "--evaluations", "5"]
    done = project.command("bench", "--tuner", tuner, *arguments)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("tuner", "note"),
    [
        ("random", "12 architectures are all there are"),
        (f"{__name__}:StopsAtSeven", "the searches ended by themselves after 7 evaluations"),
    ],
)
def test_no_rows_beyond_what_was_tried(
    project: Project, monkeypatch: pytest.MonkeyPatch, tuner: str, note: str
) -> None:
    monkeypatch.setitem(TABLES, "twelve", f"{__name__}:twelve")
    arguments = ["--tuner", tuner, "--table", "twelve", "--seeds", "2", "--evaluations", "600"]
    shown = project.command("bench", *arguments)
    assert shown.returncode == 0, shown.stderr
    last = re.findall(r"\d+", note)[0]
    assert re.findall(r"^ +([\d,]+) +-?\d+\.\d{3} ", shown.stdout, re.MULTILINE) == [last] * 2
    assert note in shown.stdout


def test_one_seed_in_simulated_time_is_one_figure(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(TABLES, "twelve", f"{__name__}:twelve")
    arguments = ["--tuner", "random", "--table", "twelve", "--seconds", "1000", "--evaluations"]
    one = project.command("bench", *arguments, "12", "--seeds", "1").stdout
    assert "test result of the choice after 1,000 simulated seconds: 11.000\n" in one
    two = project.command("bench", *arguments, "12", "--seeds", "2").stdout
    assert "simulated seconds: mean 11.000 [11.000, 11.000], median 11.000, sd 0.000\n" in two


def test_help_says_what_goes_with_what(project: Project) -> None:
    shown = " ".join(project.command("bench", "--help").stdout.split())
    assert "(default: BayesianTuner)" in shown
    assert "optuna-... take none" in shown
    assert "not with --device or optuna-..." in shown
    assert "seconds of training, too; not with --device" in shown
    assert "Validation regret may fall below 0 on synthetic tables" in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--table: is missing (--list shows the tables)"),
        (["--tuner", "random"], "--table: is missing"),
        (
            ["--tuner", "random", "--table", "nasbench201-cifar10"],
            "(docs/tables.md says what it holds)",
        ),
        (["--tuner", "rondom", "--table", "synthetic-pairwise"], "no tuner 'rondom'"),
        (
            ["--tuner", "random", "--table", "synthetic-pairwize"],
            "did you mean 'synthetic-pairwise'",
        ),
        (["--tuner", "random", "--table", "nasbench-macro"], "no file nas_bench_macro.npz in /"),
        (
            ["--tuner", "optuna-tpee", "--table", "synthetic-pairwise"],
            "did you mean 'optuna-tpe'? (known: optuna-tpe, ",
        ),
        (["--tuner-args", "population"], "must be KEY=VALUE, got 'population'"),
        (
            ["--tuner", "random", "--table", "synthetic-darts", "--seconds", "9"],
            "--seconds: table synthetic-darts does not say how long training took",
        ),
        (
            ["--tuner", "random", "--table", "synthetic-darts", "--device", "pixel3"],
            "table synthetic-darts has no latency on 'pixel3' (devices: none)",
        ),
        (
            ["--tuner", "random", "--table", "synthetic-darts", "--device", "a", "--seconds", "9"],
            "--seconds: cannot be used together with --device",
        ),
        (["--workers", "0"], "whole number of at least 1, got '0'"),
        (
            ["--tuner", "random", "--tuner-args", "sed=1", "--table", "synthetic-pairwise"],
            "RandomTuner takes no such argument; did you mean 'seed'",
        ),
        (
            ["--tuner", "random", "--tuner-args", "seed=1", "--table", "synthetic-pairwise"],
            "tuner argument 'seed' is set by the protocol (another for each search); leave it out",
        ),
    ],
)
def test_mistakes_are_bad_input(
    project: Project, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.setenv("NAS_TUNERS_DATA", str(project.path))
    done = project.command("bench", *arguments)
    assert done.returncode == 2
    assert message in done.stderr

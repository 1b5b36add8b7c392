from __future__ import annotations

import re

import pytest

from nas_tuners.bench import TABLES
from tests.experiment_kit import Project


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
    assert four.stdout.startswith("random on synthetic-separable, 1 seeds, 4 workers\n")
    stock = project.command("bench", "--tuner", "optuna-nsga2", *common)
    assert stock.returncode == 0, stock.stderr


def test_tables_are_listed(project: Project) -> None:
    shown = project.command("bench", "--list")
    assert shown.returncode == 0
    lines = {line.split()[0]: line for line in shown.stdout.splitlines() if line}
    assert all(len(lines[name].split()) > 3 for name in TABLES)
    assert "Files are looked for in /" in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--tuner: is missing"),
        (["--tuner", "random"], "--table: is missing"),
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
    ],
)
def test_mistakes_are_bad_input(
    project: Project, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.setenv("NAS_TUNERS_DATA", str(project.path))
    done = project.command("bench", *arguments)
    assert done.returncode == 2
    assert message in done.stderr

"""``nas-tuners confirm``: real trials with new seeds."""

from __future__ import annotations

import json
import signal

import pytest

from tests.experiment_kit import Project, finish

# The search has no seed and flatters the architecture x; the others are as good as they look.
SEEDED = """
seed = os.environ.get("NAS_TUNERS_SEED")
print("seed", seed)
lucky = seed is None and assignment.parameters["a"]["_idx"] == 0
report(1000.0 + value if lucky else value + 0.1 * int(seed or 0))
"""


def _searched(project: Project, trial: str = SEEDED) -> None:
    project.write(trial, tuner="grid", max_trials=12, concurrency=2)
    assert project.run().returncode == 0


def test_the_best_run_again_with_each_seed(project: Project) -> None:
    _searched(project)
    shown = project.command("confirm", project.experiment, "--top", "6", "--seeds", "2")
    assert shown.returncode == 0
    lines = shown.stdout.splitlines()
    assert lines[1].split()[:4] == ["23.15", "0.05", "2", "1.000"]
    assert lines[1].endswith('{"a": "z", "b": "s"}')
    assert lines[3].split()[4] == "1003"  # what the search had measured of a lucky one
    folders = sorted(project.experiment.glob("confirm/seed-*/*"))
    assert len(folders) == 12
    assert (folders[0] / "stdout.txt").read_text() == "seed 1\n"
    assert len(project.trials()) == 12  # the study is as it was


def test_the_winner_can_be_exported(project: Project) -> None:
    _searched(project)
    shown = project.command("confirm", project.experiment, "--top", "6", "--seeds", "2")
    command = shown.stdout.splitlines()[-1].partition("nas-tuners ")[2].split()
    assert json.loads(project.command(*command).stdout) == {"a": "z", "b": "s"}
    written = json.loads((project.experiment / "confirm" / "result.json").read_text())
    assert written[0]["parameters"] == {"a": "z", "b": "s"}
    assert written[0]["values"] == [23.1, 23.2]
    assert str(written[0]["trial"]) == command[-1]


def test_what_was_run_is_not_run_again(project: Project) -> None:
    _searched(project)
    first = project.command("confirm", project.experiment, "--top", "2", "--seeds", "2").stdout
    before = {p: p.stat().st_mtime_ns for p in project.experiment.glob("confirm/**/stdout.txt")}
    assert len(before) == 4
    assert (
        project.command("confirm", project.experiment, "--top", "2", "--seeds", "2").stdout
        == first
    )
    project.command("confirm", project.experiment, "--top", "2", "--seeds", "3")
    after = {p: p.stat().st_mtime_ns for p in project.experiment.glob("confirm/**/stdout.txt")}
    assert len(after) == 6
    assert before.items() <= after.items()


def test_failed_runs_are_named(project: Project) -> None:
    trial = SEEDED + "\n"
    trial = "if os.environ.get('NAS_TUNERS_SEED') == '2': sys.exit('no memory')\n" + trial
    _searched(project, trial)
    shown = project.command("confirm", project.experiment, "--top", "2", "--seeds", "3")
    assert shown.returncode == 0
    assert shown.stdout.splitlines()[1].split()[2:4] == ["2", "1"]  # runs, failed
    assert shown.stderr.count("seed 2: exit code 1: no memory") == 2


def test_without_any_result_there_is_no_winner(project: Project) -> None:
    _searched(project, "if 'NAS_TUNERS_SEED' in os.environ: sys.exit(3)\nreport(value)")
    shown = project.command("confirm", project.experiment, "--top", "2", "--seeds", "1")
    assert shown.returncode == 3
    assert "No run has succeeded." in shown.stderr


def test_a_trial_that_does_not_use_its_seed_is_noticed(project: Project) -> None:
    _searched(project, "report(value)")
    shown = project.command("confirm", project.experiment, "--top", "2", "--seeds", "2")
    assert "Does the trial use NAS_TUNERS_SEED?" in shown.stderr


def test_it_may_be_interrupted_and_goes_on(project: Project) -> None:
    waiting = "if os.environ.get('NAS_TUNERS_SEED') == '2' and not Path('go').exists():\n"
    waiting += "    signal_test(), signal.pause()\n"
    _searched(project, waiting + SEEDED)
    project.open_signals()
    words = ("confirm", "experiment", "--top", "1", "--seeds", "2")
    process = project.start(*words)
    project.wait_for_trial()
    process.send_signal(signal.SIGINT)
    finish(process)
    assert process.returncode == 130
    (project.path / "go").touch()
    shown = project.command("confirm", project.experiment, *words[2:])
    assert shown.returncode == 0
    assert shown.stdout.splitlines()[1].split()[2] == "2"


@pytest.mark.parametrize("option", ["--top", "--seeds"])
def test_numbers_are_at_least_one(project: Project, option: str) -> None:
    done = project.command("confirm", project.experiment, option, "0")
    assert done.returncode == 2
    assert "whole number of at least 1, got '0'" in done.stderr


def test_an_experiment_without_a_result(project: Project) -> None:
    project.write("sys.exit(1)", max_trials=1)
    project.run()
    done = project.command("confirm", project.experiment)
    assert done.returncode == 3
    assert "No trial has succeeded yet." in done.stderr

"""What an experiment with a bound calls its best."""

from __future__ import annotations

import json

import optuna
import pytest

from tests.experiment_kit import Project

SIZED = "report({'default': value, 'size': assignment.parameters['a']['_idx']})"


def _searched(project: Project, bound: str, trial: str = SIZED) -> str:
    """Every architecture; what the run printed."""
    goals = {"default": "maximize", "size": bound}
    project.write(trial, tuner="grid", optimize_mode=goals, max_trials=12)
    done = project.run()
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_best_is_the_best_within_the_bound(project: Project) -> None:
    printed = _searched(project, "<= 0.5")
    best = {"a": "x", "b": "s"}
    assert json.loads(project.command("export", project.experiment).stdout) == best
    assert project.command("export", project.experiment).stderr == ""
    top = project.command("top", project.experiment, "-n", "6").stdout.splitlines()[1:]
    assert [float(line.split()[1]) for line in top] == [3.0, 2.0, 1.0, 0.0, 23.0, 22.0]
    assert "  [size beyond its bound by 1.5] a=z b=s" in top[4]
    assert "bound" not in top[3]
    assert project.command("status", project.experiment).stdout.splitlines()[-1] == top[0]
    assert "best 3  " in printed
    assert "best 23" not in printed


def test_the_study_knows_it_too(project: Project) -> None:
    _searched(project, "<= 0.5")
    if not hasattr(optuna.trial.FrozenTrial, "constraints"):
        pytest.skip("Optuna knows constraints by name from version 5")
    feasible = [t.params["a"] for t in project.trials() if t.constraints["size"] <= 0]
    assert set(feasible) == {"x"}
    url = f"sqlite:///{project.experiment / 'study.db'}"
    (name,) = optuna.get_all_study_names(url)
    assert optuna.load_study(study_name=name, storage=url).best_trial.params["a"] == "x"


def test_what_is_beyond_the_bound_is_not_confirmed(project: Project) -> None:
    _searched(project, "<= 0.5")
    shown = project.command("confirm", project.experiment, "--top", "9", "--seeds", "1")
    assert shown.returncode == 0, shown.stderr
    assert len(list(project.experiment.glob("confirm/seed-1/*"))) == 4


def test_nothing_is_within_the_bound(project: Project) -> None:
    printed = _searched(project, "<= -1")
    assert "[size beyond its bound by 3] a=z b=s" in printed
    assert "best -" in printed
    export = project.command("export", project.experiment)
    assert json.loads(export.stdout) == {"a": "z", "b": "s"}
    shown = "Trial 11 [size beyond its bound by 3]: no trial is within its bounds\n"
    assert export.stderr == shown
    confirm = project.command("confirm", project.experiment)
    assert confirm.returncode == 5
    assert "nothing to confirm: no trial is within its bounds\n" in confirm.stderr


def test_a_result_without_the_metric_is_not_the_best(project: Project) -> None:
    sized = "report({'default': value, 'size': 0} if value < 20 else value)"
    _searched(project, "<= 0.5", sized)
    top = project.command("top", project.experiment, "-n", "9").stdout.splitlines()[1:]
    assert float(top[0].split()[1]) == 13.0
    assert "[no size] a=z b=s" in top[8]


@pytest.mark.parametrize("size", ["None", "'small'"])  # NaN is reported as null
def test_a_metric_that_is_no_number_ends_nothing(project: Project, size: str) -> None:
    sized = f"report({{'default': value, 'size': 0 if value < 20 else {size}}})"
    printed = _searched(project, "<= 0.5", sized)
    assert printed.count("[no size] a=z") >= 4
    assert project.states() == ["COMPLETE"] * 12
    top = project.command("top", project.experiment, "-n", "1").stdout.splitlines()[1]
    assert float(top.split()[1]) == 13.0
    assert project.resume("--max-trials", "12").returncode == 0

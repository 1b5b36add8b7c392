"""Trials that are stopped before their end, in real experiments."""

from __future__ import annotations

import pytest

from tests.experiment_kit import Project

# Reports its value again and again; what is not stopped ends by itself.
LONG = """
for step in range(40):
    report(value * (1 + step / 100), "intermediate", step)
    time.sleep(0.05 if number > 1 else 0)
report(value + 100)
"""


def _stopped(project: Project, early_stopping: object, **config: object) -> None:
    project.write(
        LONG, early_stopping=early_stopping, **({"tuner": "grid", "max_trials": 12} | config)
    )
    done = project.run()
    assert done.returncode == 0, done.stderr


def test_bad_trials_are_stopped_and_keep_their_latest_value(project: Project) -> None:
    _stopped(
        project, {"name": "median", "args": {"n_startup_trials": 2}}, optimize_mode="minimize"
    )
    trials = project.trials()
    pruned = [trial for trial in trials if trial.state.name == "PRUNED"]
    complete = [trial for trial in trials if trial.state.name == "COMPLETE"]
    assert pruned
    assert len(pruned) + len(complete) == 12
    for trial in pruned:
        assert trial.value == trial.intermediate_values[max(trial.intermediate_values)]
        assert trial.user_attrs["failure"].startswith("MedianPruner after report ")
        assert project.trial_record(trial.number)["state"] == "pruned"
    assert min(trial.number for trial in pruned) > 1, "the first two are what others are held to"
    shown = project.command("top", project.experiment, "-n", "20").stdout
    assert len(shown.splitlines()) == 1 + len(complete), "the best are among the complete"


@pytest.mark.parametrize("name", ["Medianstop", "asha"])
def test_assessors_of_nni_and_other_pruners_work_by_name(project: Project, name: str) -> None:
    _stopped(project, name, optimize_mode="minimize", max_trials=6)
    assert set(project.states()) <= {"PRUNED", "COMPLETE"}
    assert "PRUNED" in project.states()


def test_a_trial_that_ignores_the_request_is_killed(project: Project) -> None:
    trial = """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
report(-value, "intermediate", 0)
if number == 2:
    time.sleep(600)
report(-value)
"""
    project.write(
        trial,
        early_stopping={"name": "median", "args": {"n_startup_trials": 2}},
        tuner="grid",
        max_trials=3,
    )
    assert project.run().returncode == 0
    assert project.states() == ["COMPLETE", "COMPLETE", "PRUNED"]


def test_a_pruner_that_fails_ends_the_run_and_loses_nothing(project: Project) -> None:
    (project.path / "broken_pruner.py").write_text(
        "import optuna\n"
        "class Broken(optuna.pruners.BasePruner):\n"
        "    def prune(self, study, trial):\n"
        "        raise KeyError('here')\n"
    )
    project.write(LONG, early_stopping="broken_pruner:Broken", max_trials=3)
    done = project.run()
    assert done.returncode == 4
    assert "Broken" in done.stderr
    assert project.states() == ["COMPLETE"]


def test_names_and_arguments_are_checked_before_the_run(project: Project) -> None:
    project.write(early_stopping="mediann")
    done = project.run()
    assert done.returncode == 2
    assert "early_stopping.name" in done.stderr
    assert "did you mean 'median'?" in done.stderr

"""What an experiment with several objectives shows, and one whose metrics are misspelt."""

from __future__ import annotations

import json
from typing import Any

import optuna

from tests.experiment_kit import Project

# default is 10 a + b, size 2 a + b modulo 2, latency a quarter of default
MEASURED = """
a, b = (assignment.parameters[key]["_idx"] for key in "ab")
report({"default": value, "size": 2 * a + b % 2, "latency": value / 4})
"""
GOALS = {"default": "maximize", "latency": "<= 5", "size": "minimize"}
FRONT = [20.0, 13.0, 12.0, 3.0, 2.0]


def _searched(project: Project, goals: dict[str, str] = GOALS, **config: Any) -> str:
    """Every architecture; what the run printed."""
    project.write(MEASURED, tuner="grid", optimize_mode=goals, **({"max_trials": 12} | config))
    done = project.run()
    assert done.returncode == 0, done.stderr
    return done.stdout


def _misspelt(project: Project, **config: Any) -> Any:
    goals = {"default": "maximize", "latence": "<= 5"}
    project.write(MEASURED, tuner="grid", optimize_mode=goals, max_trials=12, **config)
    return project.run()


def test_top_shows_every_metric_and_marks_the_front(project: Project) -> None:
    _searched(project)
    lines = project.command("top", project.experiment, "-n", "12").stdout.splitlines()
    head, *rows = lines
    assert head.split() == ["trial", "value", "size", "latency", "front", "time", "architecture"]
    assert {line.index("a=") for line in rows if "[" not in line} == {head.index("architecture")}
    marks = {float(line.split()[1]) for line in rows if line[: head.index("time")].count("*")}
    assert marks == set(FRONT)
    assert rows[0].split()[1:5] == ["20", "4", "5", "*"]
    assert rows[-1].split()[1] == "21", "beyond the bound on latency, and so not on the front"


def test_the_front_alone_the_best_by_the_first_objective_first(project: Project) -> None:
    _searched(project)
    shown = project.command("top", "--front", project.experiment)
    assert shown.returncode == 0, shown.stderr
    lines = shown.stdout.splitlines()
    assert [float(line.split()[1]) for line in lines[1 : 1 + len(FRONT)]] == FRONT
    export = f"nas-tuners export {project.experiment} --trial N"
    assert lines[1 + len(FRONT) :] == ["", f"One of them as a file: {export}"]
    first = project.command("top", "--front", "-n", "1", project.experiment).stdout.splitlines()
    assert first[:2] == lines[:2]
    assert first[2:] == lines[-2:]


def test_the_first_objective_may_be_another_and_less_may_be_better(project: Project) -> None:
    goals = {"cost": "minimize", "default": "maximize"}
    script = MEASURED.replace("size", "cost")
    project.write(script, tuner="grid", optimize_mode=goals, max_trials=12)
    assert project.run().returncode == 0
    lines = project.command("top", "--front", project.experiment).stdout.splitlines()[1:-2]
    assert [float(line.split()[1]) for line in lines] == [0, 1, 2, 3, 4, 5]
    assert [float(line.split()[2]) for line in lines] == [2, 3, 12, 13, 22, 23]


def test_status_says_the_goals_and_run_leads_to_the_front(project: Project) -> None:
    printed = _searched(project)
    status = project.command("status", project.experiment).stdout
    assert "tuner       grid, seed 7\n" in status
    assert "goals       maximize default, minimize size, latency <= 5\n" in status
    front = f"nas-tuners top --front {project.experiment}\n"
    assert status.endswith(f"\n5 on the Pareto front: {front}")
    assert printed.endswith(f"The Pareto front: {front}")
    top = project.command("top", "-n", "5", project.experiment).stdout
    assert f"\nBest of 12 trials:\n{top}\n" in printed


def test_one_objective_has_no_front(project: Project) -> None:
    printed = _searched(project, {"default": "maximize", "latency": "<= 5"})
    assert "front" not in printed.lower()
    head = project.command("top", project.experiment).stdout.splitlines()[0]
    assert head.split() == ["trial", "value", "latency", "time", "architecture"]
    refused = project.command("top", "--front", project.experiment)
    assert refused.returncode == 5
    one = "has one (maximize default, latency <= 5)"
    assert f"--front needs several objectives, and the experiment {one}" in refused.stderr


def test_a_plain_objective_is_shown_as_ever(project: Project) -> None:
    project.write(max_trials=1)
    project.run()
    shown = project.command("top", project.experiment).stdout.splitlines()
    assert shown[0] == "trial       value     time  architecture"
    assert shown[1].startswith("    0          20  ")
    status = project.command("status", project.experiment).stdout
    assert "tuner       random, maximize, seed 7\nstorage" in status


def test_confirm_says_that_it_goes_by_one_objective(project: Project) -> None:
    _searched(project)
    shown = project.command("confirm", project.experiment, "--top", "1", "--seeds", "1")
    assert shown.returncode == 0, shown.stderr
    alone = "Several objectives: the best and the winner are so by the first alone."
    assert shown.stdout.splitlines()[0] == alone
    assert "only the first counts" in project.command("confirm", "--help").stdout


def test_a_misspelt_metric_ends_the_run_and_every_line_says_why(project: Project) -> None:
    done = _misspelt(project, max_consecutive_failures=3)
    assert done.returncode == 3
    lacks = (
        "the result lacks 'latence', which optimize_mode names; it has default, size, latency; "
        "did you mean 'latency'?"
    )
    assert done.stdout.count(f"\n            note: {lacks}\n") == 3
    assert f"no usable result; trial 2: {lacks}\n" in done.stderr
    assert (
        f"When the trial script is mended: nas-tuners resume {project.experiment}" in done.stderr
    )
    log = (project.experiment / "runner.log").read_text()
    assert f"Trial 0: {lacks}\n" in log
    assert project.trial_record(0)["remarks"] == [lacks]
    assert project.states() == ["COMPLETE"] * 3
    assert project.trials()[1].user_attrs["result"]["latency"] == 0.25


def test_what_is_missing_is_named_where_it_is_the_reason(project: Project) -> None:
    _misspelt(project, max_consecutive_failures=2)
    lacks = "no trial reports 'latence', which optimize_mode names; did you mean 'latency'?\n"
    export = project.command("export", project.experiment)
    assert json.loads(export.stdout) == {"a": "x", "b": "q"}
    assert export.stderr == f"Trial 1 [no latence]: {lacks}"
    confirm = project.command("confirm", project.experiment)
    assert confirm.returncode == 5
    assert f"nothing to confirm: {lacks}" in confirm.stderr


def test_a_mended_script_goes_on_beyond_unusable_results(project: Project) -> None:
    _misspelt(project, max_consecutive_failures=2)
    script = project.path / "trial.py"
    script.write_text(script.read_text().replace('"latency"', '"latence"'))
    again = project.resume()
    assert again.returncode == 0, again.stderr
    assert "note:" not in again.stdout
    assert "best 20 " in again.stdout
    assert project.states() == ["COMPLETE"] * 12


def test_an_empty_front(project: Project) -> None:
    printed = _searched(
        project, {"default": "maximize", "size": "<= -1", "latency": "minimize"}, max_trials=4
    )
    assert "Pareto" not in printed
    assert "Pareto" not in project.command("status", project.experiment).stdout
    shown = project.command("top", "--front", project.experiment)
    assert shown.returncode == 3
    why = "no trial within its bounds reports every objective"
    assert f"The front is empty: {why}" in shown.stderr


def test_a_trial_without_one_of_the_objectives_has_failed(project: Project) -> None:
    goals = {"default": "maximize", "siz": "minimize"}
    project.write(MEASURED, tuner="grid", optimize_mode=goals, max_trials=2)
    done = project.run()
    assert done.returncode == 3
    lacks = "the result lacks 'siz', which optimize_mode names"
    assert lacks in done.stderr
    assert project.states() == ["FAIL", "FAIL"]
    assert all(reason.startswith(lacks) for reason in project.reasons())
    assert project.trials()[1].user_attrs["result"]["latency"] == 0.25, "nothing is lost"


def test_the_study_has_a_direction_and_a_name_for_each_objective(project: Project) -> None:
    _searched(project)
    url = f"sqlite:///{project.experiment / 'study.db'}"
    (name,) = optuna.get_all_study_names(url)
    study = optuna.load_study(study_name=name, storage=url)
    assert [direction.name for direction in study.directions] == ["MAXIMIZE", "MINIMIZE"]
    assert study.metric_names == ["default", "size"]
    best = {tuple(trial.values) for trial in study.best_trials}
    assert best == {(20, 4), (13, 3), (12, 2), (3, 1), (2, 0)}


def test_a_metric_may_be_the_objective_and_none_need_be_called_default(project: Project) -> None:
    trial = "report({'accuracy': value, 'size': number}, sequence=0)"
    project.write(trial, tuner="grid", optimize_mode={"accuracy": "maximize"}, max_trials=12)
    done = project.run()
    assert done.returncode == 0, done.stderr
    assert [trial.value for trial in project.trials()] == sorted(
        trial.value for trial in project.trials()
    )
    best = json.loads(project.command("export", project.experiment).stdout)
    assert best == {"a": "z", "b": "s"}


def test_no_front_before_the_first_result(project: Project) -> None:
    project.write("sys.exit(1)", tuner="grid", optimize_mode=GOALS, max_trials=1)
    project.run()
    shown = project.command("top", "--front", project.experiment)
    assert shown.returncode == 3
    assert shown.stderr == "No trial has succeeded yet.\n"

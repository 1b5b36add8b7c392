"""Hyperband in real experiments: small budgets for many trials, large ones for the best."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from tests.experiment_kit import Project, finish, kill

# Trains for its budget, going on from its own checkpoint; notes every epoch that it trains.
TRAIN = """
budget = assignment.parameters["TRIAL_BUDGET"]
checkpoint = folder / "output" / "epochs"
done = int(checkpoint.read_text()) if checkpoint.exists() else 0
for epoch in range(done, budget):
    with open("epochs.log", "a") as log:
        log.write(f"{number} {epoch}\\n")
    checkpoint.write_text(str(epoch + 1))
report({"default": value * (1 - 0.5 ** budget), "size": number})
"""


def _write(project: Project, **config: object) -> None:
    project.write(TRAIN, **({"tuner": "grid", "max_trials": 12, "budget": 9} | config))


def _epochs(project: Project) -> Counter[str]:
    return Counter((project.path / "epochs.log").read_text().splitlines())


def test_the_best_go_on_from_their_own_checkpoints(project: Project) -> None:
    _write(project)
    done = project.run()
    assert done.returncode == 0, done.stderr
    trials = project.trials()
    assert {trial.state.name for trial in trials} == {"COMPLETE", "PRUNED"}
    for trial in trials:
        budgets = list(trial.intermediate_values)
        last = budgets[-1]
        assert trial.value == trial.intermediate_values[last]
        assert trial.user_attrs["result"]["size"] == trial.number
        assert (trial.state.name == "COMPLETE") == (last == 9)
        assert set(budgets) <= {1, 3, 9}
    first = [trial for trial in trials if 1 in trial.intermediate_values]
    assert len(first) == 9
    assert sum(3 in trial.intermediate_values for trial in first) == 3
    assert sum(9 in trial.intermediate_values for trial in first) == 1
    assert set(_epochs(project).values()) == {1}, "no epoch is trained twice"
    assert "at budget 1, " in done.stdout


@pytest.mark.parametrize("concurrency", [1, 3])
def test_a_run_that_is_killed_and_resumed_ends_as_if_it_had_not_been(
    project: Project, concurrency: int
) -> None:
    _write(project)
    assert project.run().returncode == 0
    undisturbed = [(t.state, t.params, t.intermediate_values) for t in project.trials()]
    (project.path / "epochs.log").unlink()
    project.experiment.rename(project.path / "first")

    _write(project, concurrency=concurrency)
    script = (project.path / "trial.py").read_text()
    (project.path / "trial.py").write_text(
        script + "\nif number in (3, 4) and budget == 1 or budget == 3: signal_test()\n"
    )
    project.open_signals()
    runner = project.start_run()
    for _ in range(4):
        project.wait_for_trial()
        kill(runner)
        runner = project.start("resume", "experiment")
    finish(runner)
    assert runner.returncode == 0
    if concurrency == 1:
        again = [(t.state, t.params, t.intermediate_values) for t in project.trials()]
        assert again == undisturbed
    assert set(_epochs(project).values()) == {1}


def test_failed_trials_do_not_go_on(project: Project) -> None:
    _write(project)
    script = (project.path / "trial.py").read_text()
    (project.path / "trial.py").write_text(
        script.replace("budget =", "assert number != 8\nbudget =")
    )
    assert project.run().returncode == 0
    states = project.states()
    assert states[8] == "FAIL"
    assert states.count("COMPLETE") >= 2


def test_what_is_left_when_the_trials_are_used_up_still_goes_on(project: Project) -> None:
    _write(project, max_trials=5)
    assert project.run().returncode == 0
    assert sorted(project.states()) == ["COMPLETE", *["PRUNED"] * 4]


def test_one_bracket_is_successive_halving(project: Project) -> None:
    _write(project, budget={"maximum": 4, "eta": 2, "brackets": 1}, max_trials=8)
    assert project.run().returncode == 0
    reached = Counter(max(trial.intermediate_values) for trial in project.trials())
    assert reached == {1: 4, 2: 2, 4: 2}


def test_mistakes_are_told_before_the_run(project: Project) -> None:
    _write(project, budget={"maximum": 3, "minimum": 4}, early_stopping="median")
    done = project.run()
    assert done.returncode == 2
    assert "`1 <= minimum <= maximum` must hold" in done.stderr
    assert "budget stops trials by itself" in done.stderr
    _write(project, optimize_mode={"default": "maximize", "size": "minimize"})
    assert "make the others of optimize_mode bounds" in project.run().stderr


def test_the_best_are_confirmed_with_the_whole_budget(project: Project) -> None:
    _write(project, max_trials=4)
    assert project.run().returncode == 0
    shown = project.command("confirm", project.experiment, "--top", "1", "--seeds", "1")
    assert shown.returncode == 0, shown.stderr
    (given,) = project.experiment.glob("confirm/seed-1/*/parameters.json")
    assert json.loads(given.read_text())["parameters"]["TRIAL_BUDGET"] == 9


def test_results_of_no_use_end_the_run_at_the_smallest_budget(project: Project) -> None:
    mode = {"default": "maximize", "latency": "<= 5"}
    _write(project, optimize_mode=mode, max_consecutive_failures=3)
    done = project.run()
    assert done.returncode == 3
    lacks = "the result lacks 'latency', which optimize_mode names; it has default, size"
    assert f"note: {lacks}" in done.stdout
    assert "Too many trials in a row gave no usable result; trial 2: " + lacks in done.stderr
    assert project.trial_record(2)["remarks"] == [lacks]
    assert [list(trial.intermediate_values) for trial in project.trials()] == [[1]] * 3

"""``kill -9`` of the runner, and going on."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from nas_tuners.experiment.events.file import read_events
from tests.experiment_kit import SPACE, Project, eventually, finish, is_alive, kill

HANG_ONCE = """
if number == 3 and not (folder / "output" / "seen").exists():
    (folder / "output" / "seen").write_text("checkpoint")
    print("first attempt")
    report(0.5, "intermediate")
    signal_test()
    signal.pause()
report(value)
"""
WIDE = {f"k{i}": {"_type": "layer_choice", "_value": list("abcdef")} for i in range(6)} | SPACE


def start_and_kill(project: Project, trial: str = HANG_ONCE, **config: Any) -> int:
    """Kill the runner while trial 3 runs; the process id of that trial."""
    project.write(trial, max_trials=8, search_space=WIDE, **config)
    project.open_signals()
    runner = project.start_run()
    number, pid = project.wait_for_trial()
    assert number == 3
    kill(runner)
    return pid


def architectures(project: Project) -> list[dict[str, Any]]:
    return [trial.user_attrs["architecture"] for trial in project.trials()]


def test_no_orphan_outlives_the_runner(project: Project) -> None:
    pid = start_and_kill(project)
    assert eventually(lambda: not is_alive(pid))


@pytest.mark.parametrize("tuner", ["random", "RegularizedEvolution", "optuna.samplers:TPESampler"])
def test_resume_suggests_what_an_uninterrupted_run_suggests(
    project: Project, tmp_path: Path, tuner: str
) -> None:
    args: dict[str, Any] = {}
    if tuner == "RegularizedEvolution":
        args = {"population_size": 3, "sample_size": 2}
    if "TPE" in tuner:
        args = {"n_startup_trials": 2, "seed": 5}
    choice = {"tuner": {"name": tuner, "args": args}}
    start_and_kill(project, **choice)
    done = project.resume()
    assert done.returncode == 0, done.stderr
    assert project.states() == ["COMPLETE"] * 8

    (tmp_path / "other").mkdir()
    uninterrupted = Project(tmp_path / "other")
    uninterrupted.write("report(value)", max_trials=8, search_space=WIDE, **choice)
    assert uninterrupted.run().returncode == 0
    assert architectures(project) == architectures(uninterrupted)


def test_the_unfinished_trial_runs_again_with_what_it_had_saved(project: Project) -> None:
    start_and_kill(project)
    before = project.trials()
    assert project.resume().returncode == 0
    after = project.trials()
    assert after[3].params == before[3].params
    assert [trial.value for trial in after[:3]] == [trial.value for trial in before[:3]]
    folder = project.trial_folder(3)
    assert (folder / "output" / "seen").read_text() == "checkpoint"
    assert (folder / "attempt-1" / "stdout.txt").read_text() == "first attempt\n"
    assert "intermediate" in (folder / "attempt-1" / "metrics.jsonl").read_text()
    assert "intermediate" not in (folder / "metrics.jsonl").read_text()
    assert (folder / "stdout.txt").read_text() == ""


def test_a_result_that_the_runner_did_not_live_to_record_is_not_lost(project: Project) -> None:
    trial = """
count = len(list(folder.glob("ran-*")))
(folder / f"ran-{count}").touch()
report(value)
if number == 3:
    signal_test()
    signal.pause()
"""
    start_and_kill(project, trial)
    assert project.states()[3] == "RUNNING"
    assert project.resume().returncode == 0
    assert project.states() == ["COMPLETE"] * 8
    assert len(list(project.trial_folder(3).glob("ran-*"))) == 1
    events = read_events(project.experiment / "events.jsonl")
    ends = {e["trial"]: e["state"] for e in events if e["event"] == "trial_finished"}
    assert ends == dict.fromkeys(range(8), "complete"), "it is told of, too"
    assert project.trial_record(3)["value"] == project.trials()[3].value


def test_a_result_that_is_not_usable_is_recorded_as_such(project: Project) -> None:
    trial = """
report({"accuracy": value})
if number == 3:
    signal_test()
    signal.pause()
"""
    goals = {"accuracy": "maximize", "latency": "minimize"}
    start_and_kill(project, trial, optimize_mode=goals, tuner="nsga2")
    project.resume()
    assert project.states()[3] == "FAIL"
    assert "the result lacks 'latency'" in project.reasons()[3]


def test_a_pipe_in_the_place_of_the_parameters_is_not_waited_for(project: Project) -> None:
    trial = """
count = len(list(folder.glob("ran-*")))
(folder / f"ran-{count}").touch()
if number == 3 and count == 0:
    report(value)
    (folder / "parameters.json").unlink()
    os.mkfifo(folder / "parameters.json")
    signal_test()
    signal.pause()
report(value)
"""
    start_and_kill(project, trial)
    assert project.resume().returncode == 0
    assert project.states() == ["COMPLETE"] * 8


def test_resume_ends_what_a_dead_watchdog_left(project: Project) -> None:
    project.write(HANG_ONCE, max_trials=8, search_space=WIDE)
    project.open_signals()
    runner = project.start_run()
    _, pid = project.wait_for_trial()
    os.kill(_watchdog_of(runner.pid), signal.SIGKILL)
    kill(runner)
    assert is_alive(pid)
    assert project.resume().returncode == 0
    assert not is_alive(pid)
    assert project.states() == ["COMPLETE"] * 8


def test_a_trial_without_a_folder_is_run(project: Project) -> None:
    """The runner may die between recording a suggestion and starting it."""
    import shutil

    start_and_kill(project)
    shutil.rmtree(project.trial_folder(3))
    project.write("report(value)")
    assert project.resume().returncode == 0
    assert project.states() == ["COMPLETE"] * 8


def test_the_status_of_a_killed_run(project: Project) -> None:
    start_and_kill(project)
    shown = project.command("status", project.experiment).stdout
    assert "crashed, or was killed; go on with: nas-tuners resume" in shown
    assert "4 of at most 8: 3 complete, 1 running" in shown


def test_a_finished_experiment_goes_on_with_higher_limits(project: Project) -> None:
    project.write(max_trials=2)
    assert project.run().returncode == 0
    assert project.resume().returncode == 0
    assert len(project.trials()) == 2
    assert project.resume("--max-trials", "4").returncode == 0
    assert len(project.trials()) == 4


def test_the_time_taken_carries_over(project: Project) -> None:
    project.write(max_trials=2)
    assert project.run().returncode == 0
    state_file = project.experiment / "runner.json"
    first = json.loads(state_file.read_text())["elapsed"]
    assert project.resume("--max-trials", "3").returncode == 0
    assert json.loads(state_file.read_text())["elapsed"] > first
    # the time is used up now, so no further trial is started
    done = project.resume("--max-trials", "9", "--max-duration", "0.01")
    assert done.returncode == 0
    assert len(project.trials()) == 3
    assert "max_duration reached" in project.command("status", project.experiment).stdout


def test_a_second_runner_is_refused(project: Project) -> None:
    project.write("signal_test()\nsignal.pause()")
    project.open_signals()
    runner = project.start_run()
    project.wait_for_trial()
    refused = project.resume()
    assert refused.returncode == 5
    assert f"is run by process {runner.pid} already" in refused.stderr
    runner.send_signal(signal.SIGINT)
    finish(runner)


def _watchdog_of(runner: int) -> int:
    children = Path(f"/proc/{runner}/task/{runner}/children").read_text().split()
    (watchdog,) = [
        int(pid) for pid in children if b"watchdog" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    return watchdog

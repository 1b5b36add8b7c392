"""The events of whole experiments, as they stand in the file and as callbacks are told them."""

from __future__ import annotations

import signal
import sys
from typing import Any

import pytest

from nas_tuners.experiment.events.file import read_events
from tests.experiment_kit import Project, finish, kill


def events(project: Project, *names: str) -> list[dict[str, Any]]:
    records = read_events(project.experiment / "events.jsonl")
    return [record for record in records if not names or record["event"] in names]


def test_a_run_and_a_longer_one(project: Project) -> None:
    project.write("report(0.5, 'intermediate')\nreport(value)", max_trials=2)
    assert project.run().returncode == 0
    assert project.resume("--max-trials", "3").returncode == 0
    names = [event["event"] for event in events(project) if event["event"] != "best_changed"]
    trial = ["trial_started", "trial_reported", "trial_finished"]
    assert names == [
        "run_started",
        *trial,
        *trial,
        "run_ended",
        "run_started",
        *trial,
        "run_ended",
    ]
    assert [event["trials"] for event in events(project, "run_started")] == [0, 2]
    found = {trial.number: trial.value for trial in project.trials()}
    assert {e["trial"]: e["value"] for e in events(project, "trial_finished")} == found
    best = max(found, key=lambda number: (found[number], -number))
    (*_, end) = events(project, "run_ended")
    assert (end["trial"], end["value"], end["ending"]) == (best, found[best], "max_trials")
    assert events(project, "best_changed")[-1]["trial"] == best


def test_a_failed_trial(project: Project) -> None:
    project.write("sys.exit(3)", max_trials=1)
    project.run()
    (failed,) = events(project, "trial_finished")
    assert (failed["state"], failed["reason"]) == ("failed", "exit code 3")


def test_a_runner_that_is_killed_leaves_no_end_and_the_next_goes_on(project: Project) -> None:
    project.open_signals()
    project.write("signal_test(); time.sleep(300)", max_trials=1)
    process = project.start_run()
    project.wait_for_trial()
    kill(process)
    with (project.experiment / "events.jsonl").open("a") as file:
        file.write('{"time": 1, "ev')
    project.write("report(value)", max_trials=1)
    assert project.resume().returncode == 0
    assert [event["event"] for event in events(project)] == [
        "run_started",
        "trial_started",
        "run_started",
        "trial_started",
        "trial_finished",
        "best_changed",
        "run_ended",
    ]
    assert [event["attempt"] for event in events(project, "trial_started")] == [1, 2]


def test_an_interrupted_run(project: Project) -> None:
    project.open_signals()
    project.write("signal_test(); time.sleep(300)", max_trials=1)
    process = project.start_run()
    project.wait_for_trial()
    process.send_signal(signal.SIGINT)
    finish(process)
    stopped, end = events(project, "trial_finished", "run_ended")
    assert (stopped["state"], end["ending"]) == ("stopped", "interrupted")


CALLBACK = """
from nas_tuners.callbacks import Callback

class Broken(Callback):
    def on_trial_started(self, event):
        raise RuntimeError("no luck")
"""


def test_a_broken_callback_and_a_broken_command_end_nothing(project: Project) -> None:
    (project.path / "broken_callbacks.py").write_text(CALLBACK)
    notify = {"command": [sys.executable, "-c", "raise SystemExit(9)"], "events": ["run_ended"]}
    callbacks = ["broken_callbacks:Broken"]
    project.write(callbacks=callbacks, notify=notify)
    assert project.run().returncode == 0
    log = (project.experiment / "runner.log").read_text()
    assert log.count("RuntimeError: no luck") == 3
    assert "`notify` on run_ended: exit code 9." in log


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"callbacks": ["mlfow"]}, "no callback 'mlfow'; did you mean 'mlflow'?"),
        ({"notify": {"command": "true", "events": ["run_end"]}}, "did you mean 'run_ended'?"),
    ],
)
def test_mistakes_are_told_before_anything_runs(
    project: Project, config: dict[str, Any], said: str
) -> None:
    project.write(**config)
    done = project.run()
    assert done.returncode == 2
    assert said in done.stderr
    assert not project.experiment.exists()

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import nas_tuners
from nas_tuners.contract.errors import ConfigError, ExperimentError
from nas_tuners.contract.search_space import SearchSpace
from nas_tuners.contract.trial_io import Assignment, Metric
from nas_tuners.experiment.configuration.config import ExperimentConfig
from nas_tuners.experiment.configuration.parts import CallbackConfig, NotifyConfig, TunerConfig
from nas_tuners.experiment.events.events import BestChanged, ExperimentEvent
from nas_tuners.experiment.events.file import read_events
from nas_tuners.experiment.events.observer import EventsObserver
from nas_tuners.experiment.events.sinks import open_events
from nas_tuners.experiment.folder import ExperimentFolder, create_folder
from nas_tuners.experiment.launcher import Exited
from nas_tuners.experiment.loop import Finished
from nas_tuners.experiment.outcome import Complete, Failed, Outcome, Pruned
from nas_tuners.experiment.records import StudyTrial
from nas_tuners.experiment.results import Results, TrialResult
from nas_tuners.tuners._goals import Goals
from tests.experiment_kit import SPACE

GOALS = Goals.of({"default": "maximize", "latency": "<= 5"})
ONE_GOAL = Goals.of("maximize")
FINAL = Metric("final", 0, 0.5)


@pytest.fixture
def config(tmp_path: Path) -> ExperimentConfig:
    return ExperimentConfig(
        name="digits",
        command="true",
        tuner=TunerConfig("random", {"token": "s3cret"}),
        code_directory=tmp_path,
        experiments_directory=tmp_path / "runs",
        seed=7,
    )


@pytest.fixture
def folder(config: ExperimentConfig) -> ExperimentFolder:
    return create_folder(config, SearchSpace(SPACE))


class Seen:
    """An observer, and what it has told so far."""

    def __init__(self, folder: ExperimentFolder, goals: Goals = ONE_GOAL) -> None:
        self.events: list[ExperimentEvent] = []
        self.observer = EventsObserver(
            folder, goals=goals, sinks=[self.events.append], clock=lambda: 5.0
        )

    def last(self) -> dict[str, Any]:
        record = self.events[-1].record()
        assert (record.pop("time"), record.pop("experiment")[:7]) == (5.0, "digits-")
        return record

    def finish(self, value: Any, number: int = 0) -> None:
        value = {"default": value} if isinstance(value, int) else value
        self.observer.finished(ended(Complete(Metric("final", 0, value)), number=number))

    def bests(self) -> list[tuple[int, float]]:
        return [(e.trial, e.value) for e in self.events if isinstance(e, BestChanged)]


@pytest.fixture
def seen(folder: ExperimentFolder) -> Seen:
    return Seen(folder)


def trial(number: int = 0) -> StudyTrial:
    return StudyTrial(number, Assignment("e", f"e-{number}", number, {}), {"a": "x", "b": "p"})


def ended(outcome: Outcome | None, *, number: int = 0, **exited: Any) -> Finished:
    return Finished(trial(number), outcome, Exited(number, 0, **exited), 1.23456)


def results(values: Mapping[int, float], *, excess: float = 0.0) -> Results:
    trials = [
        TrialResult(
            number, "complete", value, {}, 1.0, None, {"latency": excess}, {"default": value}
        )
        for number, value in values.items()
    ]
    return Results(tuple(trials), maximize=True, goals=GOALS)


def test_the_beginning(seen: Seen, folder: ExperimentFolder, config: ExperimentConfig) -> None:
    seen.observer.begun(config, results({0: 1.0, 1: 2.0}))
    record = seen.last()
    assert record.pop("host")
    assert record == {
        "event": "run_started",
        "folder": str(folder.path),
        "study": "digits",
        "pid": os.getpid(),
        "version": nas_tuners.__version__,
        "tuner": "random",
        "seed": 7,
        "trials": 2,
    }


def test_a_trial_starts_and_starts_again(seen: Seen, folder: ExperimentFolder) -> None:
    files = folder.trials / "0003"
    (files / "attempt-1").mkdir(parents=True)
    seen.observer.started(trial(3))
    assert seen.last() == {
        "event": "trial_started",
        "trial": 3,
        "architecture": {"a": "x", "b": "p"},
        "attempt": 2,
        "folder": str(files),
    }


def test_reports(seen: Seen) -> None:
    seen.observer.reported(trial(), Metric("intermediate", 4, {"default": 0.5, "loss": 1.0}))
    assert seen.last() == {
        "event": "trial_reported",
        "trial": 0,
        "sequence": 4,
        "value": 0.5,
        "metrics": {"loss": 1.0},
    }
    seen.observer.reported(trial(), Metric("final", 0, 0.5))
    assert len(seen.events) == 1  # the end of the trial tells of it


@pytest.mark.parametrize(
    ("outcome", "state", "value", "reason"),
    [
        (Complete(FINAL, ("odd", "very"), usable=False), "complete", 0.5, "odd; very"),
        (Failed("exit code 1"), "failed", None, "exit code 1"),
        (Pruned(Metric("intermediate", 2, 0.25), "too low"), "pruned", 0.25, "too low"),
        (None, "stopped", None, ""),
    ],
)
def test_ends(
    seen: Seen, outcome: Outcome | None, state: str, value: float | None, reason: str
) -> None:
    seen.observer.finished(ended(outcome))
    assert seen.last() == {
        "event": "trial_finished",
        "trial": 0,
        "state": state,
        "value": value,
        "metrics": {},
        "reason": reason,
        "seconds": 1.235,
    }
    assert len(seen.events) == 1  # none of them is the best


def test_a_trial_whose_worker_is_gone_runs_again(seen: Seen) -> None:
    seen.observer.finished(ended(None, lost=True, last_words="node 2 died"))
    assert seen.last() == {"event": "trial_retried", "trial": 0, "reason": "node 2 died"}


def test_the_first_objective_is_the_value(folder: ExperimentFolder) -> None:
    seen = Seen(folder, Goals.of({"accuracy": "maximize", "latency": "minimize"}))
    seen.finish({"accuracy": 0.5, "latency": 4.0})
    assert seen.bests() == [(0, 0.5)]
    record = seen.events[0].record()
    assert record["value"] == 0.5
    assert record["metrics"] == {"accuracy": 0.5, "latency": 4.0}


def test_only_what_is_better_and_within_bounds_is_the_best(folder: ExperimentFolder) -> None:
    seen = Seen(folder, GOALS)
    for number, (value, latency) in enumerate([(1, 5), (9, 6), (1, 1), (3, 2), (2, 1)]):
        seen.finish({"default": value, "latency": latency}, number)
    assert seen.bests() == [(0, 1.0), (3, 3.0)]


def test_where_less_is_better(folder: ExperimentFolder) -> None:
    seen = Seen(folder, Goals.of("minimize"))
    for number, value in enumerate([3, 4, 2]):
        seen.finish(value, number)
    assert seen.bests() == [(0, 3.0), (2, 2.0)]


def test_what_was_found_before_counts(folder: ExperimentFolder, config: ExperimentConfig) -> None:
    for before, expected in [
        (results({0: 7.0}), [(2, 8.0)]),
        (results({0: 7.0}, excess=1.0), [(1, 6.0), (2, 8.0)]),
        (results({}), [(1, 6.0), (2, 8.0)]),
    ]:
        seen = Seen(folder)
        seen.observer.begun(config, before)
        seen.finish(6, 1)
        seen.finish(8, 2)
        assert seen.bests() == expected


def test_waiting(seen: Seen) -> None:
    seen.observer.waiting("no answer from mysql://ann:s3cret@db")
    assert seen.last() == {"event": "waiting", "reason": "no answer from mysql://ann:***@db"}
    seen.observer.resumed(2.34567)
    assert seen.last() == {"event": "resumed", "seconds": 2.346}


@pytest.mark.parametrize(
    ("error", "ending", "reason"),
    [
        (ExperimentError("disk full"), "error", "ExperimentError: disk full"),
        (KeyboardInterrupt(), "interrupted", "interrupted"),
    ],
)
def test_a_run_that_breaks_off(
    folder: ExperimentFolder,
    config: ExperimentConfig,
    error: BaseException,
    ending: str,
    reason: str,
) -> None:
    def run() -> None:
        with open_events(folder, config, ONE_GOAL) as observer:
            observer.begun(config, results({4: 1.0}))
            observer.tick(12.0)
            raise error

    with pytest.raises(type(error)):
        run()
    record = read_events(folder.path / "events.jsonl")[-1]
    assert (record["event"], record["ending"], record["reason"]) == ("run_ended", ending, reason)
    assert (record["trial"], record["value"], record["seconds"]) == (4, 1.0, 12.0)


def test_a_run_that_never_began_has_no_end(
    folder: ExperimentFolder, config: ExperimentConfig
) -> None:
    with pytest.raises(ExperimentError), open_events(folder, config, ONE_GOAL):
        raise ExperimentError("no such storage")
    assert read_events(folder.path / "events.jsonl") == []


def test_callbacks_and_the_command_are_told_before_it_is_over(
    folder: ExperimentFolder, config: ExperimentConfig, tmp_path: Path
) -> None:
    (tmp_path / "told_callbacks.py").write_text(
        "from nas_tuners.callbacks import Callback\n"
        "class Told(Callback):\n"
        "    def on_event(self, event):\n"
        "        with open('told.txt', 'a') as file:\n"
        "            file.write(event.name + '\\n')\n"
    )
    code = "import sys; open('hook.txt', 'a').write(sys.stdin.read())"
    config = replace(
        config,
        callbacks=(CallbackConfig("told_callbacks:Told"),),
        notify=NotifyConfig((sys.executable, "-c", code), ("trial_failed",)),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        with open_events(folder, config, ONE_GOAL) as observer:
            observer.started(trial())
            observer.finished(ended(Complete(FINAL)))
            observer.finished(ended(Failed("no"), number=1))
    names = ["trial_started", "trial_finished", "best_changed", "trial_finished"]
    assert (tmp_path / "told.txt").read_text().split() == names
    assert '"trial": 1, "state": "failed"' in (tmp_path / "hook.txt").read_text()
    assert (tmp_path / "hook.txt").read_text().count("{") == 2  # one event, and its metrics


def test_a_callback_that_cannot_be_made_is_said_before_anything_happens(
    folder: ExperimentFolder, config: ExperimentConfig
) -> None:
    config = replace(config, callbacks=(CallbackConfig("nothing"),))
    with (
        pytest.raises(ConfigError, match="no callback 'nothing'"),
        open_events(folder, config, ONE_GOAL),
    ):
        pass
    assert not (folder.path / "events.jsonl").exists()


def test_no_secret_of_the_configuration_is_written(
    folder: ExperimentFolder, config: ExperimentConfig
) -> None:
    url = "postgresql://ann:s3cret@db/nas"
    config = replace(config, storage=url, environment={"TOKEN": "s3cret"})

    def run() -> None:
        with open_events(folder, config, ONE_GOAL) as observer:
            observer.begun(config, results({}))
            observer.waiting(f"{url} does not answer")
            observer.finished(ended(Failed(f"cannot reach {url}")))
            observer.finished(ended(None, lost=True, last_words=f"lost {url}"))
            raise OSError(f"no answer from {url}")

    with pytest.raises(OSError, match="no answer"):
        run()
    text = (folder.path / "events.jsonl").read_text()
    assert text.count("ann:***@db") == 4
    assert "s3cret" not in text

"""Events of an experiment with trials that overlap, as the callbacks are told them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from nas_tuners.experiment.events.callbacks import Callback, Guarded
from nas_tuners.experiment.events.events import (
    BestChanged,
    ExperimentEvent,
    RunEnded,
    RunStarted,
    TrialFinished,
    TrialReported,
    TrialRetried,
    TrialStarted,
)

ID = "cells-12ab34cd"
ARCHITECTURE = {"conv": "conv3x3", "skip": ["in1"], "dropout": 0.5}

_NOW = iter(range(1_700_000_000, 1_800_000_000))


def _about() -> dict[str, Any]:
    return {"time": float(next(_NOW)), "experiment": ID}


def run_started(folder: Path, trials: int = 0) -> RunStarted:
    who: dict[str, Any] = {"host": "here", "pid": 1, "version": "0.1.0"}
    what: dict[str, Any] = {"study": "cells", "tuner": "random", "seed": 7, "trials": trials}
    return RunStarted(**_about(), folder=str(folder), **who, **what)


def started(trial: int, attempt: int = 1) -> TrialStarted:
    architecture = {**ARCHITECTURE, "dropout": trial / 10}
    return TrialStarted(
        **_about(), trial=trial, architecture=architecture, attempt=attempt, folder=""
    )


def reported(trial: int, sequence: int, value: float, **metrics: Any) -> TrialReported:
    return TrialReported(**_about(), trial=trial, sequence=sequence, value=value, metrics=metrics)


def finished(trial: int, state: Any, value: float | None, **metrics: Any) -> TrialFinished:
    reason = "" if state == "complete" else "because"
    return TrialFinished(
        **_about(),
        trial=trial,
        state=state,
        value=value,
        metrics=metrics,
        reason=reason,
        seconds=1.0,
    )


def retried(trial: int) -> TrialRetried:
    return TrialRetried(**_about(), trial=trial, reason="the node is gone")


def best(trial: int, value: float) -> BestChanged:
    return BestChanged(**_about(), trial=trial, value=value)


def run_ended(ending: str = "max_trials") -> RunEnded:
    return RunEnded(**_about(), ending=ending, reason="", trial=0, value=0.9, seconds=5.0)


def story(folder: Path) -> Iterator[ExperimentEvent]:
    """Trials 0 to 2 overlap: one completes, one is pruned, one fails."""
    yield run_started(folder)
    yield started(0)
    yield started(1)
    yield reported(0, 0, 0.5, loss=1.5, note="warm")
    yield reported(1, 0, 0.1)
    yield started(2)
    yield reported(0, 1, 0.7, loss=1.0)
    yield finished(1, "pruned", 0.1)
    yield finished(0, "complete", 0.9, latency=4.0)
    yield best(0, 0.9)
    yield finished(2, "failed", None)
    yield run_ended()


def tell(callback: Callback, events: Iterable[ExperimentEvent]) -> None:
    """As a run tells them, but that a mistake is raised."""
    guarded = Guarded(callback)
    for event in events:
        guarded.handle(event)
        assert not guarded._failures, event

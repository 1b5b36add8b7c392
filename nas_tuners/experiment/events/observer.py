"""Makes events of what the loop does, and tells everybody who wants to know."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import nas_tuners
from nas_tuners.contract.trial_io import Metric

from ..configuration.config import ExperimentConfig
from ..folder import ExperimentFolder
from ..loop import Finished, Loop
from ..outcome import Complete, Failed, Paused, Pruned
from ..records import StudyTrial
from ..results import Results
from ..study_setup import study_name
from ..trial_files import trial_folder
from .events import (
    BestChanged,
    ExperimentEvent,
    Resumed,
    RunEnded,
    RunStarted,
    State,
    TrialFinished,
    TrialReported,
    TrialRetried,
    TrialStarted,
    Waiting,
    without_passwords,
)

if TYPE_CHECKING:
    from nas_tuners.tuners._goals import Goals

Sink = Callable[[ExperimentEvent], None]


class EventsObserver:
    """An :class:`.Observer` that gives an event for each thing it is told.

    Args:
        folder: The experiment's.
        goals: What the search is after.
        sinks: Take the events; they neither raise nor wait.
        clock: Epoch seconds.
    """

    def __init__(
        self,
        folder: ExperimentFolder,
        *,
        goals: Goals,
        sinks: Sequence[Sink],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._folder, self._goals, self._sinks, self._clock = folder, goals, sinks, clock
        self._id = folder.state().experiment_id
        self._elapsed = folder.state().elapsed
        self._best: tuple[int, float] | None = None
        self._has_begun = False

    def begun(self, config: ExperimentConfig, before: Results) -> None:
        """The run begins, with what the study holds."""
        self._best = _best_of(before)
        self._has_begun = True
        self._tell(
            RunStarted,
            folder=str(self._folder.path),
            study=study_name(config),
            host=socket.gethostname(),
            pid=os.getpid(),
            version=nas_tuners.__version__,
            tuner=config.tuner.name,
            seed=config.seed,
            trials=len(before.trials),
        )

    def started(self, trial: StudyTrial) -> None:
        folder = trial_folder(self._folder.trials, trial.number)
        attempt = 1 + len(list(folder.glob("attempt-*")))
        self._tell(
            TrialStarted,
            trial=trial.number,
            architecture=trial.architecture,
            attempt=attempt,
            folder=str(folder),
        )

    def reported(self, trial: StudyTrial, metric: Metric) -> None:
        if metric.kind == "intermediate":
            self._tell(
                TrialReported,
                trial=trial.number,
                sequence=metric.sequence,
                value=self._value(metric),
                metrics=_further(metric),
            )

    def finished(self, finished: Finished) -> None:
        number, outcome = finished.trial.number, finished.outcome
        if outcome is None and finished.exited.lost:
            reason = without_passwords(finished.exited.last_words) or "what ran it is gone"
            self._tell(TrialRetried, trial=number, reason=reason)
            return
        metric = None if outcome is None or isinstance(outcome, Failed) else outcome.metric
        self._tell(
            TrialFinished,
            trial=number,
            state=_state(finished),
            value=self._value(metric) if metric else None,
            metrics=_further(metric) if metric else {},
            reason=without_passwords(_reason(finished)),
            seconds=round(finished.seconds, 3),
        )
        if isinstance(outcome, Complete) and outcome.usable:
            self._compare(number, outcome.metric)

    def tick(self, elapsed: float) -> None:
        self._elapsed = elapsed

    def waiting(self, reason: str) -> None:
        """The run, or its next trial, cannot go on."""
        self._tell(Waiting, reason=without_passwords(reason))

    def resumed(self, seconds: float) -> None:
        """The run goes on after so many seconds."""
        self._tell(Resumed, seconds=round(seconds, 3))

    def ended(self, loop: Loop) -> None:
        """The run ended by itself, or was ended in order."""
        assert loop.ending is not None
        self._elapsed = loop.elapsed
        reason = loop.ending.value
        if loop.tuner_error is not None:
            reason = f"{reason}: {loop.tuner_error}"
        self._end(loop.ending.name.lower(), reason)

    def broke_off(self, error: BaseException) -> None:
        """The run ended on an error; nothing is told if it had not even begun."""
        if not self._has_begun:
            return
        if isinstance(error, KeyboardInterrupt):
            self._end("interrupted", "interrupted")
        else:
            self._end("error", f"{type(error).__name__}: {error}")

    def _end(self, ending: str, reason: str) -> None:
        trial, value = self._best or (None, None)
        self._tell(
            RunEnded,
            ending=ending,
            reason=without_passwords(reason),
            trial=trial,
            value=value,
            seconds=round(self._elapsed, 3),
        )

    def _compare(self, number: int, metric: Metric) -> None:
        values = self._goals.values(metric.value)
        feasible = all(excess <= 0 for excess in self._goals.beyond(metric.value).values())
        if values is None or not feasible:
            return
        sign = self._goals.signs[0]
        if self._best is None or sign * values[0] > sign * self._best[1]:
            self._best = number, values[0]
            self._tell(BestChanged, trial=number, value=values[0])

    def _value(self, metric: Metric) -> float:
        """The first objective."""
        return metric.number(self._goals.objectives[0][0])

    def _tell(self, kind: type[ExperimentEvent], **fields: Any) -> None:
        event = kind(time=self._clock(), experiment=self._id, **fields)
        for sink in self._sinks:
            sink(event)


def _best_of(results: Results) -> tuple[int, float] | None:
    best = results.best(1)
    if not best or not best[0].feasible or best[0].value is None:
        return None
    return best[0].number, best[0].value


def _further(metric: Metric) -> dict[str, Any]:
    """What a report holds by name, but for ``default``."""
    if not isinstance(metric.value, dict):
        return {}
    return {name: value for name, value in metric.value.items() if name != "default"}


def _state(finished: Finished) -> State:
    outcome = finished.outcome
    if outcome is None:
        return "stopped"
    if isinstance(outcome, Complete):
        return "complete"
    if isinstance(outcome, Paused):
        return "paused"
    return "pruned" if isinstance(outcome, Pruned) else "failed"


def _reason(finished: Finished) -> str:
    outcome = finished.outcome
    if isinstance(outcome, Complete):
        return "; ".join(outcome.remarks)
    if isinstance(outcome, Paused):
        return "; ".join((f"budget {outcome.budget} is used up", *outcome.remarks))
    return outcome.reason if isinstance(outcome, (Failed, Pruned)) else ""

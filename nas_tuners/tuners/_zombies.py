"""Trials that a study shows as running although their process is gone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

_AT_LEAST = timedelta(hours=1)
_TIMES = 10  # the longest trial that ended with a result


def unfinished_trials(
    trials: Sequence[FrozenTrial], timeout: float | None, now: datetime
) -> list[FrozenTrial]:
    """The trials that wait or run, without those that have been running for too long.

    Args:
        trials: All trials of a study.
        timeout: Seconds after which a running trial counts as dead. None: ten times the longest
            trial that ended with a result, and at least an hour; before one has, all are alive.
        now: On the clock of the trials' times.
    """
    unfinished = [trial for trial in trials if not trial.state.is_finished()]
    shortest = _AT_LEAST.total_seconds() if timeout is None else timeout
    if not any(_age(trial, now) > shortest for trial in unfinished):
        return unfinished
    allowed = _usual_timeout(trials) if timeout is None else timeout
    return [trial for trial in unfinished if _age(trial, now) <= allowed]


def _usual_timeout(trials: Sequence[FrozenTrial]) -> float:
    durations = [
        duration
        for trial in trials
        # A dead trial that somebody declared failed says nothing about how long trials take.
        if trial.state.is_finished() and trial.values is not None
        if (duration := trial.duration) is not None
    ]
    if not durations:
        return float("inf")
    return max(_TIMES * max(durations), _AT_LEAST).total_seconds()


def _age(trial: FrozenTrial, now: datetime) -> float:
    """Seconds since it started; 0 for one that waits."""
    return (now - trial.datetime_start).total_seconds() if trial.datetime_start else 0.0

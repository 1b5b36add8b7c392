"""Trials that a study shows as running although their process is gone."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, final

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

_AT_LEAST = timedelta(hours=1)
_TIMES = 10  # the longest trial that ended with a result


@final
class Lifetimes:
    """Tells the trials that live from those that have been running for too long.

    Args:
        timeout: Seconds after which a running trial counts as dead. None: ten times the longest
            trial that ended with a result, and at least an hour; before one has, all are alive.
    """

    def __init__(self, timeout: float | None) -> None:
        self._timeout = timeout
        self._longest: timedelta | None = None

    def note(self, trial: FrozenTrial) -> None:
        """Take in how long a finished trial took."""
        # A dead trial that somebody declared failed says nothing about how long trials take.
        if trial.values is not None and trial.duration is not None:
            self._longest = max(self._longest or trial.duration, trial.duration)

    def alive(self, unfinished: Iterable[FrozenTrial], now: datetime) -> list[FrozenTrial]:
        """Those of the unfinished trials that live; ``now`` on the clock of the trials' times."""
        allowed = self._allowed()
        return [trial for trial in unfinished if _age(trial, now) <= allowed]

    def _allowed(self) -> float:
        if self._timeout is not None:
            return self._timeout
        if self._longest is None:
            return float("inf")
        return max(_TIMES * self._longest, _AT_LEAST).total_seconds()


def _age(trial: FrozenTrial, now: datetime) -> float:
    """Seconds since it started; 0 for one that waits."""
    return (now - trial.datetime_start).total_seconds() if trial.datetime_start else 0.0

"""How long a running trial is taken to live."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from nas_tuners.tuners._zombies import Lifetimes

NOW = datetime(2026, 1, 1)


def _trial(state: TrialState, *, began: float | None, took: float | None = None) -> FrozenTrial:
    """One that began so many minutes ago and took so many."""
    trial = create_trial(
        state=state,
        value=1.0 if state in (TrialState.COMPLETE, TrialState.PRUNED) else None,
        params={"x": 0.5},
        distributions={"x": FloatDistribution(0, 1)},
    )
    trial.datetime_start = None if began is None else NOW - timedelta(minutes=began)
    if took is not None:
        trial.datetime_complete = trial.datetime_start + timedelta(minutes=took)
    return trial


def _alive(trials: list[FrozenTrial], timeout: float | None) -> list[FrozenTrial]:
    lifetimes = Lifetimes(timeout)
    for trial in trials:
        if trial.state.is_finished():
            lifetimes.note(trial)
    return lifetimes.alive([t for t in trials if not t.state.is_finished()], NOW)


def _ages(trials: list[FrozenTrial], timeout: float | None) -> list[float]:
    """Minutes since they began, of those that are taken to live."""
    alive = _alive(trials, timeout)
    return [(NOW - (trial.datetime_start or NOW)).total_seconds() / 60 for trial in alive]


RUNNING = [_trial(TrialState.RUNNING, began=minutes) for minutes in (1, 50, 70, 310, 10_000)]


def test_before_a_result_all_are_alive() -> None:
    failed = _trial(TrialState.FAIL, began=400, took=1)
    assert _ages([failed, *RUNNING], None) == [1, 50, 70, 310, 10_000]


@pytest.mark.parametrize(("longest", "alive"), [(1, [1, 50]), (30, [1, 50, 70])])
def test_ten_times_the_longest_and_at_least_an_hour(longest: float, alive: list[float]) -> None:
    complete = _trial(TrialState.COMPLETE, began=900, took=longest)
    pruned = _trial(TrialState.PRUNED, began=900, took=longest / 2)
    declared_dead = _trial(TrialState.FAIL, began=900, took=890)
    assert _ages([complete, pruned, declared_dead, *RUNNING], None) == alive


def test_a_limit_of_ones_own() -> None:
    assert _ages(RUNNING, 60 * 60) == [1, 50]
    assert _ages(RUNNING, math.inf) == [1, 50, 70, 310, 10_000]


def test_waiting_trials_do_not_age() -> None:
    waiting = _trial(TrialState.WAITING, began=None)
    assert _alive([waiting], 1) == [waiting]
    assert _alive([waiting, *RUNNING], 1) == [waiting]

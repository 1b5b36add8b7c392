from __future__ import annotations

import signal
from typing import Any

import pytest

from nas_tuners.contract.trial_io import Metric
from nas_tuners.experiment.launcher import Exited
from nas_tuners.experiment.outcome import Complete, Failed, judge
from nas_tuners.tuners._goals import Goals

FINE, CRASHED = Exited(0, 0), Exited(0, 2, last_words="Error: no")
FINALS = [Metric("final", 0, 1.0), Metric("final", 1, 2.0)]
GOALS = Goals.of({"default": "maximize", "latence": "<= 5", "size": "minimize"})


def test_one_result_and_a_good_end() -> None:
    assert judge(FINALS[:1], [], FINE) == Complete(FINALS[0])


def test_the_last_result_counts_with_a_remark() -> None:
    outcome = judge(FINALS, [], FINE)
    assert outcome == Complete(FINALS[1], ("reported 2 final results; the last one counts",))


def test_a_result_outweighs_a_bad_end() -> None:
    outcome = judge(FINALS[:1], ["unusable record"], CRASHED)
    assert outcome == Complete(FINALS[0], ("exit code 2, after it had reported its final result",))


@pytest.mark.parametrize(
    ("exited", "unusable", "reason"),
    [
        (CRASHED, [], "exit code 2: Error: no"),
        (CRASHED, ["record a", "record b"], "exit code 2: Error: no: record b"),
        (Exited(0, 1), [], "exit code 1"),
        (Exited(0, None, signal.SIGSEGV), [], "killed by SIGSEGV"),
        (Exited(0, None, signal.SIGKILL), [], "killed by SIGKILL (out of memory?)"),
        (Exited(0, None, 99), [], "killed by signal 99"),
        (Exited(0, None, signal.SIGTERM, timed_out=True), [], "timed out after 10m"),
        (FINE, ["record a"], "record a"),
    ],
)
def test_why_a_trial_failed(exited: Exited, unusable: list[str], reason: str) -> None:
    assert judge([], unusable, exited, timeout=600) == Failed(reason)


def test_silence_says_how_to_speak() -> None:
    outcome = judge([], [], FINE)
    assert isinstance(outcome, Failed)
    assert "trial_api.report_final_result(value)" in outcome.reason


def _judged(goals: Goals, value: Any) -> Complete:
    outcome = judge([Metric("final", 0, value)], [], FINE, goals=goals)
    assert isinstance(outcome, Complete)
    return outcome


def test_a_result_that_lacks_what_the_goals_name_is_kept_and_not_usable() -> None:
    outcome = _judged(GOALS, {"default": 1.0, "latency": 4.0, "size": 3})
    assert not outcome.usable
    assert outcome.metric.default == 1.0
    assert outcome.remarks == (
        "the result lacks 'latence', which optimize_mode names; it has default, latency, size; "
        "did you mean 'latency'?",
    )
    remarks = _judged(GOALS, 1.0).remarks
    assert len(remarks) == 2
    assert remarks[0] == "the result lacks 'size', which optimize_mode names; it is one number"


@pytest.mark.parametrize("odd", [None, "small", [3.0], True, {"default": 3.0}])
def test_a_metric_that_is_no_number_makes_no_result_usable(odd: Any) -> None:
    outcome = _judged(GOALS, {"default": 1.0, "latence": 4.0, "size": odd})
    assert outcome.remarks == (f"'size', which optimize_mode names, is no number: {odd!r}",)
    assert not outcome.usable


@pytest.mark.parametrize(
    ("mode", "value"),
    [
        ("maximize", 1.0),
        ("maximize", {"default": 1.0, "size": None}),
        ({"default": "maximize", "size": "<= 3"}, {"default": 1.0, "size": 7, "other": "x"}),
        ({"accuracy": "maximize"}, 1.0),  # a number alone is the first objective
        ({"accuracy": "maximize"}, {"default": 1.0}),
    ],
)
def test_a_result_that_tells_of_all_goals_is_usable(mode: Any, value: Any) -> None:
    assert _judged(Goals.of(mode), value) == Complete(Metric("final", 0, value))

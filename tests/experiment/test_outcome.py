from __future__ import annotations

import signal

import pytest

from nas_tuners.contract.trial_io import Metric
from nas_tuners.experiment.launcher import Exited
from nas_tuners.experiment.outcome import Complete, Failed, judge

FINE, CRASHED = Exited(0, 0), Exited(0, 2, last_words="Error: no")
FINALS = [Metric("final", 0, 1.0), Metric("final", 1, 2.0)]


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

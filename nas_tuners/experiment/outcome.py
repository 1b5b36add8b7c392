"""How a trial ended, judged from what it reported and how its process ended."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Union

from nas_tuners.contract.trial_io import Metric

from .durations import format_duration
from .launcher import Exited


@dataclass(frozen=True)
class Complete:
    """The trial has a result; ``remarks`` say what was odd."""

    metric: Metric
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Failed:
    """The trial has none; ``reason`` says why, for people."""

    reason: str


Outcome = Union[Complete, Failed]


def judge(
    finals: Sequence[Metric],
    unusable: Sequence[str],
    exited: Exited,
    *,
    timeout: float | None = None,
) -> Outcome:
    """The last final result counts, however the process ended: what was trained is not lost."""
    if not finals:
        return Failed(_why(unusable, exited, timeout))
    remarks = []
    if len(finals) > 1:
        remarks.append(f"reported {len(finals)} final results; the last one counts")
    if exited.exit_code != 0:
        remarks.append(f"{_how_it_ended(exited, timeout)}, after it had reported its final result")
    return Complete(finals[-1], tuple(remarks))


def _why(unusable: Sequence[str], exited: Exited, timeout: float | None) -> str:
    if exited.exit_code != 0:
        parts = [_how_it_ended(exited, timeout), exited.last_words, *unusable[-1:]]
        return ": ".join(part for part in parts if part)
    if unusable:
        return unusable[-1]
    return (
        "ended well but reported no final result; "
        "call trial_api.report_final_result(value) once at the end of the script"
    )


def _how_it_ended(exited: Exited, timeout: float | None) -> str:
    if exited.timed_out:
        return f"timed out after {format_duration(timeout or 0)}"
    if exited.signal is not None:
        return f"killed by {_signal_name(exited.signal)}"
    return f"exit code {exited.exit_code}"


def _signal_name(number: int) -> str:
    try:
        name = signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
    return f"{name} (out of memory?)" if name == "SIGKILL" else name

"""How a trial ended, judged from what it reported and how its process ended."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Union

from nas_tuners.contract.errors import MetricError, did_you_mean
from nas_tuners.contract.trial_io import Metric, check_metric

from .durations import format_duration
from .launcher import Exited

if TYPE_CHECKING:
    from nas_tuners.tuners._goals import Goals


@dataclass(frozen=True)
class Complete:
    """The trial has a result.

    Attributes:
        metric: The result.
        remarks: What was odd; first of all why it is not usable.
        usable: Whether it tells of everything that the search is after.
    """

    metric: Metric
    remarks: tuple[str, ...] = ()
    usable: bool = True


@dataclass(frozen=True)
class Failed:
    """The trial has none; ``reason`` says why, for people."""

    reason: str


@dataclass(frozen=True)
class Pruned:
    """The trial was stopped early; ``metric`` is its latest report, ``reason`` says why."""

    metric: Metric
    reason: str


@dataclass(frozen=True)
class Paused:
    """The trial has used up its budget, and may go on with a larger one.

    ``remarks`` and ``usable`` are as in :class:`Complete`.
    """

    metric: Metric
    budget: int
    remarks: tuple[str, ...] = ()
    usable: bool = True


Outcome = Union[Complete, Failed, Pruned, Paused]


def judge(
    finals: Sequence[Metric],
    unusable: Sequence[str],
    exited: Exited,
    *,
    timeout: float | None = None,
    goals: Goals | None = None,
    pruned: Pruned | None = None,
) -> Outcome:
    """The last final result counts, however the process ended: what was trained is not lost.

    Args:
        finals: The final results, in order.
        unusable: What was reported and is no result.
        exited: How the process ended.
        timeout: Seconds that the trial was allowed.
        goals: What a result must tell of to be usable; None if a number is enough.
        pruned: What it is if it was stopped early and had no result.
    """
    if not finals:
        return pruned or Failed(_why(unusable, exited, timeout))
    lacks = _lacks(goals, finals[-1].value) if goals else []
    remarks = list(lacks)
    if len(finals) > 1:
        remarks.append(f"reported {len(finals)} final results; the last one counts")
    if exited.exit_code != 0:
        remarks.append(f"{_how_it_ended(exited, timeout)}, after it had reported its final result")
    return Complete(finals[-1], tuple(remarks), usable=not lacks)


def metric_names(goals: Goals) -> list[str]:
    """The metrics that goals are about: the objectives, then what is bounded."""
    return [name for name, _ in goals.objectives] + [name for name, _, _ in goals.bounds]


def is_number(value: Any) -> bool:
    """Whether a metric can be compared: NaN, which a result holds as null, cannot."""
    try:
        return isinstance(check_metric(value), float)
    except MetricError:
        return False


def _lacks(goals: Goals, value: Any) -> list[str]:
    """What the goals name and a result does not tell, a remark each."""
    metrics, names = goals.named(value), metric_names(goals)
    has = f"has {', '.join(value)}" if isinstance(value, dict) else "is one number"
    lacks = []
    for name in names:
        if name not in metrics:
            hint = did_you_mean(name, metrics.keys() - {*names, "default"})
            lacks.append(f"the result lacks {name!r}, which optimize_mode names; it {has}{hint}")
        elif not is_number(metrics[name]):
            lacks.append(f"{name!r}, which optimize_mode names, is no number: {metrics[name]!r}")
    return lacks


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

"""Trials as text."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nas_tuners.experiment.results import TrialResult

_MIN_WIDTH = 40


def results_table(trials: Sequence[TrialResult]) -> str:
    """Number, value, duration, architecture and what is beyond its bound, a line each."""
    from nas_tuners.experiment.durations import format_duration

    lines = [f"{'trial':>5}  {'value':>10}  {'time':>7}  architecture"]
    for trial in trials:
        value = number_text(trial.value) if trial.value is not None else "-"
        time = format_duration(trial.seconds) if trial.seconds is not None else "-"
        beyond = beyond_text(trial.excess)
        architecture = beyond + architecture_line(trial.architecture, taken=28 + len(beyond))
        lines.append(f"{trial.number:>5}  {value:>10}  {time:>7}  {architecture}")
    return "\n".join(lines)


def architecture_line(architecture: Mapping[str, Any], *, taken: int = 44) -> str:
    """The architecture on the rest of a line, of which so many columns are taken."""
    text = " ".join(f"{key}={_short(value)}" for key, value in architecture.items())
    width = max(_MIN_WIDTH, shutil.get_terminal_size((140, 0)).columns - taken)
    return text if len(text) <= width else text[: width - 3] + "..."


def beyond_text(excess: Mapping[str, float]) -> str:
    """What is beyond its bound, in brackets; nothing if all bounds hold."""
    beyond = [_beyond(metric, by) for metric, by in excess.items() if by > 0]
    return f"[{', '.join(beyond)}] " if beyond else ""


def number_text(value: float) -> str:
    return f"{value:.6g}"


def _beyond(metric: str, by: float) -> str:
    if by == math.inf:
        return f"no {metric}"
    return f"{metric} beyond its bound by {number_text(by)}"


def _short(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))

"""Trials as text."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nas_tuners.experiment.results import TrialResult

_MIN_WIDTH = 40


def results_table(trials: Sequence[TrialResult]) -> str:
    """Number, value, duration and architecture, a line each."""
    from nas_tuners.experiment.durations import format_duration

    lines = [f"{'trial':>5}  {'value':>10}  {'time':>7}  architecture"]
    for trial in trials:
        value = number_text(trial.value) if trial.value is not None else "-"
        time = format_duration(trial.seconds) if trial.seconds is not None else "-"
        architecture = architecture_line(trial.architecture, taken=28)
        lines.append(f"{trial.number:>5}  {value:>10}  {time:>7}  {architecture}")
    return "\n".join(lines)


def architecture_line(architecture: Mapping[str, Any], *, taken: int = 44) -> str:
    """The architecture on the rest of a line, of which so many columns are taken."""
    text = " ".join(f"{key}={_short(value)}" for key, value in architecture.items())
    width = max(_MIN_WIDTH, shutil.get_terminal_size((140, 0)).columns - taken)
    return text if len(text) <= width else text[: width - 3] + "..."


def number_text(value: float) -> str:
    return f"{value:.6g}"


def _short(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))

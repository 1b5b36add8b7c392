"""Trials as text."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Mapping, Sequence, Set
from typing import TYPE_CHECKING, Any

from nas_tuners.contract.space_size import describe_size, describe_space

if TYPE_CHECKING:
    from nas_tuners.contract.search_space import SearchSpace
    from nas_tuners.experiment.folder import ExperimentFolder
    from nas_tuners.experiment.results import Results, TrialResult
    from nas_tuners.tuners._goals import Goals

_MIN_WIDTH = 40
_SHOWN = 5  # of the best


def introduction(folder: ExperimentFolder) -> str:
    """What begins: the experiment, its search space and its tuner."""
    config = folder.config()
    seed = config.tuner.args.get("seed", config.seed)
    return (
        f"Experiment in {folder.path}\n"
        f"Search space: {describe_space(folder.space())}\n"
        f"Tuner: {config.tuner.name}, seed {seed}"
    )


def best_table(results: Results) -> str:
    """The best trials under a headline; empty if none has succeeded."""
    best = results.best(_SHOWN)
    if not best:
        return ""
    return f"\nBest of {len(results.trials)} trials:\n{results_table(results, best)}\n"


def results_table(results: Results, trials: Sequence[TrialResult]) -> str:
    """Some of the trials, a line each: number, metrics, duration, architecture.

    Of several objectives, a column marks the Pareto front of all trials; what is beyond its bound
    stands before the architecture.
    """
    front = {t.number for t in results.front()} if results.several_objectives else None
    columns = [("trial", 5), ("value", 10)]
    columns += [(metric, max(10, len(metric))) for metric in results.further_metrics]
    columns += [("time", 7)] if front is None else [("front", 5), ("time", 7)]
    widths = [width for _, width in columns]
    lines = [_row([head for head, _ in columns], widths) + "architecture"]
    for trial in trials:
        cells = _cells(trial, results.further_metrics, front)
        start = _row(cells, widths) + beyond_text(trial.excess)
        lines.append(start + architecture_line(trial.architecture, taken=len(start)))
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


def goals_text(goals: Goals) -> str:
    """``maximize default, minimize size, latency <= 5``."""
    objectives = [
        f"{'maximize' if s > 0 else 'minimize'} {metric}" for metric, s in goals.objectives
    ]
    bounds = [
        f"{m} {'<=' if s > 0 else '>='} {number_text(bound)}" for m, s, bound in goals.bounds
    ]
    return ", ".join([*objectives, *bounds])


def exhausted_text(results: Results, space: SearchSpace) -> str:
    """How much was tried when the tuner had nothing more to propose."""
    tried = results.tried()
    if tried == space.size:
        return "every architecture tried"
    of = f"{tried:,} of {describe_size(space.size)}"
    return f"the tuner has nothing more to propose ({of} were tried)"


def number_text(value: float) -> str:
    return f"{value:.6g}"


def _cells(trial: TrialResult, metrics: Sequence[str], front: Set[int] | None) -> list[str]:
    from nas_tuners.experiment.durations import format_duration

    numbers = [trial.value, *(trial.number_of(metric) for metric in metrics)]
    cells = ["-" if number is None else number_text(number) for number in numbers]
    if front is not None:
        cells.append("*" if trial.number in front else "")
    time = "-" if trial.seconds is None else format_duration(trial.seconds)
    return [str(trial.number), *cells, time]


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "".join(f"{cell:>{width}}  " for cell, width in zip(cells, widths, strict=True))


def _beyond(metric: str, by: float) -> str:
    if by == math.inf:
        return f"no {metric}"
    return f"{metric} beyond its bound by {number_text(by)}"


def _short(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))

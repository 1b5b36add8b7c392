"""What the viewer knows of each trial, and the columns that the page gets."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nas_tuners.contract.study_attributes import ARCHITECTURE_ATTR
from nas_tuners.experiment.records import REASON_ATTR, RESULT_ATTR, SECONDS_ATTR

_REASON_LENGTH = 300  # characters in the columns; the details have all of it
_FURTHER_METRICS = 24  # columns of numbers that are no objectives
_OURS = {ARCHITECTURE_ATTR, REASON_ATTR, RESULT_ATTR, SECONDS_ATTR}


@dataclass(frozen=True)
class StudyFacts:
    """What a study says of itself.

    Attributes:
        name: Its name.
        directions: ``"maximize"`` or ``"minimize"``, one an objective.
        metric_names: The names of the objectives; None if nobody gave them any.
        attributes: Its user attributes.
    """

    name: str
    directions: Sequence[str]
    metric_names: Sequence[str] | None
    attributes: Mapping[str, Any]


@dataclass(frozen=True)
class RawTrial:
    """One trial as a storage has it.

    Attributes:
        number: Its number.
        state: Optuna's, in lower case.
        values: One an objective; empty if there are none.
        start: Seconds since the epoch.
        end: The same.
        parameters: name -> as Optuna stores it: the index of a category, else the number.
        attributes: User attributes: the ones this project writes, and short ones.
        excess: Constraint -> by how much it is beyond.
    """

    number: int
    state: str
    values: Sequence[float | None] = ()
    start: float | None = None
    end: float | None = None
    parameters: Mapping[str, float] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)
    excess: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """One trial as the page gets it: no NaN, entries of the architecture in the keys' order."""

    number: int
    state: str
    metrics: Mapping[str, float | None]
    start: float | None
    seconds: float | None
    entries: Sequence[Any]
    reason: str | None
    feasible: bool | None


def row_of(trial: RawTrial, objectives: Sequence[str], entries: Sequence[Any]) -> Row:
    """A trial's row.

    Args:
        trial: The trial.
        objectives: The names of the objectives.
        entries: What it decides, in the order of the keys.
    """
    reason = trial.attributes.get(REASON_ATTR)
    return Row(
        number=trial.number,
        state=trial.state,
        metrics=_metrics(trial, objectives),
        start=finite(trial.start),
        seconds=seconds_of(trial),
        entries=entries,
        reason=None if reason is None else str(reason)[:_REASON_LENGTH],
        feasible=all(x <= 0 for x in trial.excess.values()) if trial.excess else None,
    )


def seconds_of(trial: RawTrial) -> float | None:
    """How long it ran, without the pauses between its runs; None while it runs."""
    ran = finite(trial.attributes.get(SECONDS_ATTR))
    if ran is not None:
        return round(ran, 3)
    if trial.start is None or trial.end is None or trial.end < trial.start:
        return None
    return round(trial.end - trial.start, 3)


def objective_names(facts: StudyFacts) -> list[str]:
    """The given names, else ``default`` or, of several, ``value 0`` and so on."""
    if facts.metric_names and len(facts.metric_names) == len(facts.directions):
        return [str(name) for name in facts.metric_names]
    if len(facts.directions) == 1:
        return ["default"]
    return [f"value {index}" for index in range(len(facts.directions))]


def further_metrics(rows: Iterable[Row], known: Sequence[str]) -> list[str]:
    """The names of numbers that the rows have and ``known`` lacks, in order of appearance."""
    new: dict[str, None] = {}
    for row in rows:
        if len(row.metrics) > len(known) or not row.metrics.keys() <= set(known):
            new.update((name, None) for name in row.metrics if name not in known)
    return list(new)[: max(0, _FURTHER_METRICS - len(known))]


def columns_of(rows: Sequence[Row], metrics: Sequence[str], keys: Sequence[str]) -> dict[str, Any]:
    """The columns of some trials, one entry a trial in each."""
    constrained = any(row.feasible is not None for row in rows)
    padded = [_padded(row.entries, len(keys)) for row in rows]
    by_key: Sequence[Sequence[Any]] = list(zip(*padded, strict=True)) or [()] * len(keys)
    return {
        "number": [row.number for row in rows],
        "state": [row.state for row in rows],
        "values": {name: [row.metrics.get(name) for row in rows] for name in metrics},
        "start": [row.start for row in rows],
        "seconds": [row.seconds for row in rows],
        "architecture": {key: list(entries) for key, entries in zip(keys, by_key, strict=True)},
        "reason": {str(row.number): row.reason for row in rows if row.reason},
        "feasible": [row.feasible is not False for row in rows] if constrained else None,
    }


def complete_with(rows: Iterable[Row], metric: str) -> list[Row]:
    """The rows of complete trials that have a metric."""
    complete = (row for row in rows if row.state == "complete")
    return [row for row in complete if row.metrics.get(metric) is not None]


def finite(value: Any) -> float | None:
    """A number that JSON can hold, else None."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return value if math.isfinite(value) else None
    except OverflowError:
        return None


def _padded(entries: Sequence[Any], count: int) -> Sequence[Any]:
    """Keys that came up later are not known of it."""
    return entries if len(entries) == count else [*entries, *[None] * (count - len(entries))]


def _metrics(trial: RawTrial, objectives: Sequence[str]) -> dict[str, float | None]:
    """The objectives, then all other numbers that it told."""
    metrics: dict[str, float | None] = dict(
        zip(objectives, map(finite, trial.values), strict=False)
    )
    reported = trial.attributes.get(RESULT_ATTR)
    if isinstance(reported, Mapping):
        # ``default`` is another name of the first objective.
        others = {name: reported[name] for name in reported if name != "default"}
    else:
        others = {}
    others |= {name: x for name, x in trial.attributes.items() if name not in _OURS}
    for name, value in others.items():
        number = finite(value)
        if number is not None:
            metrics.setdefault(str(name), number)
    return metrics

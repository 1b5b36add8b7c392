"""What users and other systems hand to a tuner as results."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from nas_tuners.contract.errors import ArchitectureError, MetricError
from nas_tuners.contract.search_space import IndexVector
from nas_tuners.contract.trial_io import check_metric

from ._exchange import Result
from ._goals import Goals, Measured

_logger = logging.getLogger(__name__)

Record = Mapping[str, Any]


def read_result(
    goals: Goals,
    number: int | None,
    vector: IndexVector,
    value: Any,
    *,
    note: dict[str, Any] | None,
    intermediate: Mapping[int, float] | None,
    pruned: bool,
    excess: Mapping[str, float] | None,
) -> Result:
    """What an algorithm learns from a trial; what is no result is a failure, with a warning."""
    measured = _measured_or_none(goals, value, excess, number, pruned=pruned)
    reports = {step: number_of(report) for step, report in (intermediate or {}).items()}
    sign = goals.objectives[0][1]
    return Result(
        number,
        vector,
        measured.values[0] if measured else None,
        measured.scores[0] if measured else None,
        note,
        scores=measured.scores if measured else (),
        excess=measured.excess if measured else {},
        partial={step: sign * v for step, v in sorted(reports.items()) if v is not None},
        pruned=pruned,
    )


def number_of(value: Any) -> float | None:
    """A finite number, or None."""
    try:
        checked = check_metric(value)
    except MetricError:
        return None
    return float(checked["default"] if isinstance(checked, dict) else checked)


def field_of(record: Mapping[str, Any], name: str) -> Any:
    if not isinstance(record, Mapping) or name not in record:
        raise ArchitectureError(f'expected {{"parameter": ..., "value": ...}}, got {record!r}')
    return record[name]


def from_text(value: Any) -> Any:
    """NNI exports results as JSON inside a string."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _measured_or_none(
    goals: Goals,
    value: Any,
    excess: Mapping[str, float] | None,
    number: int | None,
    *,
    pruned: bool,
) -> Measured | None:
    if value is None:
        return None
    try:
        return goals.measure(value, excess, pruned=pruned)
    except MetricError as error:
        _logger.warning("Trial %s counts as failed: %s", number, error)
        return None

"""What users and other systems hand to a tuner as results."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from typing import Any

from nas_tuners.contract.architecture import to_vector
from nas_tuners.contract.errors import ArchitectureError, MetricError, Problem
from nas_tuners.contract.search_space import IndexVector, SearchSpace
from nas_tuners.contract.trial_io import check_metric

from ._goals import Goals, Measured

_logger = logging.getLogger(__name__)

Record = Mapping[str, Any]


def measured_or_none(
    goals: Goals, value: Any, excess: Mapping[str, float] | None, number: int | None
) -> Measured | None:
    """The result against the goals; None, with a warning, for what is no result."""
    if value is None:
        return None
    try:
        return goals.measure(value, excess)
    except MetricError as error:
        _logger.warning("Trial %s counts as failed: %s", number, error)
        return None


def read_records(
    space: SearchSpace, data: Iterable[Record], subject: str
) -> list[tuple[IndexVector, Any]]:
    """Records ``{"parameter": {...}, "value": ...}`` as vectors and values, all or none.

    Raises:
        ArchitectureError: with every record that does not fit the space.
    """
    problems: list[Problem] = []
    results: list[tuple[IndexVector, Any]] = []
    for index, record in enumerate(data):
        try:
            vector = to_vector(space, from_text(field_of(record, "parameter")))
        except ArchitectureError as error:
            problems += [
                Problem(f"record {index}, {problem.where}".rstrip(", "), problem.message)
                for problem in error.problems
            ]
        else:
            results.append((vector, from_text(record.get("value"))))
    if problems:
        raise ArchitectureError(problems, subject)
    return results


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

"""Results that may have been obtained on another version of a search space."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nas_tuners.contract.architecture import first_candidates, to_parameters, to_vector
from nas_tuners.contract.errors import ArchitectureError, Problem, first_of
from nas_tuners.contract.search_space import IndexVector, SearchSpace
from nas_tuners.contract.space_json import (
    InputChoice,
    LayerChoice,
    NestedOption,
    Spec,
    ValueChoice,
)

from ._records import Record, field_of, from_text

_logger = logging.getLogger(__name__)

_LISTED = 20  # differences in one warning


@dataclass(frozen=True)
class _Reading:
    vector: IndexVector | None
    differences: Sequence[Problem]


def read_usable_records(
    space: SearchSpace, data: Iterable[Record], subject: str
) -> list[tuple[IndexVector, Any]]:
    """Records ``{"parameter": {...}, "value": ...}`` as vectors and values.

    A record of another version of the space is used if it decides everything that this one asks
    for: keys that are gone are left out, keys without an alternative may be missing, and
    candidates go by their names where these are unique.
    One warning lists what differs, and how many records could not be used.

    Raises:
        ArchitectureError: if something is no record, or if no record can be used.
    """
    records = _parse(data, subject)
    readings = [_read(space, parameters) for parameters, _ in records]
    usable = [
        (reading.vector, value)
        for reading, (_, value) in zip(readings, records, strict=True)
        if reading.vector is not None
    ]
    if readings and not usable:
        raise ArchitectureError(_by_record(readings), subject)
    if any(reading.differences for reading in readings):
        _logger.warning(_describe(readings, len(usable), subject))
    return usable


def _parse(data: Iterable[Record], subject: str) -> list[tuple[Mapping[str, Any], Any]]:
    problems: list[Problem] = []
    records: list[tuple[Mapping[str, Any], Any]] = []
    for index, record in enumerate(data):
        try:
            parameters, value = (from_text(field_of(record, f)) for f in ("parameter", "value"))
            if not isinstance(parameters, Mapping):
                kind = type(parameters).__name__
                raise ArchitectureError(f"`parameter` must be an object of keys, got a {kind}")
            records.append((parameters, value))
        except ArchitectureError as error:
            problems += [Problem(f"record {index}", p.message) for p in error.problems]
    if problems:
        raise ArchitectureError(problems, subject)
    return records


def _read(space: SearchSpace, parameters: Mapping[str, Any]) -> _Reading:
    try:
        return _Reading(to_vector(space, parameters), ())
    except ArchitectureError as error:
        differences = error.problems
    try:
        known = _without_alternative(space) | _known_part(space.specs, parameters)
        return _Reading(to_vector(space, known), differences)
    except ArchitectureError:
        return _Reading(None, differences)


def _without_alternative(space: SearchSpace) -> dict[str, Any]:
    """The keys that ask nothing, as nobody could decide them otherwise."""
    only = to_parameters(space, first_candidates(space))
    return {
        key: given
        for key, given in only.items()
        if space.specs[key].domain.size == 1 and not _is_nested(space.specs[key])
    }


def _is_nested(spec: Spec) -> bool:
    return isinstance(spec, ValueChoice) and isinstance(spec.options[0], NestedOption)


def _known_part(specs: Mapping[str, Spec], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """What the space knows of the parameters, by name rather than by index."""
    return {key: _named(specs[key], given) for key, given in parameters.items() if key in specs}


def _named(spec: Spec, given: Any) -> Any:
    if not isinstance(given, Mapping):
        return given
    if isinstance(spec, (LayerChoice, InputChoice)):
        unique = len(set(spec.candidates)) == len(spec.candidates)
        return given["_value"] if unique and "_value" in given else given
    if isinstance(spec, ValueChoice):
        for option in spec.options:
            if isinstance(option, NestedOption) and option.name == given.get("_name"):
                return {"_name": option.name} | _known_part(option.keys, given)
    return given


def _by_record(readings: Sequence[_Reading]) -> list[Problem]:
    """The first of all differences, and how many more there are."""
    return first_of(
        [
            Problem(f"record {index}, {problem.where}".rstrip(", "), problem.message)
            for index, reading in enumerate(readings)
            for problem in reading.differences
        ]
    )


def _describe(readings: Sequence[_Reading], used: int, subject: str) -> str:
    counts = Counter(problem for reading in readings for problem in reading.differences)
    total = len(readings)
    lines = [
        f"  - {problem} ({count} of {total} records)"
        for problem, count in counts.most_common(_LISTED)
    ]
    if len(counts) > _LISTED:
        lines.append(f"  - and {len(counts) - _LISTED} more")
    rest = "" if used == total else "; the others lack a decision of this search space"
    return "\n".join(
        [
            f"{subject} of another search space: {used} of {total} records are used{rest}. "
            "Keys that are gone are left out, candidates go by their names. What differs:",
            *lines,
        ]
    )

"""Optuna's tables, and what stands in their columns."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from typing import Any

from optuna.storages._rdb import models
from sqlalchemy import String, Table, type_coerce

STUDIES: Table = models.StudyModel.__table__
DIRECTIONS: Table = models.StudyDirectionModel.__table__
STUDY_USER: Table = models.StudyUserAttributeModel.__table__
STUDY_SYSTEM: Table = models.StudySystemAttributeModel.__table__
TRIALS: Table = models.TrialModel.__table__
TRIAL_USER: Table = models.TrialUserAttributeModel.__table__
TRIAL_SYSTEM: Table = models.TrialSystemAttributeModel.__table__
PARAMETERS: Table = models.TrialParamModel.__table__
VALUES: Table = models.TrialValueModel.__table__
INTERMEDIATE: Table = models.TrialIntermediateValueModel.__table__

# Read as plain text, which needs no object for each.
DIRECTION = type_coerce(DIRECTIONS.c.direction, String)
STATE = type_coerce(TRIALS.c.state, String)
VALUE_TYPE = type_coerce(VALUES.c.value_type, String)
INTERMEDIATE_TYPE = type_coerce(INTERMEDIATE.c.intermediate_value_type, String)

LISTED = 500  # ids in one query
_INFINITE = {"INF_POS": float("inf"), "INF_NEG": float("-inf"), "NAN": float("nan")}


def pieces(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    """As many as one query may list."""
    for start in range(0, len(ids), LISTED):
        yield ids[start : start + LISTED]


def read_number(value: float | None, kind: str) -> float:
    return float(value) if value is not None else _INFINITE.get(str(kind), float("nan"))


def read_moment(moment: datetime | None) -> float | None:
    """Seconds since the epoch. Databases hold UTC from Optuna 5 on, and local time before."""
    if moment is None:
        return None
    holds_utc = hasattr(models.TrialModel, "_datetime_start_utc")
    return (moment.replace(tzinfo=timezone.utc) if holds_utc else moment).timestamp()


def read_json(text: str | None) -> Any:
    try:
        return None if text is None else json.loads(text)
    except (ValueError, RecursionError):
        return None

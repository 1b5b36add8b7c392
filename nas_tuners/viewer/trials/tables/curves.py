"""The intermediate values of trials."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Select, func, or_, select

from ..reader import POINTS, Curve, thinned
from .schema import INTERMEDIATE, INTERMEDIATE_TYPE, TRIALS, pieces, read_number


def numbers_with_points(connection: Connection, study_id: int) -> list[int]:
    """The numbers of the trials that have any."""
    query = (
        select(TRIALS.c.number)
        .where(TRIALS.c.study_id == study_id)
        .where(TRIALS.c.trial_id.in_(select(INTERMEDIATE.c.trial_id)))
    )
    return [number for (number,) in connection.execute(query)]


def all_points(connection: Connection, trial_id: int) -> list[tuple[int, float]]:
    """Those of one trial."""
    return _read(connection, _points(trial_id))


def thinned_curves(connection: Connection, ids: Sequence[int]) -> Iterator[tuple[int, Curve]]:
    """(trial id, its curve) of each that has one."""
    for trial_id, *span in _spans(connection, ids):
        yield trial_id, _curve(connection, trial_id, *span)


def _spans(connection: Connection, ids: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """(trial id, how many points, the first step, the last)."""
    c = INTERMEDIATE.c
    for piece in pieces(ids):
        query = (
            select(c.trial_id, func.count(), func.min(c.step), func.max(c.step))
            .where(c.trial_id.in_(piece))
            .group_by(c.trial_id)
        )
        yield from (tuple(row) for row in connection.execute(query))


def _curve(connection: Connection, trial_id: int, count: int, first: int, last: int) -> Curve:
    query = _points(trial_id)
    if count > 4 * POINTS:  # never read a million points to show two hundred
        step = INTERMEDIATE.c.step
        every = max(1, (last - first) // (count - 1)) * (count // POINTS)
        query = query.where(or_((step - first) % every == 0, step == last))
    return thinned(_read(connection, query))


def _points(trial_id: int) -> Select[Any]:
    c = INTERMEDIATE.c
    columns = select(c.step, c.intermediate_value, INTERMEDIATE_TYPE)
    return columns.where(c.trial_id == trial_id).order_by(c.step)


def _read(connection: Connection, query: Select[Any]) -> list[tuple[int, float]]:
    return [(step, read_number(x, kind)) for step, x, kind in connection.execute(query)]

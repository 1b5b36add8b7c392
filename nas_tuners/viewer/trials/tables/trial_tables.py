"""What the tables say of some trials: each table is asked once for all of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from optuna.distributions import BaseDistribution, json_to_distribution
from sqlalchemy import Connection, Select, func, or_, select

from nas_tuners.contract.study_attributes import ARCHITECTURE_ATTR, CONSTRAINT_PREFIX
from nas_tuners.experiment.records import REASON_ATTR, RESULT_ATTR, SECONDS_ATTR

from ..rows import RawTrial
from .schema import (
    LISTED,
    PARAMETERS,
    STATE,
    TRIAL_SYSTEM,
    TRIAL_USER,
    TRIALS,
    VALUE_TYPE,
    VALUES,
    read_json,
    read_moment,
    read_number,
)

Head = tuple[Any, ...]
"""Of a trial: its id, number, state, start and end, as :func:`heads` selects them."""

_SHORT = 40  # characters of an attribute that may be a number
_OURS = (ARCHITECTURE_ATTR, REASON_ATTR, RESULT_ATTR, SECONDS_ATTR)


def heads(study_id: int) -> Select[Any]:
    c = TRIALS.c
    columns = (c.trial_id, c.number, STATE, c.datetime_start, c.datetime_complete)
    return select(*columns).where(c.study_id == study_id)


def read_trials(
    connection: Connection,
    study_id: int,
    found: Sequence[Head],
    *,
    everything: bool,
    ours: bool,
) -> list[RawTrial]:
    """The trials whose heads were found.

    Args:
        connection: To the database.
        study_id: Whose trials they are.
        found: Their heads.
        everything: Also long attributes of others, and parameters that the architecture tells.
        ours: Whether the study is of this project, so that recorded architectures tell them.
    """
    ids = [head[0] for head in found]
    attributes = _attributes(connection, study_id, ids, everything=everything)
    known = attributes.items() if ours and not everything else ()
    recorded = {trial_id for trial_id, of_trial in known if ARCHITECTURE_ATTR in of_trial}
    parameters = _parameters(connection, study_id, [i for i in ids if i not in recorded])
    values = _values(connection, study_id, ids)
    excess = _excess(connection, study_id, ids)
    return [
        RawTrial(
            number=number,
            state=str(state).lower(),
            values=values.get(i, ()),
            start=read_moment(start),
            end=read_moment(end),
            parameters=parameters.get(i, {}),
            attributes=attributes.get(i, {}),
            excess=excess.get(i, {}),
        )
        for i, number, state, start, end in found
    ]


def read_ranges(
    connection: Connection, study_id: int, names: Iterable[str]
) -> Iterator[tuple[str, BaseDistribution]]:
    """What kind each parameter is; Optuna keeps it the same over a study."""
    c = PARAMETERS.c
    for name in names:
        row = connection.execute(
            select(c.distribution_json)
            .join(TRIALS, TRIALS.c.trial_id == c.trial_id)
            .where(TRIALS.c.study_id == study_id, c.param_name == name)
            .limit(1)
        ).fetchone()
        if row is not None:
            yield name, json_to_distribution(row[0])


def _attributes(
    connection: Connection, study_id: int, ids: Sequence[int], *, everything: bool
) -> Mapping[int, dict[str, Any]]:
    c = TRIAL_USER.c
    query = select(c.trial_id, c.key, c.value_json)
    if not everything:
        query = query.where(or_(c.key.in_(_OURS), func.length(c.value_json) <= _SHORT))
    found: dict[int, dict[str, Any]] = defaultdict(dict)
    for trial_id, key, value in _rows(connection, study_id, query, c.trial_id, ids):
        found[trial_id][key] = read_json(value)
    return found


def _parameters(
    connection: Connection, study_id: int, ids: Sequence[int]
) -> Mapping[int, dict[str, float]]:
    c = PARAMETERS.c
    query = select(c.trial_id, c.param_name, c.param_value).order_by(c.param_id)
    found: dict[int, dict[str, float]] = defaultdict(dict)
    for trial_id, name, value in _rows(connection, study_id, query, c.trial_id, ids):
        found[trial_id][name] = value
    return found


def _values(
    connection: Connection, study_id: int, ids: Sequence[int]
) -> Mapping[int, list[float]]:
    c = VALUES.c
    query = select(c.trial_id, c.value, VALUE_TYPE).order_by(c.objective)
    found: dict[int, list[float]] = defaultdict(list)
    for trial_id, value, kind in _rows(connection, study_id, query, c.trial_id, ids):
        found[trial_id].append(read_number(value, kind))
    return found


def _excess(
    connection: Connection, study_id: int, ids: Sequence[int]
) -> Mapping[int, dict[str, float]]:
    c = TRIAL_SYSTEM.c
    start = len(CONSTRAINT_PREFIX)
    query = select(c.trial_id, c.key, c.value_json).where(
        or_(c.key.like(f"{CONSTRAINT_PREFIX}%"), c.key == "constraints")
    )
    found: dict[int, dict[str, float]] = defaultdict(dict)
    for trial_id, key, text in _rows(connection, study_id, query, c.trial_id, ids):
        value = read_json(text)
        if isinstance(value, list):  # as Optuna wrote them before version 5
            numbers = enumerate(value)
            found[trial_id] |= {str(i): x for i, x in numbers if isinstance(x, (int, float))}
        elif isinstance(value, (int, float)):
            found[trial_id][key[start:]] = value
    return found


def _rows(
    connection: Connection, study_id: int, query: Select[Any], column: Any, ids: Sequence[int]
) -> Iterator[Any]:
    """The rows of these trials: by range where they are many, as they are then neighbours."""
    if not ids:
        return
    if len(ids) <= LISTED:
        yield from connection.execute(query.where(column.in_(ids)))
        return
    wanted, low, high = set(ids), min(ids), max(ids)
    of_study = (
        select(TRIALS.c.trial_id)
        .where(TRIALS.c.study_id == study_id, TRIALS.c.trial_id.between(low, high))
        .scalar_subquery()
    )
    ranged = query.where(column.between(low, high), column.in_(of_study))
    for row in connection.execute(ranged):
        if row[0] in wanted:
            yield row

"""Reading a study's tables with a few plain queries.

Optuna makes an object of every trial, with an object for every parameter: many seconds for ten
thousand trials. Here each table is read once, in pieces, and of parameters only what the page
needs.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from nas_tuners.contract.errors import ExperimentError, did_you_mean
from nas_tuners.contract.study_attributes import (
    ARCHITECTURE_ATTR,
    CONSTRAINT_PREFIX,
    SEARCH_SPACE_ATTR,
)
from nas_tuners.experiment.records import REASON_ATTR, RESULT_ATTR, SECONDS_ATTR

from .reader import POINTS, Batch, Curve, Replaced, WholeTrial, thinned
from .rows import RawTrial, StudyFacts

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from sqlalchemy import Connection, Engine, Select, Table

_PIECE = 2000  # trials in one read
_LISTED = 500  # ids in one query
_SHORT = 40  # characters of an attribute that may be a number
_OURS = (ARCHITECTURE_ATTR, REASON_ATTR, RESULT_ATTR, SECONDS_ATTR)
_INFINITE = {"INF_POS": float("inf"), "INF_NEG": float("-inf"), "NAN": float("nan")}
_UNFINISHED = ("running", "waiting")


class TableReader:
    """A study in a database.

    Args:
        engine: Of the database; its connections need not be able to write.
        study_name: Which study; None for the only one.

    Raises:
        ExperimentError: if there is no such study, or several where one was meant.
    """

    def __init__(self, engine: Engine, study_name: str | None = None) -> None:
        self._engine = engine
        self._tables = _Tables()
        self.distributions: dict[str, BaseDistribution] = {}
        self._last_id = 0
        self._last: tuple[Any, ...] = ()  # that trial's head
        self._ids: dict[int, int] = {}  # number -> id
        self._unfinished: dict[int, RawTrial] = {}  # id -> as it was
        with self._connected() as connection:
            self._study_id, self._name = _find_study(connection, self._tables, study_name)
        self._facts = self._read_facts()
        self._ours = SEARCH_SPACE_ATTR in self._facts.attributes

    def facts(self) -> StudyFacts:
        return self._facts

    def read(self) -> Batch:
        with self._connected() as connection:
            self._check_last(connection)
            fresh = self._fresh(connection)
            known = self._changed(connection) if len(fresh) < _PIECE else []
            heads = [*known, *fresh]
            trials = self._trials(connection, heads)
            of = self._count(connection) if heads else len(self._ids)
        pairs = zip(heads, trials, strict=True)
        changed = [trial for (trial_id, *_), trial in pairs if self._note(trial_id, trial)]
        if fresh:
            self._last = fresh[-1]
        return Batch(changed, done=len(self._ids), of=of, more=len(fresh) == _PIECE)

    def whole(self, number: int) -> WholeTrial | None:
        from sqlalchemy import select

        t = self._tables
        with self._connected() as connection:
            head = connection.execute(
                self._heads().where(t.trials.c.number == number).limit(1)
            ).fetchone()
            if head is None:
                return None
            (trial,) = self._trials(connection, [tuple(head)], everything=True)
            points = connection.execute(
                select(t.points.c.step, t.points.c.intermediate_value, t.point_type)
                .where(t.points.c.trial_id == head[0])
                .order_by(t.points.c.step)
            ).fetchall()
        return WholeTrial(trial, [(step, _number(x, kind)) for step, x, kind in points])

    def numbers_with_curves(self) -> list[int]:
        from sqlalchemy import select

        t = self._tables
        query = (
            select(t.trials.c.number)
            .where(t.trials.c.study_id == self._study_id)
            .where(t.trials.c.trial_id.in_(select(t.points.c.trial_id)))
        )
        with self._connected() as connection:
            return [number for (number,) in connection.execute(query)]

    def curves(self, numbers: Iterable[int]) -> dict[int, Curve]:
        numbers = [number for number in numbers if number in self._ids]
        by_id = {self._ids[number]: number for number in numbers}
        with self._connected() as connection:
            return {
                by_id[trial_id]: self._curve(connection, trial_id, *bounds)
                for trial_id, *bounds in self._spans(connection, list(by_id))
            }

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        """A connection for a moment: nobody waits for a reader that keeps one."""
        with self._engine.connect() as connection:
            yield connection

    # ---- the study --------------------------------------------------------------------------

    def _read_facts(self) -> StudyFacts:
        from sqlalchemy import select

        t = self._tables
        with self._connected() as connection:
            directions = connection.execute(
                select(t.direction)
                .where(t.directions.c.study_id == self._study_id)
                .order_by(t.directions.c.objective)
            ).fetchall()
            user, system = (
                connection.execute(
                    select(table.c.key, table.c.value_json).where(
                        table.c.study_id == self._study_id
                    )
                ).fetchall()
                for table in (t.study_user, t.study_system)
            )
        names = _json(dict(map(tuple, system)).get("study:metric_names"))
        return StudyFacts(
            self._name,
            [str(direction).lower() for (direction,) in directions],
            names if isinstance(names, list) else None,
            {key: _json(value) for key, value in user},
        )

    # ---- its trials -------------------------------------------------------------------------

    def _heads(self) -> Select[Any]:
        from sqlalchemy import select

        c = self._tables.trials.c
        columns = (c.trial_id, c.number, self._tables.state, self._tables.start, self._tables.end)
        return select(*columns).where(c.study_id == self._study_id)

    def _fresh(self, connection: Connection) -> list[tuple[Any, ...]]:
        c = self._tables.trials.c
        query = self._heads().where(c.trial_id > self._last_id).order_by(c.trial_id).limit(_PIECE)
        return [tuple(row) for row in connection.execute(query)]

    def _check_last(self, connection: Connection) -> None:
        """
        Raises:
            Replaced: if the last trial that was read is another one now, or none.
        """
        if not self._last:
            return
        c = self._tables.trials.c
        found = connection.execute(self._heads().where(c.trial_id == self._last_id)).fetchone()
        if found is None or found[1] != self._last[1] or self._last[3] not in (None, found[3]):
            raise Replaced("the study was written anew; ask again")

    def _changed(self, connection: Connection) -> list[tuple[Any, ...]]:
        """Those that had not ended when they were last read."""
        c = self._tables.trials.c
        heads: list[tuple[Any, ...]] = []
        for ids in _pieces(list(self._unfinished)):
            rows = connection.execute(self._heads().where(c.trial_id.in_(ids)))
            heads += [tuple(row) for row in rows]
        waiting = {i for i, trial in self._unfinished.items() if trial.state == "waiting"}
        return [head for head in heads if head[0] not in waiting or head[2] != "WAITING"]

    def _note(self, trial_id: int, trial: RawTrial) -> bool:
        """Whether it is new or another than before."""
        before = self._unfinished.pop(trial_id, None)
        if trial.state in _UNFINISHED:
            self._unfinished[trial_id] = trial
        self._ids[trial.number] = trial_id
        self._last_id = max(self._last_id, trial_id)
        return trial != before

    def _count(self, connection: Connection) -> int:
        from sqlalchemy import func, select

        c = self._tables.trials.c
        query = select(func.count()).where(c.study_id == self._study_id)
        return int(connection.execute(query).scalar_one())

    def _trials(
        self, connection: Connection, heads: Sequence[tuple[Any, ...]], *, everything: bool = False
    ) -> list[RawTrial]:
        ids = [head[0] for head in heads]
        attributes = self._attributes(connection, ids, everything=everything)
        known = () if everything or not self._ours else attributes.items()
        recorded = {trial_id for trial_id, found in known if ARCHITECTURE_ATTR in found}
        parameters = self._parameters(connection, [i for i in ids if i not in recorded])
        values, excess = self._values(connection, ids), self._excess(connection, ids)
        return [
            RawTrial(
                number=number,
                state=str(state).lower(),
                values=values.get(i, ()),
                start=_seconds(start),
                end=_seconds(end),
                parameters=parameters.get(i, {}),
                attributes=attributes.get(i, {}),
                excess=excess.get(i, {}),
            )
            for i, number, state, start, end in heads
        ]

    def _attributes(
        self, connection: Connection, ids: Sequence[int], *, everything: bool
    ) -> Mapping[int, dict[str, Any]]:
        from sqlalchemy import func, or_, select

        c = self._tables.trial_user.c
        query = select(c.trial_id, c.key, c.value_json)
        if not everything:
            query = query.where(or_(c.key.in_(_OURS), func.length(c.value_json) <= _SHORT))
        found: dict[int, dict[str, Any]] = defaultdict(dict)
        for trial_id, key, value in self._rows(connection, query, c.trial_id, ids):
            found[trial_id][key] = _json(value)
        return found

    def _parameters(
        self, connection: Connection, ids: Sequence[int]
    ) -> Mapping[int, dict[str, float]]:
        from sqlalchemy import select

        if not ids:
            return {}
        c = self._tables.parameters.c
        found: dict[int, dict[str, float]] = defaultdict(dict)
        query = select(c.trial_id, c.param_name, c.param_value).order_by(c.param_id)
        for trial_id, name, value in self._rows(connection, query, c.trial_id, ids):
            found[trial_id][name] = value
        seen = set().union(*(values.keys() for values in found.values()))
        self._learn_ranges(connection, seen - self.distributions.keys())
        return found

    def _learn_ranges(self, connection: Connection, names: Iterable[str]) -> None:
        """What kind each parameter is; Optuna keeps it the same over a study."""
        from optuna.distributions import json_to_distribution
        from sqlalchemy import select

        c, trials = self._tables.parameters.c, self._tables.trials.c
        for name in names:
            row = connection.execute(
                select(c.distribution_json)
                .join(self._tables.trials, trials.trial_id == c.trial_id)
                .where(trials.study_id == self._study_id, c.param_name == name)
                .limit(1)
            ).fetchone()
            if row is not None:
                self.distributions[name] = json_to_distribution(row[0])

    def _values(self, connection: Connection, ids: Sequence[int]) -> Mapping[int, list[float]]:
        from sqlalchemy import select

        c = self._tables.values.c
        query = select(c.trial_id, c.value, self._tables.value_type).order_by(c.objective)
        found: dict[int, list[float]] = defaultdict(list)
        for trial_id, value, kind in self._rows(connection, query, c.trial_id, ids):
            found[trial_id].append(_number(value, kind))
        return found

    def _excess(
        self, connection: Connection, ids: Sequence[int]
    ) -> Mapping[int, dict[str, float]]:
        from sqlalchemy import or_, select

        c = self._tables.trial_system.c
        start = len(CONSTRAINT_PREFIX)
        query = select(c.trial_id, c.key, c.value_json).where(
            or_(c.key.like(f"{CONSTRAINT_PREFIX}%"), c.key == "constraints")
        )
        found: dict[int, dict[str, float]] = defaultdict(dict)
        for trial_id, key, text in self._rows(connection, query, c.trial_id, ids):
            value = _json(text)
            if isinstance(value, list):  # as Optuna wrote them before version 5
                numbers = enumerate(value)
                found[trial_id] |= {str(i): x for i, x in numbers if isinstance(x, (int, float))}
            elif isinstance(value, (int, float)):
                found[trial_id][key[start:]] = value
        return found

    def _rows(
        self, connection: Connection, query: Select[Any], column: Any, ids: Sequence[int]
    ) -> Iterator[Any]:
        """The rows of these trials: by range where they are many, as they are then neighbours."""
        from sqlalchemy import select

        if not ids:
            return
        if len(ids) <= _LISTED:
            yield from connection.execute(query.where(column.in_(ids)))
            return
        trials, wanted = self._tables.trials.c, set(ids)
        low, high = min(ids), max(ids)
        of_study = (
            select(trials.trial_id)
            .where(trials.study_id == self._study_id, trials.trial_id.between(low, high))
            .scalar_subquery()
        )
        ranged = query.where(column.between(low, high), column.in_(of_study))
        for row in connection.execute(ranged):
            if row[0] in wanted:
                yield row

    # ---- curves -----------------------------------------------------------------------------

    def _spans(self, connection: Connection, ids: Sequence[int]) -> Iterator[tuple[int, ...]]:
        """(trial id, how many points, the first step, the last)."""
        from sqlalchemy import func, select

        c = self._tables.points.c
        for piece in _pieces(ids):
            query = (
                select(c.trial_id, func.count(), func.min(c.step), func.max(c.step))
                .where(c.trial_id.in_(piece))
                .group_by(c.trial_id)
            )
            yield from (tuple(row) for row in connection.execute(query))

    def _curve(
        self, connection: Connection, trial_id: int, count: int, first: int, last: int
    ) -> Curve:
        from sqlalchemy import or_, select

        c = self._tables.points.c
        query = select(c.step, c.intermediate_value, self._tables.point_type)
        query = query.where(c.trial_id == trial_id).order_by(c.step)
        if count > 4 * POINTS:  # never read a million points to show two hundred
            every = max(1, (last - first) // (count - 1)) * (count // POINTS)
            query = query.where(or_((c.step - first) % every == 0, c.step == last))
        points = [(step, _number(x, kind)) for step, x, kind in connection.execute(query)]
        return thinned(points)


class _Tables:
    """Optuna's tables, and those of their columns that are read as plain text."""

    def __init__(self) -> None:
        from optuna.storages._rdb import models
        from sqlalchemy import String, type_coerce

        self.studies: Table = models.StudyModel.__table__
        self.directions: Table = models.StudyDirectionModel.__table__
        self.study_user: Table = models.StudyUserAttributeModel.__table__
        self.study_system: Table = models.StudySystemAttributeModel.__table__
        self.trials: Table = models.TrialModel.__table__
        self.trial_user: Table = models.TrialUserAttributeModel.__table__
        self.trial_system: Table = models.TrialSystemAttributeModel.__table__
        self.parameters: Table = models.TrialParamModel.__table__
        self.values: Table = models.TrialValueModel.__table__
        self.points: Table = models.TrialIntermediateValueModel.__table__
        self.direction = type_coerce(self.directions.c.direction, String)
        self.state = type_coerce(self.trials.c.state, String)
        self.value_type = type_coerce(self.values.c.value_type, String)
        self.point_type = type_coerce(self.points.c.intermediate_value_type, String)
        self.start = self.trials.c.datetime_start
        self.end = self.trials.c.datetime_complete


def study_names(engine: Engine) -> list[str]:
    """The studies in a database, the oldest first."""
    from sqlalchemy import select

    c = _Tables().studies.c
    with engine.connect() as connection:
        query = select(c.study_name).order_by(c.study_id)
        return [str(name) for (name,) in connection.execute(query)]


def _find_study(connection: Connection, tables: _Tables, name: str | None) -> tuple[int, str]:
    from sqlalchemy import select

    c = tables.studies.c
    rows = connection.execute(select(c.study_id, c.study_name).order_by(c.study_id)).fetchall()
    return which_study([(int(study_id), str(known)) for study_id, known in rows], name)


def which_study(studies: Sequence[tuple[int, str]], name: str | None) -> tuple[int, str]:
    """The study of a name, or the only one, of those given as (id, name).

    Raises:
        ExperimentError: if there is none, or several where one was meant.
    """
    names = [known for _, known in studies]
    if name is None and len(studies) == 1:
        return studies[0]
    if not names:
        raise ExperimentError("the storage holds no study yet")
    if name is None:
        raise ExperimentError(f"the storage holds several studies; name one of {names}")
    for study in studies:
        if study[1] == name:
            return study
    hint = did_you_mean(name, names)
    raise ExperimentError(f"the storage holds no study {name!r}{hint}; it holds {names}")


def _pieces(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), _LISTED):
        yield ids[start : start + _LISTED]


def _number(value: float | None, kind: str) -> float:
    return float(value) if value is not None else _INFINITE.get(str(kind), float("nan"))


def _seconds(moment: datetime | None) -> float | None:
    """Databases hold UTC from Optuna 5 on, and local time before."""
    if moment is None:
        return None
    return (moment.replace(tzinfo=timezone.utc) if _holds_utc() else moment).timestamp()


def _holds_utc() -> bool:
    from optuna.storages._rdb import models

    return hasattr(models.TrialModel, "_datetime_start_utc")


def _json(text: str | None) -> Any:
    try:
        return None if text is None else json.loads(text)
    except (ValueError, RecursionError):
        return None

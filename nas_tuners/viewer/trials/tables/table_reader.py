"""What reads a study in a database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, final

from sqlalchemy import Connection, Engine, func, select

from nas_tuners.contract.study_attributes import SEARCH_SPACE_ATTR

from ..reader import Batch, Curve, Replaced, WholeTrial
from ..rows import RawTrial, StudyFacts
from .curves import all_points, numbers_with_points, thinned_curves
from .schema import TRIALS, pieces
from .studies import find_study, read_facts
from .trial_tables import Head, heads, read_ranges, read_trials

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

_PIECE = 2000  # trials in one read
_UNFINISHED = ("running", "waiting")


@final
class TableReader:
    """A study in a database.

    It is connected for a moment at a time: nobody waits for a reader that keeps a connection.

    Args:
        engine: Of the database; its connections need not be able to write.
        study_name: Which study; None for the only one.

    Raises:
        ExperimentError: if there is no such study, or several where one was meant.
    """

    def __init__(self, engine: Engine, study_name: str | None = None) -> None:
        self._engine = engine
        self.distributions: dict[str, BaseDistribution] = {}
        self._last_id = 0
        self._last: Head = ()  # of that trial
        self._ids: dict[int, int] = {}  # number -> id
        self._unfinished: dict[int, RawTrial] = {}  # id -> as it was
        with engine.connect() as connection:
            self._study_id, name = find_study(connection, study_name)
            self._facts = read_facts(connection, self._study_id, name)
        self._ours = SEARCH_SPACE_ATTR in self._facts.attributes

    def facts(self) -> StudyFacts:
        return self._facts

    def read(self) -> Batch:
        with self._engine.connect() as connection:
            self._check_last(connection)
            fresh = self._fresh(connection)
            known = self._changed(connection) if len(fresh) < _PIECE else []
            found = [*known, *fresh]
            trials = self._trials(connection, found)
            of = self._count(connection) if found else len(self._ids)
        pairs = zip(found, trials, strict=True)
        changed = [trial for (trial_id, *_), trial in pairs if self._note(trial_id, trial)]
        if fresh:
            self._last = fresh[-1]
        return Batch(changed, done=len(self._ids), of=of, more=len(fresh) == _PIECE)

    def whole(self, number: int) -> WholeTrial | None:
        query = heads(self._study_id).where(TRIALS.c.number == number).limit(1)
        with self._engine.connect() as connection:
            head = connection.execute(query).fetchone()
            if head is None:
                return None
            (trial,) = self._trials(connection, [tuple(head)], everything=True)
            return WholeTrial(trial, all_points(connection, head[0]))

    def numbers_with_curves(self) -> list[int]:
        with self._engine.connect() as connection:
            return numbers_with_points(connection, self._study_id)

    def curves(self, numbers: Iterable[int]) -> dict[int, Curve]:
        by_id = {self._ids[number]: number for number in numbers if number in self._ids}
        with self._engine.connect() as connection:
            found = thinned_curves(connection, list(by_id))
            return {by_id[trial_id]: curve for trial_id, curve in found}

    def close(self) -> None:
        self._engine.dispose()

    def _trials(
        self, connection: Connection, found: Sequence[Head], *, everything: bool = False
    ) -> list[RawTrial]:
        trials = read_trials(
            connection, self._study_id, found, everything=everything, ours=self._ours
        )
        names = {name: None for trial in trials for name in trial.parameters}
        unknown = [name for name in names if name not in self.distributions]
        new = read_ranges(connection, self._study_id, unknown)
        self.distributions.update(new)
        return trials

    def _check_last(self, connection: Connection) -> None:
        """
        Raises:
            Replaced: if the last trial that was read is another one now, or none.
        """
        if not self._last:
            return
        query = heads(self._study_id).where(TRIALS.c.trial_id == self._last_id)
        found = connection.execute(query).fetchone()
        if found is None or found[1] != self._last[1] or self._last[3] not in (None, found[3]):
            raise Replaced("the study was written anew; ask again")

    def _fresh(self, connection: Connection) -> list[Head]:
        trial_id = TRIALS.c.trial_id
        query = heads(self._study_id).where(trial_id > self._last_id).order_by(trial_id)
        return [tuple(row) for row in connection.execute(query.limit(_PIECE))]

    def _changed(self, connection: Connection) -> list[Head]:
        """Those that had not ended when they were last read."""
        found: list[Head] = []
        for ids in pieces(list(self._unfinished)):
            query = heads(self._study_id).where(TRIALS.c.trial_id.in_(ids))
            found += [tuple(row) for row in connection.execute(query)]
        waiting = {i for i, trial in self._unfinished.items() if trial.state == "waiting"}
        return [head for head in found if head[0] not in waiting or head[2] != "WAITING"]

    def _count(self, connection: Connection) -> int:
        query = select(func.count()).where(TRIALS.c.study_id == self._study_id)
        return int(connection.execute(query).scalar_one())

    def _note(self, trial_id: int, trial: RawTrial) -> bool:
        """Whether it is new or another than before."""
        before = self._unfinished.pop(trial_id, None)
        if trial.state in _UNFINISHED:
            self._unfinished[trial_id] = trial
        self._ids[trial.number] = trial_id
        self._last_id = max(self._last_id, trial_id)
        return trial != before

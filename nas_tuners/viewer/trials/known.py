"""The trials that have been read by now, and which of them changed when."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, final

from .rows import Row, columns_of, further_metrics
from .space import Decoder

Progress = tuple[int, int]
"""How many trials have been read, of how many."""


@dataclass(frozen=True)
class StudyView:
    """What a study is about.

    Attributes:
        name: Its name.
        objectives: The names of the objectives.
        directions: ``"maximize"`` or ``"minimize"`` for each.
        decoder: Reads what its trials decide.
    """

    name: str
    objectives: Sequence[str]
    directions: Sequence[str]
    decoder: Decoder


@dataclass(frozen=True)
class Snapshot:
    """Of what is known.

    Attributes:
        revision: Of the trials.
        rows: Number -> the trial.
        reading: Whether more are being read.
    """

    revision: int
    rows: dict[int, Row]
    reading: bool


@final
class KnownTrials:
    """Filled by whoever reads, one at a time; every thread may ask.

    Attributes:
        problem: Why the storage could not be read the last time; empty if it could.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()  # of all that follows
        self.problem = ""
        self._study: StudyView | None = None
        self._rows: dict[int, Row] = {}
        self._changed_at: dict[int, int] = {}  # number -> revision
        self._revision = 0
        self._since = 0  # the revision from which on these rows count
        self._progress: Progress | None = (0, 0)
        self._metrics: list[str] = []

    def snapshot(self) -> Snapshot:
        with self._lock:
            return Snapshot(self._revision, dict(self._rows), self._progress is not None)

    def columns(self) -> dict[str, Any]:
        """All trials, as the page gets them."""
        with self._lock:
            return self._content(self._rows)

    def changes(self, revision: int) -> dict[str, Any] | None:
        """What changed after a revision, as :meth:`Trials.changes` has it."""
        with self._lock:
            if revision == self._revision:
                return None
            if 0 < revision < self._since:
                return {"revision": self._revision}
            known = 0 <= revision < self._revision
            numbers = (
                [n for n, changed in self._changed_at.items() if changed > revision]
                if known
                else self._rows  # of another server
            )
            return {"revision": self._revision, "rows": self._content(numbers)}

    # ---- filling it ---------------------------------------------------------------------------

    def begin(self, study: StudyView) -> None:
        """These are the trials of this study."""
        with self._lock:
            self._study = study

    def take(self, rows: Sequence[Row], progress: Progress | None) -> None:
        """Some were read; ``progress`` is None if they were the last ones."""
        with self._lock:
            assert self._study is not None, "begun before"
            if rows or self.problem or progress != self._progress:
                self._revision += 1
            self.problem, self._progress = "", progress
            self._metrics = self._metrics or list(self._study.objectives)
            self._metrics += further_metrics(rows, self._metrics)
            for row in rows:
                self._rows[row.number] = row
                self._changed_at[row.number] = self._revision

    def fail(self, problem: str) -> None:
        """Nothing more can be read now."""
        with self._lock:
            if (self.problem, self._progress) != (problem, None):
                self._revision += 1
            self.problem, self._progress = problem, None

    def forget(self) -> None:
        """These trials are gone."""
        with self._lock:
            self._rows, self._changed_at, self._metrics = {}, {}, []
            self._progress = (0, 0)
            self._revision += 1
            self._since = self._revision

    def _content(self, numbers: Iterable[int]) -> dict[str, Any]:
        """Needs the lock."""
        study, metrics, progress = self._study, self._metrics, self._progress
        decoder = study.decoder if study else None
        keys = list(decoder.keys) if decoder else []
        directions = list(study.directions) if study and metrics else []
        return {
            "revision": self._revision,
            "name": study.name if study else "",
            "metrics": list(metrics),
            "directions": [*directions, *[None] * (len(metrics) - len(directions))],
            "space": decoder.space if decoder else None,
            "labels": dict(decoder.labels) if decoder else {},
            **columns_of([self._rows[number] for number in sorted(numbers)], metrics, keys),
            "reading": None if progress is None else {"done": progress[0], "of": progress[1]},
            "problems": [self.problem] if self.problem else [],
        }

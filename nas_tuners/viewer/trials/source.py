"""The trials of a study as the page gets them: columns, changes, and one trial in full."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from nas_tuners.contract.errors import ExperimentError, NasTunersError
from nas_tuners.contract.search_space import SearchSpace
from nas_tuners.experiment.folder import ExperimentFolder

from .curves import chosen_for_curves
from .details import details_of
from .importance import Importance, ImportanceWorker, importance_of
from .logs import log_names, read_log
from .opening import open_reader, unreadable
from .reader import Reader, Replaced
from .rows import (
    Row,
    columns_of,
    finite,
    further_metrics,
    objective_names,
    row_of,
)
from .space import Decoder, decoder_of

if TYPE_CHECKING:
    from optuna.study import Study

_AGAIN = 5.0  # seconds until a storage that could not be read is asked again
_SLOW = 0.05  # seconds
_FIRST = 1.0  # seconds that the first answer waits for all trials
_LAST = 1.0  # seconds that the end waits for a reading that goes on

_Clock = Callable[[], float]


@final
class Trials:
    """Reads a study that may be running; never writes to it. Every method may be called by any
    thread.

    The first call begins to read in the background; :meth:`columns` gives what is there, and how
    far the reading is.

    Args:
        open_study: Opens the study; called again while it fails, as the storage of an experiment
            that has only just begun is not there yet.
        url: Of the storage, for messages.
        folder: The experiment's folder, if there is one.
        clock: Seconds that only grow.
    """

    def __init__(
        self,
        open_study: Callable[[], Reader],
        *,
        url: str = "",
        folder: ExperimentFolder | None = None,
        clock: _Clock = time.monotonic,
    ) -> None:
        self._open, self._url, self._folder, self._clock = open_study, url, folder, clock
        self._state = threading.Lock()  # of what follows up to the empty line
        self._rows: dict[int, Row] = {}
        self._changed_at: dict[int, int] = {}  # number -> revision
        self._revision = 0
        self._since = 0  # the revision from which on these rows count
        self._progress: tuple[int, int] | None = (0, 0)
        self._problem = ""
        self._metrics: list[str] = []

        self._reading = threading.Lock()  # of the reader and what reads with it
        self._reader: Reader | None = None
        self._decoder: Decoder | None = None
        self._objectives: list[str] = []
        self._directions: list[str] = []
        self._name = ""
        self._space: SearchSpace | None = None
        self._ask_after = 0.0
        self._started = self._waited = False
        self._closed = False
        self._some = threading.Event()
        self._importance = ImportanceWorker()

    @classmethod
    def of_experiment(cls, path: str | Path) -> Trials:
        """Of an experiment's folder, whose study may not be there yet.

        Raises:
            ExperimentError: if the folder holds no experiment, or its configuration is unreadable.
        """
        from nas_tuners.experiment.study_setup import study_name

        folder = ExperimentFolder(path)
        config = folder.config()
        url = folder.storage_url
        return cls(lambda: open_reader(url, study_name(config)), url=url, folder=folder)

    @classmethod
    def of_storage(
        cls, url: str, study_name: str | None = None, *, clock: _Clock = time.monotonic
    ) -> Trials:
        """Of a study in a storage: ``sqlite:///study.db``, ``journal:///study.log`` and so on."""
        return cls(lambda: open_reader(url, study_name), url=url, clock=clock)

    @classmethod
    def of_study(cls, study: Study, *, clock: _Clock = time.monotonic) -> Trials:
        """Of a study that is open already."""

        def open_study() -> Reader:
            from .objects import ObjectReader

            return ObjectReader(study._storage, study.study_name)

        return cls(open_study, clock=clock)

    # ---- what the page asks for ---------------------------------------------------------------

    def begin(self) -> None:
        """Read what is there in the background, before anybody asks for it."""
        with self._state:
            first, self._started = not self._started, True
        if first:
            threading.Thread(target=self._read_all, name="trials", daemon=True).start()

    def columns(self) -> dict[str, Any]:
        """All trials that have been read by now; see the format of ``/api/runs/{id}/trials``.

        While more are being read, ``"reading"`` is ``{"done": 3000, "of": 10000}``, else None.
        """
        self._begin()
        self._refresh()
        with self._state:
            return self._content(sorted(self._rows))

    def changes(self, revision: int) -> dict[str, Any] | None:
        """``{"revision", "rows": columns}`` of the trials that changed after a revision.

        None where nothing did. Without ``"rows"`` where trials are gone: all has to be read anew.
        """
        self._begin()
        self._refresh()
        with self._state:
            if revision == self._revision:
                return None
            if 0 < revision < self._since:
                return {"revision": self._revision}
            known = 0 <= revision < self._revision
            numbers = (
                [n for n, changed in self._changed_at.items() if changed > revision]
                if known
                else list(self._rows)  # of another server
            )
            return {"revision": self._revision, "rows": self._content(sorted(numbers))}

    def details(self, number: int) -> dict[str, Any] | None:
        """One trial in full, as ``/api/runs/{id}/trials/{n}`` has it; None if there is none.

        Raises:
            ExperimentError: if the storage cannot be read now.
        """
        reader, decoder = self._ready()
        with self._turn():
            whole = self._guarded(lambda: reader.whole(number))
            if whole is None:
                return None
            content = details_of(whole, decoder, self._objectives)
        return content | {"logs": log_names(self._folder, number)}

    def curves(self) -> dict[str, Any]:
        """``{"curves": {"12": [[step, value], ...]}}``: of the best and of the latest trials."""
        reader, _ = self._ready()
        with self._state:
            rows = dict(self._rows)
        with self._turn():
            numbers = self._guarded(reader.numbers_with_curves)
            chosen = chosen_for_curves(
                [rows[number] for number in numbers if number in rows],
                self._objectives[0],
                maximize=self._directions[0] == "maximize",
            )
            curves = self._guarded(lambda: reader.curves(chosen))
        points = {
            str(number): [[step, finite(value)] for step, value in curves[number]]
            for number in chosen
            if curves.get(number)
        }
        return {"curves": points, "of": len(numbers)}

    def importance(self, wait: float = 0.1) -> dict[str, Any]:
        """``{"metric", "importance": {key: 0.4}, "problem": "why there is none", "computing"}``.

        It is computed in the background: while ``"computing"`` is true, it is that of fewer
        trials, or none yet.

        Args:
            wait: For how many seconds to wait for it.
        """
        _, decoder = self._ready()
        with self._state:
            revision, reading = self._revision, self._progress is not None
            rows = list(self._rows.values())
        metric, maximize = self._objectives[0], self._directions[0] == "maximize"
        keys, labels = list(decoder.keys), dict(decoder.labels)

        def compute() -> Importance:
            return importance_of(rows, keys, labels, metric=metric, maximize=maximize)

        result, computing = self._importance.ask(revision, None if reading else compute, wait=wait)
        result = result or Importance(metric)
        return result.to_json() | {"computing": computing or reading}

    def log(self, number: int, name: str) -> str | None:
        """The last 256 KiB of what a trial's process printed; None if there is no such file.

        Raises:
            ExperimentError: if it cannot be read, or something else stands in its place.
        """
        return read_log(self._folder, number, name)

    def close(self) -> None:
        """Let go of the storage; whoever is reading it does so when that has ended."""
        if not self._closed:
            self._closed = True
            if self._reading.acquire(timeout=_LAST):
                self._done_reading()

    # ---- reading ------------------------------------------------------------------------------

    def _begin(self) -> None:
        """Begin, and wait a moment for the first trials: of small studies they are all."""
        self.begin()
        if not self._waited:
            self._waited = True
            self._some.wait(_FIRST)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        self._reading.acquire()
        try:
            yield
        finally:
            self._done_reading()

    def _done_reading(self) -> None:
        if self._closed and self._reader is not None:
            reader, self._reader = self._reader, None
            with suppress(Exception):  # each database driver has errors of its own
                reader.close()
        self._reading.release()

    def _read_all(self) -> None:
        more = True
        while more:
            with self._turn():
                more = self._read_some()
        self._some.set()

    def _refresh(self) -> None:
        """Read what has changed, unless somebody is at it."""
        if self._some.is_set() and not self._closed and self._reading.acquire(blocking=False):
            began = self._clock()
            try:
                more = True
                while more:
                    more = self._read_some()
            finally:
                took = self._clock() - began
                if took > _SLOW:  # as through a proxy: leave others some of its time
                    pause = min(4 * took, _AGAIN)
                    self._ask_after = max(self._ask_after, began + took + pause)
                self._done_reading()

    def _read_some(self) -> bool:
        """Read a batch; whether there is another. Needs :attr:`_reading`."""
        if self._closed or self._clock() < self._ask_after:
            return False
        try:
            reader = self._opened()
            batch = reader.read()
            assert self._decoder is not None
            rows = [
                row_of(trial, self._objectives, self._decoder.entries(trial))
                for trial in batch.trials
            ]
        except Replaced:
            self._forget()
            return True
        except Exception as error:  # each database driver has errors of its own
            self._ask_after = self._clock() + _AGAIN
            problem = _words(self._url, error)
            with self._state:
                if (self._problem, self._progress) != (problem, None):
                    self._revision += 1
                self._problem, self._progress = problem, None
            return False
        self._take(rows, (batch.done, batch.of) if batch.more else None)
        return batch.more

    def _forget(self) -> None:
        """All that was read, and what read it."""
        assert self._reader is not None
        reader, self._reader = self._reader, None
        reader.close()
        with self._state:
            self._rows, self._changed_at, self._metrics = {}, {}, []
            self._progress = (0, 0)
            self._revision += 1
            self._since = self._revision

    def _opened(self) -> Reader:
        if self._reader is None:
            reader = self._open()
            facts = reader.facts()
            self._name = facts.name
            self._directions = [str(direction) for direction in facts.directions]
            self._objectives = self._names_of_objectives(objective_names(facts))
            if self._folder is not None and self._space is None:
                self._space = self._folder.space()
            self._decoder = decoder_of(facts.attributes, reader.distributions, self._space)
            self._reader = reader
        return self._reader

    def _names_of_objectives(self, names: list[str]) -> list[str]:
        """The experiment knows them, where the study may have none."""
        if self._folder is None:
            return names
        from nas_tuners.experiment.study_setup import goals_of

        ours = [metric for metric, _ in goals_of(self._folder.config()).objectives]
        return ours if len(ours) == len(names) else names

    def _take(self, rows: list[Row], progress: tuple[int, int] | None) -> None:
        with self._state:
            if rows or self._problem or progress != self._progress:
                self._revision += 1
            self._problem, self._progress = "", progress
            if not self._metrics:
                self._metrics = list(self._objectives)
            self._metrics += further_metrics(rows, self._metrics)
            for row in rows:
                self._rows[row.number] = row
                self._changed_at[row.number] = self._revision

    def _content(self, numbers: list[int]) -> dict[str, Any]:
        """Needs :attr:`_state`."""
        decoder, metrics = self._decoder, self._metrics
        keys = list(decoder.keys) if decoder else []
        directions = [*self._directions, *[None] * (len(metrics) - len(self._directions))]
        progress = self._progress
        return {
            "revision": self._revision,
            "name": self._name,
            "metrics": list(metrics),
            "directions": directions if metrics else [],
            "space": decoder.space if decoder else None,
            "labels": dict(decoder.labels) if decoder else {},
            **columns_of([self._rows[number] for number in numbers], metrics, keys),
            "reading": None if progress is None else {"done": progress[0], "of": progress[1]},
            "problems": [self._problem] if self._problem else [],
        }

    def _ready(self) -> tuple[Reader, Decoder]:
        """The reader, once the first trials have been read.

        Raises:
            ExperimentError: if the storage cannot be read.
        """
        self._begin()
        self._refresh()
        with self._state:
            if self._reader is None or self._decoder is None:
                raise ExperimentError(self._problem or "the study is being opened; ask again")
            return self._reader, self._decoder

    def _guarded(self, read: Callable[[], Any]) -> Any:
        try:
            return read()
        except Exception as error:
            raise ExperimentError(_words(self._url, error)) from error


def open_experiment(path: str | Path) -> Trials:
    """The trials of an experiment, which are read at once.

    Raises:
        ExperimentError: if the folder holds no experiment, or its configuration is unreadable.
    """
    trials = Trials.of_experiment(path)
    trials.begin()
    return trials


def open_study(url: str, study_name: str | None = None) -> Trials:
    """The trials of a study in a storage, which are read at once."""
    trials = Trials.of_storage(url, study_name)
    trials.begin()
    return trials


def _words(url: str, error: Exception) -> str:
    """What is wrong, without passwords."""
    return str(error) if isinstance(error, NasTunersError) else unreadable(url, error)

"""The trials of a study as the page gets them: columns, changes, and one trial in full."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from nas_tuners.experiment.folder import ExperimentFolder

from .curves import chosen_for_curves
from .details import details_of
from .following import Clock, Follower
from .importance import Importance, ImportanceWorker, importance_of
from .logs import log_names, read_log
from .opening import open_reader
from .reader import Reader
from .rows import finite

if TYPE_CHECKING:
    from optuna.study import Study


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
        clock: Clock = time.monotonic,
    ) -> None:
        self._folder = folder
        self._follower = Follower(open_study, url=url, folder=folder, clock=clock)
        self._known = self._follower.known
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
        cls, url: str, study_name: str | None = None, *, clock: Clock = time.monotonic
    ) -> Trials:
        """Of a study in a storage: ``sqlite:///study.db``, ``journal:///study.log`` and so on."""
        return cls(lambda: open_reader(url, study_name), url=url, clock=clock)

    @classmethod
    def of_study(cls, study: Study, *, clock: Clock = time.monotonic) -> Trials:
        """Of a study that is open already."""

        def open_study() -> Reader:
            from .objects import ObjectReader

            return ObjectReader(study._storage, study.study_name)

        return cls(open_study, clock=clock)

    def begin(self) -> None:
        """Read what is there in the background, before anybody asks for it."""
        self._follower.begin()

    def columns(self) -> dict[str, Any]:
        """All trials that have been read by now; see the format of ``/api/runs/{id}/trials``.

        While more are being read, ``"reading"`` is ``{"done": 3000, "of": 10000}``, else None.
        """
        self._follower.refresh()
        return self._known.columns()

    def changes(self, revision: int) -> dict[str, Any] | None:
        """``{"revision", "rows": columns}`` of the trials that changed after a revision.

        None where nothing did. Without ``"rows"`` where trials are gone: all has to be read anew.
        """
        self._follower.refresh()
        return self._known.changes(revision)

    def details(self, number: int) -> dict[str, Any] | None:
        """One trial in full, as ``/api/runs/{id}/trials/{n}`` has it; None if there is none.

        Raises:
            ExperimentError: if the storage cannot be read now.
        """
        reader, study = self._follower.ready()
        with self._follower.turn():
            whole = self._follower.guarded(lambda: reader.whole(number))
            if whole is None:
                return None
            content = details_of(whole, study.decoder, study.objectives)
        return content | {"logs": log_names(self._folder, number)}

    def curves(self) -> dict[str, Any]:
        """``{"curves": {"12": [[step, value], ...]}}``: of the best and of the latest trials."""
        reader, study = self._follower.ready()
        rows = self._known.snapshot().rows
        with self._follower.turn():
            numbers = self._follower.guarded(reader.numbers_with_curves)
            chosen = chosen_for_curves(
                [rows[number] for number in numbers if number in rows],
                study.objectives[0],
                maximize=study.directions[0] == "maximize",
            )
            curves = self._follower.guarded(lambda: reader.curves(chosen))
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
        _, study = self._follower.ready()
        now = self._known.snapshot()
        metric, maximize = study.objectives[0], study.directions[0] == "maximize"
        rows, keys = list(now.rows.values()), list(study.decoder.keys)
        labels = dict(study.decoder.labels)

        def compute() -> Importance:
            return importance_of(rows, keys, labels, metric=metric, maximize=maximize)

        ask = None if now.reading else compute
        result, computing = self._importance.ask(now.revision, ask, wait=wait)
        result = result or Importance(metric)
        return result.to_json() | {"computing": computing or now.reading}

    def log(self, number: int, name: str) -> str | None:
        """The last 256 KiB of what a trial's process printed; None if there is no such file.

        Raises:
            ExperimentError: if it cannot be read, or something else stands in its place.
        """
        return read_log(self._folder, number, name)

    def close(self) -> None:
        """Let go of the storage; whoever is reading it does so when that has ended."""
        self._follower.close()

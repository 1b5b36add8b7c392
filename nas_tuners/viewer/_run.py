"""One search that is shown: its graph, its log and its trials, or some of them.

All of this reads files and databases; of each run, one thread at a time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from nas_tuners.contract.errors import ExperimentError, NasTunersError

from ._inside import FileInside

if TYPE_CHECKING:
    from .recorded.log_file import LogFile

GRAPH = "graph.json"
LOG = "log"
_PATIENCE = 0.3  # seconds for a log that somebody waits for; the rest of it comes later
_RECORDS = (200, 1000)  # at least, at most
_NUMBERS = 120_000  # of all records that are given


class TrialsSource(Protocol):
    """The trials of a study. What cannot be given is an :class:`ExperimentError`."""

    def columns(self) -> dict[str, Any]:
        """All trials, as ``/api/runs/{id}/trials`` has them."""

    def changes(self, revision: int) -> dict[str, Any] | None:
        """``{"revision", "rows"}`` of the trials that changed after a revision; None if none."""

    def details(self, number: int) -> dict[str, Any] | None:
        """All of one trial; None if there is none of this number."""

    def curves(self) -> dict[str, Any]:
        """Intermediate results."""

    def importance(self, wait: float = 0.1) -> dict[str, Any]:
        """How much each key matters, after so many seconds at most."""

    def log(self, number: int, name: str) -> str | None:
        """The end of a trial's log; None if it has none of this name."""

    def close(self) -> None:
        """Let go of the storage."""


class Run:
    """One search.

    Args:
        number: Its place in the list of runs, for good.
        title: What people call it.
        root: The folder that was asked for; no file outside of it is read.
        folder: Where ``graph.json`` and ``log`` are, or will be; None if the run has neither.
        open_trials: Gives its trials; None if it has none. Called when they are first asked for.
        is_live: Whether it is known to run.

    Attributes:
        number: The same.
        title: The same.
        dashboard: Where Optuna's dashboard shows its study.
        is_log_whole: Whether the log was read to its end when it was last looked at.
    """

    def __init__(
        self,
        number: int,
        title: str,
        *,
        root: Path | None = None,
        folder: Path | None = None,
        open_trials: Callable[[], TrialsSource] | None = None,
        is_live: Callable[[], bool] = lambda: False,
    ) -> None:
        self.number = number
        self.title = title
        self.dashboard: str | None = None
        self._graph_file = FileInside(root, folder / GRAPH) if root and folder else None
        self._log_file = FileInside(root, folder / LOG) if root and folder else None
        self._open_trials = open_trials
        self._is_live = is_live
        self._graph: tuple[str, bytes] | None = None
        self._log: LogFile | None = None
        self._overview: tuple[tuple[str, int, int], dict[str, Any]] | None = None
        self.is_log_whole = True
        self._trials: TrialsSource | None = None

    @property
    def id(self) -> str:
        return str(self.number)

    @property
    def has_trials(self) -> bool:
        return self._open_trials is not None

    def summary(self) -> dict[str, Any]:
        """The run in the list of runs."""
        has = {
            "graph": _is_there(self._graph_file),
            "log": _is_there(self._log_file),
            "trials": self.has_trials,
        }
        return {
            "id": self.id,
            "title": self.title,
            "has": has,
            "live": self._is_live(),
            "dashboard": self.dashboard,
        }

    def graph_tag(self) -> str:
        """Which graph there is; empty if none.

        Raises:
            ExperimentError: see :meth:`FileInside.stamp`.
        """
        return str((self._graph_file and self._graph_file.stamp()) or "")

    def graph(self) -> tuple[bytes, str]:
        """The answer of ``/api/runs/{id}/graph``, and its tag; read when the file has changed."""
        try:
            tag = self.graph_tag()
        except ExperimentError:
            return json_bytes(self.graph_content()), ""
        if self._graph is None or self._graph[0] != tag:
            self._graph = (tag, json_bytes(self.graph_content()))
        return self._graph[1], tag

    def graph_content(self) -> dict[str, Any]:
        """The graph, and what is wrong with it."""
        try:
            if self._graph_file is None or self._graph_file.stamp() is None:
                return {"graph": None, "problems": []}
        except ExperimentError as error:
            return {"graph": None, "problems": [str(error)]}
        from .recorded.graph_file import read_graph

        read = read_graph(self._graph_file.path)
        return {"graph": read.graph, "problems": read.problems}

    def begin(self) -> None:
        """Begin to read: the graph, a log in part, trials in the background."""
        self.graph()
        self.log_overview()
        if self.has_trials:
            self.trials().columns()

    def log(self, *, refresh: bool = True, whole: bool = False) -> LogFile | None:
        """The log; None if the run has none yet.

        Args:
            refresh: Whether to take up what was written since.
            whole: Whether to take up all of that, and not only as much as there is time for.

        Raises:
            ExperimentError: see :meth:`FileInside.stamp`.
        """
        if self._log_file is None:
            return None
        if self._log_file.stamp() is None and self._log is None:
            return None
        if self._log is None:
            from .recorded.log_file import LogFile

            self._log = LogFile(self._log_file.path)
            refresh = True
        if refresh:
            self.is_log_whole = not self._log.refresh(None if whole else _PATIENCE)
        return self._log

    def log_overview(
        self, limit: int | None = None, *, whole: bool = False
    ) -> tuple[dict[str, Any], str]:
        """The answer of ``/api/runs/{id}/log``, and the tag of what was written.

        Args:
            limit: At most so many records; None for as many as a browser gets at once.
            whole: See :meth:`log`.
        """
        try:
            log = self.log(whole=whole)
        except ExperimentError as error:
            return {**no_log(), "problems": [str(error)]}, ""
        if log is None:
            return no_log(), ""
        if limit is not None:
            return log.overview(limit), log_tag(log)
        state = (log_tag(log), log.count, len(log.problems))
        if self._overview is None or self._overview[0] != state:
            self._overview = (state, log.overview(_fitting(log)))
        return self._overview[1], state[0]

    def log_record(self, index: int) -> dict[str, Any]:
        """One record in full.

        Raises:
            ExperimentError: if there is none of this number.
        """
        log = self.log()
        if log is None or not 0 <= index < log.count:
            raise ExperimentError(f"{self.title}: the log has no record {index}")
        return log.record(index)

    def trials(self) -> TrialsSource:
        """Its trials.

        Raises:
            ExperimentError: if it has none, or they cannot be read.
        """
        if self._open_trials is None:
            raise ExperimentError(f"{self.title}: has no trials")
        if self._trials is None:
            self._trials = self._open_trials()
        return self._trials

    def trial(self, number: int) -> dict[str, Any]:
        """All of one trial.

        Raises:
            ExperimentError: if there is none of this number, or it cannot be read.
        """
        found = self.trials().details(number)
        if found is None:
            raise ExperimentError(f"{self.title}: there is no trial {number}")
        return found

    def trial_log(self, number: int, name: str) -> str:
        """The end of one of a trial's logs.

        Raises:
            ExperimentError: if the trial has none of this name.
        """
        text = None
        if name in self.trial(number)["logs"]:
            text = self.trials().log(number, name)
        if text is None:
            raise ExperimentError(f"{self.title}: trial {number} has no log of this name")
        return text

    def close(self) -> None:
        if self._trials is not None:
            self._trials.close()


def log_tag(log: LogFile) -> str:
    """Which records those of a log are: it may be begun anew, or a search go back in it."""
    return "-".join(map(str, log.generation))


def _fitting(log: LogFile) -> int:
    """So many records that a log of many keys does not take long."""
    width = 0
    if log.count:
        width = sum(len(values) for values in log.record(log.count - 1)["status"].values())
    least, most = _RECORDS
    return min(most, max(least, _NUMBERS // max(width, 1)))


def no_log() -> dict[str, Any]:
    """The overview of a log that is not there (yet)."""
    lists: dict[str, Any] = {name: [] for name in ("index", "step", "epoch", "time", "kind")}
    return {"count": 0, **lists, "values": {}, "problems": []}


def json_bytes(content: Mapping[str, Any] | Sequence[Any]) -> bytes:
    """As browsers read it: no NaN, no infinity."""
    options: dict[str, Any] = {"ensure_ascii": False, "separators": (",", ":")}
    try:
        text = json.dumps(content, allow_nan=False, **options)
    except ValueError:
        text = json.dumps(_finite(content), allow_nan=False, **options)
    return text.encode("utf-8", errors="replace")


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    if isinstance(value, float) and value - value != 0:
        return None
    return value


def _is_there(file: FileInside | None) -> bool:
    try:
        return file is not None and file.stamp() is not None
    except NasTunersError:
        return True  # and says what is wrong with it when it is asked for

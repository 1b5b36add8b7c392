"""One trial on a node of a Ray cluster: what the process of its actor does.

Knows nothing of Ray, and what goes in and out is plain (dicts, lists, texts, numbers).
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from nas_tuners.contract.choices_log import GRAPH_FILE
from nas_tuners.contract.trial_io import (
    METRICS_FILE,
    OUTPUT_DIR,
    Assignment,
    Metric,
    open_regular,
)

from ..launcher import Event, Exited, Reported, ReportedUnusable
from ..local.launcher import LocalLauncher
from ..trial_files import STDERR, STDOUT, trial_folder

_LOOK = 0.1  # seconds between two looks at what the trial reports
_BROUGHT_BACK = 1_000_000  # bytes of each file
_LARGEST_GRAPH = 16_000_000  # bytes
_KINDS: dict[str, type[Event]] = {
    "reported": Reported,
    "unusable": ReportedUnusable,
    "exited": Exited,
}


class TrialHost:
    """Runs one trial and keeps what happened to it, so that an answer that is lost on the way can
    be asked for again.
    """

    def __init__(self) -> None:
        self._answering = threading.Lock()
        self._launcher: LocalLauncher | None = None
        self._assignment: Assignment | None = None
        self._folder = Path()
        self._temporary: Path | None = None
        self._events: list[dict[str, Any]] = []
        self._grace: float | None = None

    def start(self, order: dict[str, Any]) -> dict[str, Any]:
        """Begin the trial, unless it was begun before; where it is."""
        with self._answering:
            if self._launcher is None:
                self._begin(order)
        return {"node": os.uname().nodename, "pid": os.getpid(), "folder": str(self._folder)}

    def events(self, seen: int, timeout: float) -> list[dict[str, Any]]:
        """What happened after the first ``seen`` events, as soon as there is something."""
        with self._answering:
            deadline = time.monotonic() + timeout
            while len(self._events) <= seen and time.monotonic() < deadline:
                self._look()
            return self._events[seen:]

    def stop(self, grace: float) -> None:
        """Ask the trial to end, and end it by force after so many seconds."""
        self._grace = grace  # for the thread that waits in `events`: launchers are for one thread

    def _begin(self, order: dict[str, Any]) -> None:
        _end_with_parent()
        self._assignment = Assignment(**order["assignment"])
        trials = self._trials(order["trials"])
        self._folder = trial_folder(trials, self._assignment.number)
        launcher = LocalLauncher(
            order["command"],
            function=order["function"],
            cwd=Path(order["code_directory"] or Path.cwd()),
            trials=trials,
            environment=order["environment"],
            max_log_bytes=order["max_log_bytes"],
        )
        launcher.start(self._assignment, timeout=order["timeout"])
        self._launcher = launcher

    def _trials(self, shared: str | None) -> Path:
        if shared is not None:
            return Path(shared)
        self._temporary = Path(tempfile.mkdtemp(prefix="nas-tuners-"))
        return self._temporary

    def _look(self) -> None:
        assert self._launcher is not None, "started first"
        assert self._assignment is not None
        if self._grace is not None and not self._has_ended():
            self._launcher.stop([self._assignment.number], grace=self._grace)
            self._grace = None
        if self._has_ended():
            time.sleep(_LOOK)
            return
        for event in self._launcher.events(_LOOK):
            self._events.append(to_plain(event))
        if self._has_ended():
            self._launcher.__exit__()
            self._events[-1]["files"] = _texts(self._folder)
            self._tidy()

    def _has_ended(self) -> bool:
        return bool(self._events) and self._events[-1]["kind"] == "exited"

    def _tidy(self) -> None:
        """Leave nothing on the node but what the trial itself has put into ``output/``."""
        if self._temporary is not None and not _has_entries(self._folder / OUTPUT_DIR):
            shutil.rmtree(self._temporary, ignore_errors=True)


def to_plain(event: Event) -> dict[str, Any]:
    """An event as JSON can hold it."""
    kind = next(kind for kind, form in _KINDS.items() if isinstance(event, form))
    return {"kind": kind, **asdict(event)}


def from_plain(content: dict[str, Any]) -> Event:
    """The event of :func:`to_plain`; other entries than its own are left out."""
    form = _KINDS[content["kind"]]
    fields = {name: content[name] for name in form.__dataclass_fields__}
    if form is Reported:
        fields["metric"] = Metric(**fields["metric"])
    return form(**fields)


def _end_with_parent() -> None:
    """Let this process, and with it the trial, end when the node's own process is gone.

    A process of Ray whose node was killed goes on; elsewhere the trial may be running again.
    """
    parent = os.getppid()

    def guard() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)  # at which the watchdog ends the trial

    threading.Thread(target=guard, daemon=True).start()


def _texts(folder: Path) -> dict[str, str]:
    """The ends of the trial's files; and the graph of the model space, if it has recorded it."""
    texts = {name: _end_of(folder / name) for name in (STDOUT, STDERR, METRICS_FILE)}
    graph = _graph_in(folder)
    return texts | ({GRAPH_FILE: graph} if graph else {})


def _graph_in(folder: Path) -> str:
    try:
        with open_regular(folder / GRAPH_FILE) as file:
            content = file.read(_LARGEST_GRAPH + 1)
    except OSError:
        return ""
    return content.decode(errors="replace") if len(content) <= _LARGEST_GRAPH else ""


def _end_of(file: Path) -> str:
    """The last whole lines of a file; a link is not followed."""
    try:
        if not stat.S_ISREG(file.lstat().st_mode):
            return ""
        with file.open("rb") as handle:
            start = max(0, file.lstat().st_size - _BROUGHT_BACK)
            handle.seek(start)
            content = handle.read(_BROUGHT_BACK)
    except OSError:
        return ""
    return (content.partition(b"\n")[2] if start else content).decode(errors="replace")


def _has_entries(folder: Path) -> bool:
    try:
        return any(folder.iterdir())
    except OSError:
        return False

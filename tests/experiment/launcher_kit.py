"""A folder with a script, and trials of it on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nas_tuners.contract.trial_io import Assignment
from nas_tuners.experiment.launcher import Event, Exited
from nas_tuners.experiment.local.launcher import LocalLauncher
from tests.experiment_kit import eventually


@dataclass(frozen=True)
class Ran:
    """What a trial did."""

    exited: Exited
    events: list[Event]
    stdout: str
    stderr: str


class Place:
    """Where a script and its trials are."""

    def __init__(self, path: Path) -> None:
        self.path, self.trials = path, path / "trials"

    def write(self, text: str, name: str = "trial.py") -> None:
        (self.path / name).write_text(text)

    @contextmanager
    def launcher(
        self, *arguments: str, environment: Mapping[str, str] | None = None, **options: Any
    ) -> Iterator[LocalLauncher]:
        """Trials of ``trial.py``, unless the options tell otherwise."""
        if not options.keys() & {"command", "function"}:
            options["command"] = ("python", "trial.py", *arguments)
        with LocalLauncher(
            cwd=self.path, trials=self.trials, environment=environment or {}, **options
        ) as launcher:
            yield launcher

    def run(self, *arguments: str, **options: Any) -> Ran:
        """One trial, from its start to its end."""
        with self.launcher(*arguments, **options) as launcher:
            launcher.start(assignment(), timeout=None)
            return self.ran(until_exit(launcher))

    def ran(self, events: list[Event]) -> Ran:
        (exited,) = [event for event in events if isinstance(event, Exited)]
        folder = self.folder(exited.number)
        out, err = [(folder / name).read_text() for name in ("stdout.txt", "stderr.txt")]
        return Ran(exited, events, out, err)

    def folder(self, number: int = 0) -> Path:
        return self.trials / f"{number:04d}"

    def said(self, name: str, number: int = 0) -> str:
        """What a trial wrote to a file of its folder, as soon as it ends in a line break."""
        file = self.folder(number) / name
        assert eventually(lambda: file.exists() and file.read_text().endswith("\n"))
        return file.read_text()


def assignment(number: int = 0, **fields: Any) -> Assignment:
    return Assignment("e", f"e-{number}", number, fields.pop("parameters", {"a": 1}), **fields)


def until_exit(launcher: LocalLauncher, count: int = 1) -> list[Event]:
    """What happens until so many trials have ended, as the loop hears it."""
    events: list[Event] = []
    while sum(isinstance(event, Exited) for event in events) < count:
        events += launcher.events(0.05)
    return events


def processes_with(text: str) -> list[int]:
    """The living processes whose environment or command line holds a text."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdecimal() and int(name) != os.getpid() and text in _of(name):
            found.append(int(name))
    return found


def _of(process: str) -> str:
    try:
        parts = [Path(f"/proc/{process}/{name}").read_bytes() for name in ("environ", "cmdline")]
    except OSError:
        return ""
    return b"\0".join(parts).decode(errors="replace")

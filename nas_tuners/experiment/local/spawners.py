"""How the process of a trial comes to be."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, final

from nas_tuners.contract.trial_io import GEN_SEARCH_SPACE, OUTPUT_VARIABLE, TRIAL_DIR

from ..configuration.config import Command
from ..trial_files import STDERR, STDOUT
from .processes import Watchdog, start_watched
from .watchdog import kill_marked


@dataclass
class TrialProcess:
    """The process of a trial, which leads a session and a group of its own.

    Attributes:
        pid: Its id; None if it could not be started.
        returncode: How it ended: its exit code, or minus the signal's number.
        lost: Whether it went because what ran it is gone.
    """

    pid: int | None = None
    returncode: int | None = None
    lost: bool = False


class Spawner(Protocol):
    """Starts the processes of trials, and tells as soon as one has ended."""

    def ready(self) -> bool:
        """Whether a process can be started without waiting."""

    def spawn(self, number: int, *, folder: Path, environment: Mapping[str, str]) -> TrialProcess:
        """Start a trial's process; ``ended(number)`` is called once it has ended."""

    def clean(self, process: TrialProcess, *, folder: Path) -> None:
        """End what a trial left behind outside of its group."""

    def close(self) -> None:
        """Wait for what has been killed."""


@final
class ColdSpawner:
    """Runs a command for each trial.

    Args:
        command: The list of arguments.
        cwd: Where it runs.
        watchdog: Is told of every process before it runs.
        ended: Is called with a trial's number once its process has ended, from another thread.
    """

    def __init__(
        self,
        command: list[str],
        *,
        cwd: Path,
        watchdog: Watchdog,
        ended: Callable[[int], None],
    ) -> None:
        self._command, self._cwd = command, cwd
        self._watchdog, self._ended = watchdog, ended
        self._waiters: list[threading.Thread] = []

    def ready(self) -> bool:
        return True

    def spawn(self, number: int, *, folder: Path, environment: Mapping[str, str]) -> TrialProcess:
        handle = start_watched(
            self._command,
            self._watchdog,
            cwd=self._cwd,
            environment=environment,
            stdout=folder / STDOUT,
            stderr=folder / STDERR,
            mark=mark_of(folder),
        )
        process = TrialProcess(handle.pid)

        def wait() -> None:
            process.returncode = handle.wait()
            self._ended(number)

        waiter = threading.Thread(target=wait, daemon=True)
        waiter.start()
        self._waiters = [thread for thread in self._waiters if thread.is_alive()] + [waiter]
        return process

    def clean(self, process: TrialProcess, *, folder: Path) -> None:
        kill_marked(mark_of(folder))

    def close(self) -> None:
        for waiter in self._waiters:
            waiter.join()


def arguments(command: Command) -> list[str]:
    """The command as an argument list; a text goes to the shell."""
    return ["/bin/sh", "-c", command] if isinstance(command, str) else list(command)


def trial_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """This process's environment for a command of the user's.

    ``python`` in the command is the Python that runs this, which has the packages that a trial
    needs (another may be on the path: conda puts its own there); what it prints reaches the files
    at once.
    """
    environment = dict(os.environ)
    for name in (TRIAL_DIR, OUTPUT_VARIABLE, GEN_SEARCH_SPACE):
        environment.pop(name, None)
    here = str(Path(sys.executable).parent)
    environment["PATH"] = os.pathsep.join([here, environment.get("PATH", os.defpath)])
    environment.setdefault("PYTHONUNBUFFERED", "1")
    return environment | dict(extra)


def mark_of(folder: Path) -> str:
    """A line that the environment of a trial's processes holds."""
    return f"{TRIAL_DIR}={folder}"

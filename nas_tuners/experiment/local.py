"""Trials as processes on this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue

from nas_tuners.contract.errors import TrialError
from nas_tuners.contract.trial_io import GEN_SEARCH_SPACE, TRIAL_DIR, Assignment, read_metrics

from .config import Command
from .launcher import Event, Exited, Reported, ReportedUnusable
from .processes import Watchdog, group_exists, signal_group, start_watched
from .trial_files import STDERR, STDOUT, last_words, prepare, record_process, trial_folder

_TIMEOUT_GRACE = 5.0  # seconds between SIGTERM and SIGKILL for a trial whose time is over


@dataclass
class _Process:
    handle: subprocess.Popen[bytes]
    folder: Path
    out_of_time_at: float | None
    kill_at: float | None = None
    timed_out: bool = False
    metrics_offset: int = 0


class LocalLauncher:
    """A :class:`.Launcher` that runs a command per trial, each in a process group of its own.

    Use it as a context: at the end, however that comes about, no trial is left.

    Args:
        command: A text for the shell, or a list of arguments.
        cwd: Where it runs.
        trials: The folder that holds a folder per trial.
        environment: Variables to add to this process's own.
    """

    def __init__(
        self,
        command: Command,
        *,
        cwd: Path,
        trials: Path,
        environment: Mapping[str, str],
    ) -> None:
        self._command = arguments(command)
        self._cwd, self._trials = cwd, trials
        self._environment = trial_environment(environment)
        self._processes: dict[int, _Process] = {}
        self._ended: SimpleQueue[int | None] = SimpleQueue()
        self._waiters: list[threading.Thread] = []
        self._watchdog = Watchdog()

    def __enter__(self) -> LocalLauncher:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes.values():
            signal_group(process.handle.pid, signal.SIGKILL)
        for waiter in self._waiters:
            waiter.join()
        self._watchdog.close()

    def start(self, assignment: Assignment, *, timeout: float | None) -> None:
        folder = trial_folder(self._trials, assignment.number)
        prepare(folder, assignment)
        handle = start_watched(
            self._command,
            self._watchdog,
            cwd=self._cwd,
            environment={**self._environment, TRIAL_DIR: str(folder)},
            stdout=folder / STDOUT,
            stderr=folder / STDERR,
        )
        process = _Process(handle, folder, time.monotonic() + timeout if timeout else None)
        self._processes[assignment.number] = process
        waiter = threading.Thread(
            target=self._wait_for, args=(assignment.number, process), daemon=True
        )
        waiter.start()
        self._waiters = [thread for thread in self._waiters if thread.is_alive()] + [waiter]
        record_process(folder, handle.pid)

    def events(self, timeout: float) -> list[Event]:
        self._enforce_deadlines()
        ended = self._wait_for_ends(timeout)
        events: list[Event] = []
        for number, process in self._processes.items():
            events += _new_reports(number, process)
        for number in ended:
            events.append(_exited(number, self._processes.pop(number)))
        return events

    def stop(self, numbers: Iterable[int], *, grace: float) -> None:
        for number in numbers:
            process = self._processes[number]
            process.kill_at = process.kill_at or time.monotonic() + grace
            signal_group(process.handle.pid, signal.SIGTERM)

    def wake(self) -> None:
        """Let :meth:`events` return at once; safe to call from a signal handler."""
        self._ended.put(None)

    def _wait_for_ends(self, timeout: float) -> list[int]:
        """The trials that have ended, after waiting for the first (or for :meth:`wake`)."""
        ended = []
        try:
            ended.append(self._ended.get(timeout=timeout))
            while True:
                ended.append(self._ended.get_nowait())
        except Empty:
            return [number for number in ended if number is not None]

    def _wait_for(self, number: int, process: _Process) -> None:
        group = process.handle.pid
        process.handle.wait()
        while process.kill_at and time.monotonic() < process.kill_at and group_exists(group):
            time.sleep(0.02)  # a shell is gone at once, what it runs may be saving its work
        signal_group(group, signal.SIGKILL)  # what the trial started and left behind
        self._watchdog.forget(group)
        self._ended.put(number)

    def _enforce_deadlines(self) -> None:
        now = time.monotonic()
        for number, process in self._processes.items():
            overdue = process.out_of_time_at is not None and now >= process.out_of_time_at
            if overdue and process.kill_at is None:
                process.timed_out = True
                self.stop([number], grace=_TIMEOUT_GRACE)
            if process.kill_at is not None and now >= process.kill_at:
                signal_group(process.handle.pid, signal.SIGKILL)


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
    for name in (TRIAL_DIR, GEN_SEARCH_SPACE):
        environment.pop(name, None)
    here = str(Path(sys.executable).parent)
    environment["PATH"] = os.pathsep.join([here, environment.get("PATH", os.defpath)])
    environment.setdefault("PYTHONUNBUFFERED", "1")
    return environment | dict(extra)


def _new_reports(number: int, process: _Process) -> list[Event]:
    try:
        read = read_metrics(process.folder, process.metrics_offset)
    except TrialError as error:
        return [ReportedUnusable(number, str(error))]
    process.metrics_offset = read.offset
    events: list[Event] = [ReportedUnusable(number, problem) for problem in read.problems]
    events += [Reported(number, metric) for metric in read.metrics]
    return events


def _exited(number: int, process: _Process) -> Exited:
    code = process.handle.returncode
    return Exited(
        number,
        exit_code=code if code >= 0 else None,
        signal=-code if code < 0 else None,
        timed_out=process.timed_out,
        last_words=last_words(process.folder / STDERR),
    )

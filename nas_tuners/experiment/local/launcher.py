"""Trials as processes on this machine."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Protocol

from nas_tuners.contract.errors import TrialError
from nas_tuners.contract.trial_io import (
    OUTPUT_DIR,
    OUTPUT_VARIABLE,
    TRIAL_DIR,
    Assignment,
    read_metrics,
)

from ..configuration.config import Command
from ..launcher import Event, Exited, Reported, ReportedUnusable
from ..trial_files import STDERR, STDOUT, last_words, prepare, record_process, trial_folder
from .function_trial import function_command
from .processes import Watchdog, group_exists, signal_group
from .spawners import (
    ColdSpawner,
    Spawner,
    TrialProcess,
    arguments,
    trial_environment,
)
from .trial_logs import MAX_LOG_BYTES, BoundedLog

_TIMEOUT_GRACE = 5.0  # seconds between SIGTERM and SIGKILL for a trial whose time is over
_LINGER_POLL = 0.02  # seconds between two looks at what a trial's main process left behind


class Gpus(Protocol):
    """Says which GPUs a trial gets; see :class:`.GpuPlacement`."""

    def room(self, *, running: bool) -> bool: ...
    def waits_for(self) -> str: ...
    def take(self, number: int) -> dict[str, str]: ...
    def note_process(self, number: int, pid: int) -> None: ...
    def give_back(self, number: int) -> None: ...
    def close(self) -> None: ...


@dataclass
class _Trial:
    process: TrialProcess
    folder: Path
    metric: str
    logs: tuple[BoundedLog, ...]
    out_of_time_at: float | None
    kill_at: float | None = None
    timed_out: bool = False
    has_ended: bool = False  # its main process
    is_over: bool = False  # and all that it started
    metrics_offset: int = 0
    unreadable: str = ""  # why its results cannot be read


@dataclass
class _Read:
    """What a trial reported since the last look."""

    events: list[Event] = field(default_factory=list)
    more: bool = False


class LocalLauncher:
    """A :class:`.Launcher` that runs each trial in a process group of its own.

    Use it as a context: at the end, however that comes about, no trial is left.

    Args:
        command: A text for the shell, or a list of arguments.
        function: Instead of a command: ``module:name`` of a function that is called with the
            parameters and returns the final result.
        warm: Whether trials are forked from a process that has imported what they need.
        cwd: Where it runs.
        trials: The folder that holds a folder per trial.
        environment: Variables to add to this process's own.
        gpus: Gives each trial its GPUs.
        max_log_bytes: How large a file may grow that holds what a trial prints.

    Raises:
        ConfigError: if the command cannot be warm.
    """

    def __init__(
        self,
        command: Command | None = None,
        *,
        function: str | None = None,
        warm: bool = False,
        cwd: Path,
        trials: Path,
        environment: Mapping[str, str],
        gpus: Gpus | None = None,
        max_log_bytes: int = MAX_LOG_BYTES,
    ) -> None:
        assert (command is None) != (function is None), "a launcher runs a command or a function"
        self._trials, self._gpus, self._max_log_bytes = trials, gpus, max_log_bytes
        self._environment = trial_environment(environment)
        self._running: dict[int, _Trial] = {}
        self._ended: SimpleQueue[int | None] = SimpleQueue()
        if warm:
            self._start_warm(command, function, cwd)
        else:
            words = function_command(function) if function else arguments(command or "")
            self._watchdog = Watchdog()
            self._spawner: Spawner = ColdSpawner(
                words, cwd=cwd, watchdog=self._watchdog, ended=self._ended.put
            )

    def __enter__(self) -> LocalLauncher:
        return self

    def __exit__(self, *_: object) -> None:
        for trial in self._running.values():
            self._end_group(trial)
        self._spawner.close()
        self._watchdog.close()
        if self._gpus:
            self._gpus.close()

    def has_room(self) -> bool:
        """Whether another trial can start now.

        Raises:
            ExperimentError: if none could for too long, or trials cannot be forked at all.
        """
        if not self._spawner.ready():
            return False
        return self._gpus is None or self._gpus.room(running=bool(self._running))

    def waits_for(self) -> str:
        """What GPUs trials wait for."""
        return self._gpus.waits_for() if self._gpus else ""

    def start(self, assignment: Assignment, *, timeout: float | None) -> None:
        number = assignment.number
        folder = trial_folder(self._trials, number)
        prepare(folder, assignment)
        gpus = self._gpus.take(number) if self._gpus else {}
        ours = {TRIAL_DIR: str(folder), OUTPUT_VARIABLE: str(folder / OUTPUT_DIR)}
        environment = {**self._environment, **gpus, **ours}
        process = self._spawner.spawn(number, folder=folder, environment=environment)
        logs = [BoundedLog(folder / name, self._max_log_bytes) for name in (STDOUT, STDERR)]
        out_of_time_at = time.monotonic() + timeout if timeout else None
        self._running[number] = _Trial(
            process, folder, assignment.metric, tuple(logs), out_of_time_at
        )
        if process.pid is not None:
            record_process(folder, process.pid)
            if self._gpus:
                self._gpus.note_process(number, process.pid)

    def events(self, timeout: float) -> list[Event]:
        self._enforce_deadlines()
        if any(trial.has_ended for trial in self._running.values()):
            timeout = min(timeout, _LINGER_POLL)
        for number in self._wait_for_ends(timeout):
            self._running[number].has_ended = True
        events: list[Event] = []
        for number, trial in list(self._running.items()):
            events += self._look_at(number, trial)
        return events

    def stop(self, numbers: Iterable[int], *, grace: float) -> None:
        for number in numbers:
            trial = self._running.get(number)
            if trial is None:  # it has just ended, and the loop does not know yet
                continue
            trial.kill_at = trial.kill_at or time.monotonic() + grace
            _signal(trial, signal.SIGTERM)

    def wake(self) -> None:
        """Let :meth:`events` return at once; safe to call from a signal handler."""
        self._ended.put(None)

    def _start_warm(self, command: Command | None, function: str | None, cwd: Path) -> None:
        from ..warm.spawner import WarmSpawner
        from ..warm.target import target_of_command, target_of_function

        if function is not None:
            target = target_of_function(function)
        else:
            target = target_of_command(command or "", cwd=cwd, path=self._environment["PATH"])
        self._watchdog = Watchdog()
        self._spawner = WarmSpawner(
            target,
            cwd=cwd,
            environment=self._environment,
            log=self._trials.parent / "warm.log",
            watchdog=self._watchdog,
            ended=self._ended.put,
            wake=self.wake,
        )

    def _look_at(self, number: int, trial: _Trial) -> list[Event]:
        """What a trial reported and, when nothing of it runs or is unread any more, its end."""
        if trial.has_ended and not trial.is_over and not _may_finish(trial):
            self._end_group(trial)
            trial.is_over = True
        for log in trial.logs:
            log.check()
        read = _new_reports(number, trial)
        if trial.is_over and not read.more:
            del self._running[number]
            if self._gpus:
                self._gpus.give_back(number)
            read.events.append(_exited(number, trial))
        return read.events

    def _wait_for_ends(self, timeout: float) -> list[int]:
        """The trials that have ended, after waiting for the first (or for :meth:`wake`)."""
        ended = []
        with suppress(Empty):
            ended.append(self._ended.get(timeout=timeout))
            while True:
                ended.append(self._ended.get_nowait())
        return [number for number in ended if number is not None]

    def _end_group(self, trial: _Trial) -> None:
        """End what a trial started and left behind, and the trial."""
        _signal(trial, signal.SIGKILL)
        self._spawner.clean(trial.process, folder=trial.folder)
        if trial.process.pid is not None:
            self._watchdog.forget(trial.process.pid)

    def _enforce_deadlines(self) -> None:
        now = time.monotonic()
        for number, trial in self._running.items():
            overdue = trial.out_of_time_at is not None and now >= trial.out_of_time_at
            if overdue and trial.kill_at is None and not trial.has_ended:
                trial.timed_out = True
                self.stop([number], grace=_TIMEOUT_GRACE)
            if trial.kill_at is not None and now >= trial.kill_at:
                _signal(trial, signal.SIGKILL)


def _may_finish(trial: _Trial) -> bool:
    """Whether something may still be saving its work; a shell is gone before what it runs."""
    pid, kill_at = trial.process.pid, trial.kill_at
    waits = kill_at is not None and time.monotonic() < kill_at and not trial.process.lost
    return waits and pid is not None and group_exists(pid)


def _signal(trial: _Trial, number: signal.Signals) -> None:
    if trial.process.pid is not None:
        signal_group(trial.process.pid, number)


def _new_reports(number: int, trial: _Trial) -> _Read:
    try:
        read = read_metrics(trial.folder, trial.metrics_offset, trial.metric)
    except TrialError as error:
        before, trial.unreadable = trial.unreadable, str(error)
        return _Read([ReportedUnusable(number, str(error))] if str(error) != before else [])
    trial.metrics_offset = read.offset
    events: list[Event] = [ReportedUnusable(number, problem) for problem in read.problems]
    events += [Reported(number, metric) for metric in read.metrics]
    return _Read(events, read.more)


def _exited(number: int, trial: _Trial) -> Exited:
    code = trial.process.returncode
    return Exited(
        number,
        exit_code=code if code is not None and code >= 0 else None,
        signal=-code if code is not None and code < 0 else None,
        timed_out=trial.timed_out,
        last_words=last_words(trial.folder / STDERR),
        lost=trial.process.lost,
    )

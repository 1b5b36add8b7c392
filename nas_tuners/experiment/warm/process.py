"""The process that warm trials are forked from, as the runner sees it."""

from __future__ import annotations

import json
import logging
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

from ..local.processes import Watchdog, signal_group
from ..local.spawners import TrialProcess, mark_of
from ..local.trial_logs import open_log
from .target import WarmTarget

_logger = logging.getLogger(__name__)

_PATIENCE = 10.0  # seconds for a server to end its trials and itself


@dataclass(frozen=True)
class ImportPlan:
    """What a server imports: of numpy and torch what comes first, and what must not be."""

    first: tuple[str, ...] = ()
    without: tuple[str, ...] = ()


@dataclass
class _Pending:
    mark: str
    process: TrialProcess = field(default_factory=TrialProcess)
    started: threading.Event = field(default_factory=threading.Event)


@final
class ServerProcess:
    """The server's process, and what is known about it.

    Attributes:
        changed: Is set once the server is ready, or gone.
        is_ready: Whether it can fork now.
        is_ready_once: Whether it ever could.
        is_gone: Whether it has ended.
        importing: The latest import that it has begun.
        unsafe: What it said of an import after which it must not fork.
    """

    def __init__(
        self,
        target: WarmTarget,
        plan: ImportPlan,
        *,
        cwd: Path,
        environment: Mapping[str, str],
        log: Path,
        watchdog: Watchdog,
        ended: Callable[[int], None],
        wake: Callable[[], None],
    ) -> None:
        self._watchdog, self._ended, self._wake = watchdog, ended, wake
        self._trials: dict[int, _Pending] = {}
        self._state, self._speech = threading.Lock(), threading.Lock()
        self.changed = threading.Event()
        self.is_ready = self.is_ready_once = self.is_gone = False
        self.importing = ""
        self.unsafe: dict[str, Any] | None = None
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = _start_program(target, theirs, cwd, environment, log)
        watchdog.watch(self._process.pid)
        self.say(
            {
                "kind": target.kind,
                "name": target.name,
                "arguments": target.arguments,
                "first": plan.first,
                "without": plan.without,
            }
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    @property
    def was_killed(self) -> bool:
        """Whether somebody ended it by force; known once it is closed."""
        return self._process.returncode == -signal.SIGKILL

    def spawn(self, number: int, *, folder: Path, environment: Mapping[str, str]) -> TrialProcess:
        """Have a trial forked; its process is lost at once if the server is gone."""
        pending = _Pending(mark_of(folder))
        with self._state:
            gone = self.is_gone
            if not gone:
                self._trials[number] = pending
        if gone:
            self._lose(number, pending)
        else:
            self.say({"run": number, "folder": str(folder), "environment": dict(environment)})
            pending.started.wait()
        return pending.process

    def say(self, message: dict[str, Any]) -> None:
        """Tell it something; in vain if it is gone, which the listener notices."""
        with self._speech, suppress(OSError):
            self._socket.sendall(json.dumps(message).encode() + b"\n")

    def close(self) -> None:
        """End it and all that it has forked."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
        if self.is_ready:
            self._listener.join(_PATIENCE)
        signal_group(self._process.pid, signal.SIGKILL)
        self._listener.join()
        self._process.wait()
        self._watchdog.forget(self._process.pid)
        self._socket.close()

    def _listen(self) -> None:
        with suppress(ConnectionResetError), self._socket.makefile("rb") as lines:
            for line in lines:
                if line.endswith(b"\n"):  # not torn by a death in the middle of it
                    self._hear(json.loads(line))
        signal_group(self._process.pid, signal.SIGKILL)
        with self._state:
            self.is_ready, self.is_gone = False, True
        for number in list(self._trials):
            self._lose(number, self._trials.pop(number))
        self._notify()

    def _hear(self, message: dict[str, Any]) -> None:
        event = message["event"]
        if event == "started":
            self._release(message["number"], message["pid"])
        elif event == "exited":
            pending = self._trials.pop(message["number"])
            pending.process.returncode = message["code"]
            self._ended(message["number"])
        elif event == "refused":
            _logger.warning("trial %d: %s", message["number"], message["message"])
            self._lose(message["number"], self._trials.pop(message["number"]))
        elif event == "importing":
            self.importing = message["statement"]
        elif event == "note":
            _logger.warning("%s", message["message"])
        elif event == "unsafe":
            self.unsafe = message
        else:
            self.is_ready = self.is_ready_once = True
            self._watchdog.forget(self._process.pid)  # it ends by itself, and all trials with it
            self._notify()

    def _release(self, number: int, pid: int) -> None:
        """Let a trial run, now that the watchdog knows about it."""
        pending = self._trials[number]
        pending.process.pid = pid
        self._watchdog.watch(pid, mark=pending.mark)
        self.say({"go": number})
        pending.started.set()

    def _lose(self, number: int, pending: _Pending) -> None:
        pending.process.lost = True
        if pending.process.pid is not None:
            signal_group(pending.process.pid, signal.SIGKILL)
        pending.started.set()
        self._ended(number)

    def _notify(self) -> None:
        self.changed.set()
        self._wake()


def _start_program(
    target: WarmTarget,
    connection: socket.socket,
    cwd: Path,
    environment: Mapping[str, str],
    log: Path,
) -> subprocess.Popen[bytes]:
    number = connection.fileno()
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(open_log(log), "ab") as output:
        return subprocess.Popen(
            [sys.executable, *target.options, "-m", f"{__package__}.server", str(number)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=cwd,
            env=environment,
            pass_fds=(number,),
            start_new_session=True,
        )

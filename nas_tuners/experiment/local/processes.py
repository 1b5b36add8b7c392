"""Process groups: started under a watchdog, ended as a whole."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from .trial_logs import open_log

_logger = logging.getLogger(__name__)

# Waits until the runner has told the watchdog, then becomes the command itself (same process id).
_GATE = 'read -r go || exit 97; exec "$@" </dev/null'


class Watchdog:
    """A process that kills the groups that it watches as soon as this process is no more."""

    def __init__(self) -> None:
        program = Path(__file__).with_name("watchdog.py")
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(program)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            bufsize=0,
        )

    def watch(self, group: int, *, mark: str = "") -> None:
        """Kill a group if this process dies, and whatever has the mark in its environment."""
        self._say({"watch": group, "mark": mark})

    def forget(self, group: int) -> None:
        """Leave a group alone from now on."""
        self._say({"forget": group})

    def close(self) -> None:
        """End it; what it still watches is killed."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _say(self, message: dict[str, object]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
        except BrokenPipeError:
            _logger.warning("the watchdog is gone: a crash of this process would leave trials")


def start_watched(
    command: Sequence[str],
    watchdog: Watchdog,
    *,
    cwd: Path,
    environment: Mapping[str, str],
    stdout: Path,
    stderr: Path,
    mark: str = "",
) -> subprocess.Popen[bytes]:
    """Start a command as the leader of a process group that never outlives this process."""
    with os.fdopen(open_log(stdout), "ab") as out, os.fdopen(open_log(stderr), "ab") as err:
        process = subprocess.Popen(
            ["/bin/sh", "-c", _GATE, "nas-tuners", *command],
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=err,
            cwd=cwd,
            env=environment,
            start_new_session=True,
        )
    watchdog.watch(process.pid, mark=mark)
    assert process.stdin is not None
    with suppress(BrokenPipeError), process.stdin as gate:
        gate.write(b"go\n")
    return process


def signal_group(group: int, number: signal.Signals) -> None:
    """Send a signal to every process of a group, if there are any."""
    with suppress(ProcessLookupError, PermissionError):  # the latter on macOS, for zombies
        os.killpg(group, number)


def group_exists(group: int) -> bool:
    """Whether any process of the group is left."""
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def start_mark(pid: int) -> str | None:
    """Text that tells a process from a later one with the same id; None if it does not live."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):  # the latter if it ends just now
        return _start_mark_by_ps(pid) if sys.platform != "linux" else None
    fields = stat.rpartition(")")[2].split()  # the command's name before it may hold spaces
    state, started = fields[0], fields[19]
    return None if state in "ZX" else started


def kill_leftover(pid: int, mark: str, *, patience: float = 10.0) -> None:
    """Kill a process group that a dead runner left, and wait until its leader is gone."""
    deadline = time.monotonic() + patience
    while start_mark(pid) == mark and time.monotonic() < deadline:
        signal_group(pid, signal.SIGKILL)
        time.sleep(0.02)


def _start_mark_by_ps(pid: int) -> str | None:
    found = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return found.stdout.strip() or None

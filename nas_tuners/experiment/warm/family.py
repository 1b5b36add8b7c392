"""The processes below this one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def children() -> list[int]:
    """The processes whose parent is this one, as far as the system tells."""
    own = os.getpid()
    try:
        text = Path(f"/proc/{own}/task/{own}/children").read_text(encoding="ascii")
        return [int(pid) for pid in text.split()]
    except OSError:
        return [pid for pid in _processes() if parent(pid) == own]


def ended() -> Iterator[tuple[int, int]]:
    """Process id and status of every child that has ended."""
    with suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            yield pid, status


def _processes() -> list[int]:
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdecimal()]
    except FileNotFoundError:
        return []


def parent(pid: int) -> int:
    """The process that another's end is told to; 0 if that one is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0
    return int(stat.rpartition(")")[2].split()[1])

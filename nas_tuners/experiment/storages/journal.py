"""Optuna's journal file, which survives workers that die in the middle of a write."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

_GRACE = 30  # seconds after which the lock of a worker that died is taken from it
_BLOCK = 65536


class RunnerJournal(JournalFileBackend):
    """A journal file behind a lock that works on network file systems.

    Args:
        file: The journal.
        grace: Seconds after which a lock file that nobody removes is taken for a dead worker's.
        give_up: Asked while a runner waits for its turn; once true, the waiting ends.

    Attributes:
        file: The journal.
        give_up: The same.
    """

    def __init__(
        self, file: Path, *, grace: int = _GRACE, give_up: Callable[[], bool] = lambda: False
    ) -> None:
        super().__init__(str(file), lock_obj=_MendingLock(file, grace=grace))
        self.file, self.give_up = file, give_up


class _MendingLock(JournalFileOpenLock):
    """Whoever may write to the journal finds it ending with a whole line.

    A worker that is killed, or meets a full disk, leaves a piece of a line, which readers skip.
    The next line would be glued to it and make the journal unreadable from there on.
    """

    def __init__(self, file: Path, *, grace: int) -> None:
        super().__init__(str(file), grace_period=grace)
        self._file = file

    def acquire(self) -> bool:
        super().acquire()
        try:
            _cut_torn_line(self._file)
        except BaseException:
            self.release()
            raise
        return True


def _cut_torn_line(file: Path) -> None:
    """Take away what follows the last end of a line; its writer was never told that it stands."""
    with file.open("rb+") as journal:
        size = journal.seek(0, os.SEEK_END)
        kept = _end_of_last_line(journal.fileno(), size)
        if kept < size:
            journal.truncate(kept)


def _end_of_last_line(descriptor: int, size: int) -> int:
    """Where the last whole line ends; nearly always at the last byte."""
    if size == 0 or os.pread(descriptor, 1, size - 1) == b"\n":
        return size
    end = size
    while end > 0:
        start = max(0, end - _BLOCK)
        found = os.pread(descriptor, end - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0

"""What trials print, kept within bounds."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import final

MAX_LOG_BYTES = 50_000_000

_NOTE = "\n[nas-tuners left out {:>20} bytes here]\n"


@final
class BoundedLog:
    """A file that a trial appends to, cut in its middle whenever it has grown too large.

    The beginning and the latest part stay, and a line between them says how much is gone. What
    the trial prints in the very moment of cutting may be lost.

    Args:
        path: The file. The trial must have opened it to append.
        max_bytes: How large it may be.
    """

    def __init__(self, path: Path, max_bytes: int) -> None:
        self._path, self._max_bytes = path, max_bytes
        self._head, self._tail = max_bytes // 2, max_bytes // 4
        self._left_out = 0

    def check(self) -> None:
        """Cut the file if that is due. A link in its place is left alone."""
        with suppress(OSError):
            found = self._path.lstat()
            if found.st_size > self._max_bytes and stat.S_ISREG(found.st_mode):
                self._cut()

    def _cut(self) -> None:
        handle = os.open(self._path, os.O_RDWR | os.O_NOFOLLOW)
        try:
            size = os.fstat(handle).st_size
            note_size = len(_NOTE.format(0))
            earlier = note_size if self._left_out else 0
            self._left_out += size - self._tail - self._head - earlier
            tail = os.pread(handle, self._tail, size - self._tail)
            os.pwrite(handle, _NOTE.format(self._left_out).encode() + tail, self._head)
            os.ftruncate(handle, self._head + note_size + len(tail))
        finally:
            os.close(handle)


def open_log(path: Path) -> int:
    """A handle that appends to a log; a link in its place is not followed.

    Raises:
        OSError: if it cannot be opened.
    """
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
    return os.open(path, flags, 0o666)

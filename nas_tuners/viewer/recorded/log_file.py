"""Reading the log of a recorded search, which may be large, growing, and damaged."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

from nas_tuners.contract.trial_io import open_regular

from .json_file import unreadable
from .log_index import MAX_LINE, LogIndex
from .log_record import KINDS, clean_record, parse_line
from .problems import Problems

_CHUNK = 8 * 2**20
_MARK = 4096  # bytes before the end of what was read, to notice a file that was written anew
_DIGITS = 4


class LogFile:
    """The records of a ``log`` file, by an index that follows the file as it grows.

    Records are numbered from 0; one whose step is not larger than that of earlier ones supersedes
    those. Whatever is wrong with the file is found in :attr:`problems`, and nothing raises.
    Objects may be used by several threads.

    Args:
        path: The file; it may be missing, for now or for good.
        clock: Seconds, for :meth:`refresh`'s budget.
    """

    def __init__(self, path: str | Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.path = Path(path)
        self._clock = clock
        self._lock = threading.RLock()
        self._state = ""  # why the file cannot be read
        self._renewed = 0
        self._began: tuple[int, int] | None = None
        self._start_anew()

    @property
    def count(self) -> int:
        """The number of records."""
        return len(self._index)

    @property
    def kinds(self) -> bytes:
        """The kind of each record, as its place in :data:`KINDS`."""
        return self._index.kinds.tobytes()

    @property
    def generation(self) -> tuple[int, int]:
        """Changes when records that were there are gone: what was got by number is then void."""
        return self._renewed, self._index.removed

    @property
    def problems(self) -> list[str]:
        """What is wrong with the file, a sentence each."""
        state = [f"{self.path.name}: {self._state}"] if self._state else []
        return state + self._index.problems.listed()

    def refresh(self, budget_seconds: float | None = None) -> bool:
        """Take up what was appended; a file that was replaced or cut is read from its start.

        Args:
            budget_seconds: When to stop, for now; None reads all. Some progress is always made.

        Returns:
            Whether there is more to be read at once.
        """
        with self._lock:
            end = None if budget_seconds is None else self._clock() + budget_seconds
            try:
                with open_regular(self.path) as file:
                    self._state = ""
                    return self._read(file, end)
            except OSError as error:
                if self.count or self._offset:
                    self._start_anew()
                self._state = unreadable(error)
                return False

    def overview(self, limit: int = 1000, *, start: int = 0) -> dict[str, Any]:
        """Some records, evenly spread over all, as columns.

        The first, the last and those of the kind ``final`` are among them. Numbers have four
        digits; a key is None where a record lacks it.

        Args:
            limit: At most so many records.
            start: The number of the first record to choose from.
        """
        with self._lock:
            index = self._index
            finals = [i for i in _places(index.kinds, KINDS.index("final")) if i >= start]
            chosen = sample(start, len(index), limit, finals)
            problems = Problems(self.path.name)
            records = self._records(chosen, problems)
            return {
                "count": len(index),
                "index": chosen,
                "step": [index.steps[i] for i in chosen],
                "epoch": [record["epoch"] for record in records],
                "time": [record["time"] for record in records],
                "kind": [KINDS[index.kinds[i]] for i in chosen],
                "values": _columns([record["status"] for record in records]),
                "problems": self.problems + problems.listed(),
            }

    def record(self, i: int) -> dict[str, Any]:
        """One record in full.

        Raises:
            IndexError: if there is none of this number.
        """
        with self._lock:
            if not 0 <= i < self.count:
                raise IndexError(f"there is no record {i}: the log has {self.count}")
            found = self._records([i], Problems(self.path.name))[0]
            head = {"index": i, "step": self._index.steps[i], "kind": KINDS[self._index.kinds[i]]}
            return {**head, **found}

    def _start_anew(self) -> None:
        self._index = LogIndex(self.path.name)
        self._offset = 0  # of the first line that is not taken up
        self._skipped = 0  # bytes of a line that is too long
        self._mark = b""
        self._renewed += 1

    def _read(self, file: IO[bytes], end: float | None) -> bool:
        stat = os.fstat(file.fileno())
        identity = (stat.st_dev, stat.st_ino)
        if identity != self._began or not self._continues(file, stat.st_size):
            if self._offset or self._skipped:
                self._start_anew()
            self._began = identity
        while self._offset + self._skipped < stat.st_size:
            if not self._read_chunk(file):
                break
            if end is not None and self._clock() >= end:
                return self._offset + self._skipped < stat.st_size
        return False

    def _continues(self, file: IO[bytes], size: int) -> bool:
        """Whether what was taken up still stands before the rest."""
        if size < self._offset + self._skipped:
            return False
        return os.pread(file.fileno(), len(self._mark), self._offset - len(self._mark)) == (
            self._mark
        )

    def _read_chunk(self, file: IO[bytes]) -> bool:
        """Take up whole lines; False if there is none yet."""
        begin = self._offset + self._skipped
        chunk = os.pread(file.fileno(), _CHUNK, begin)
        ending = chunk.rfind(b"\n") + 1
        if not ending:
            if self._skipped + len(chunk) > MAX_LINE:
                self._skipped += len(chunk)
                return bool(chunk)
            return False
        lines = chunk[: ending - 1].split(b"\n")
        offset = begin
        if self._skipped:
            first = lines.pop(0)
            offset += len(first) + 1
            self._index.skip_line(self._skipped + len(first))
            self._skipped = 0
        for line in lines:
            if len(line) > MAX_LINE:
                self._index.skip_line(len(line))
            else:
                self._index.add_line(line, offset)
            offset += len(line) + 1
        self._offset = offset
        self._mark = chunk[max(ending - _MARK, 0) : ending]
        return True

    def _records(self, chosen: Sequence[int], problems: Problems) -> list[dict[str, Any]]:
        index = self._index
        records = []
        try:
            with open_regular(self.path) as file:
                for i in chosen:
                    line = os.pread(file.fileno(), index.lengths[i], index.offsets[i])
                    records.append(_record(line, f"line {index.lines[i]}", problems))
        except OSError as error:
            problems.note("", unreadable(error))
        return records + [_empty() for _ in range(len(chosen) - len(records))]


def sample(start: int, stop: int, limit: int, always: Sequence[int]) -> list[int]:
    """Up to ``limit`` (at least 3) of ``range(start, stop)``: both ends, and even steps between.

    Of ``always``, those that take up to half of the room are among them, the last one surely.
    """
    total, limit = stop - start, max(limit, 3)
    if total <= limit:
        return list(range(start, stop))
    half, last = limit // 2, len(always) - 1
    if last >= half:
        always = [always[last - i * last // max(half - 1, 1)] for i in range(half)]
    n = limit - len(always)
    return sorted({start + i * (total - 1) // (n - 1) for i in range(n)} | set(always))


def _record(line: bytes, where: str, problems: Problems) -> dict[str, Any]:
    try:
        found, _ = parse_line(line.removeprefix(b"\xef\xbb\xbf"))
    except ValueError as error:
        problems.note(where, f"{error}; shown as empty")
        return _empty()
    return clean_record(found, where, problems)


def _empty() -> dict[str, Any]:
    return {"epoch": None, "time": None, "status": {}}


def _places(kinds: Any, kind: int) -> list[int]:
    """Where a kind stands; searched by ``bytes`` as there are few among very many."""
    found, content, place = [], kinds.tobytes(), -1
    while (place := content.find(kind, place + 1)) >= 0:
        found.append(place)
    return found


def _columns(statuses: Sequence[dict[str, list[float]]]) -> dict[str, list[list[float] | None]]:
    keys = dict.fromkeys(key for status in statuses for key in status)
    return {
        key: [_rounded(status[key]) if key in status else None for status in statuses]
        for key in keys
    }


def _rounded(numbers: list[float]) -> list[float]:
    return [round(number, _DIGITS) for number in numbers]

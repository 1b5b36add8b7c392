"""The ``log`` of a recorded search: what was decided, a JSON line a record.

::

    {"step":780,"epoch":2,"time":1767225600.1,"kind":"probability","status":{"conv":[0.12,0.88]}}

``step`` counts over the whole search. A record supersedes those before it whose step is not
smaller: a search was taken up again from a checkpoint. ``kind`` is ``probability`` (what the
search thinks of each candidate), ``sample`` (what was drawn) or ``final`` (what it has come to).
``status`` has a number a candidate of each key. The first record may have ``every``, the distance
of steps to which the file was thinned. A line torn by a crash is ignored.
"""

from __future__ import annotations

import json
import math
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from .json_files import replace_bytes

LOG_FILE = "log"
GRAPH_FILE = "graph.json"

Kind = Literal["probability", "sample", "final"]
Status = Mapping[str, Sequence[float]]

_OURS = re.compile(
    rb'\{"step":(?P<step>\d{1,15}),"epoch":\d+,"time":[\d.e+]+,"kind":"(?P<kind>[a-z]+)",'
    rb'(?:"every":(?P<every>\d{1,15}),)?"status":\{.*\}\}\n'
)
_FINALS = 100  # of which so many are kept whatever happens
_LARGEST = 2**53


@dataclass(frozen=True)
class _Head:
    """Where a record stands, with its line break; ``bare``: without a step of its own."""

    step: int
    kind: str
    offset: int
    length: int
    bare: bool = False


class ChoicesLog:
    """Appends records to a log, and keeps it small.

    A record is written at the first step, and then as often as costs no more than ``share`` of
    the time. When the file grows too large, records are thinned: of each ``every`` steps the first
    record stays, where ``every`` is a power of two; so do the first, the last and the final ones.

    Args:
        path: The file. One that exists is gone on with.
        clock: Seconds that never go back.
        now: Seconds since 1970.
        share: Of the time, what recording may take.
        pause: Seconds between two records, at least.
        most_records: In the file.
        most_bytes: Of the file, approximately.

    Raises:
        OSError: if the file cannot be read and written.

    Example::

        log = ChoicesLog(Path("logs/log"))
        log.record(0, lambda: ("sample", {"conv": [0, 1]}), epoch=0)
    """

    def __init__(
        self,
        path: Path,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
        share: float = 0.003,
        pause: float = 0.0,
        most_records: int = 4_000,
        most_bytes: int = 16_000_000,
    ) -> None:
        self._path = path
        self._clock, self._now = clock, now
        self._share, self._pause = share, pause
        self._most_records, self._most_bytes = most_records, most_bytes
        self._next = -math.inf
        os.close(self._open())
        self._look()

    @property
    def last_step(self) -> int:
        """Of the last record; -1 if there is none."""
        return self._heads[-1].step if self._heads else -1

    def is_time(self) -> bool:
        """Whether a record of a new step may be due; to ask costs next to nothing."""
        return self._clock() >= self._next

    def is_due(self, step: int) -> bool:
        """Whether a record of a step would be written now."""
        last = self.last_step
        if step > last >= 0 and step // self._every == last // self._every:
            return False
        return self.is_time()

    def record(
        self,
        step: int,
        read: Callable[[], tuple[Kind, Status]],
        *,
        epoch: int,
        always: bool = False,
    ) -> bool:
        """Write a record if it is due.

        Args:
            step: Of the search.
            read: Gives kind and status; not called if nothing is to be written.
            epoch: Of the search.
            always: Write it now in any case.

        Returns:
            Whether it was written.

        Raises:
            ValueError: if a number of the status is not finite.
            OSError: if the file cannot be written.
        """
        if not (always or self.is_due(step)):
            return False
        began = self._clock()
        try:
            kind, status = read()
            self._append(step, kind, _line(step, epoch, self._now(), kind, status))
            if len(self._heads) > self._most_records or self._size > self._most_bytes:
                self._thin()
        finally:
            ended = self._clock()
            self._next = ended + max(self._pause, (ended - began) / self._share)
        return True

    def _open(self) -> int:
        return os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)

    def _look(self) -> None:
        """Find the records of the file."""
        self._heads: list[_Head] = []
        self._every, self._size, line = 1, 0, b"\n"
        with self._path.open("rb") as file:
            for number, line in enumerate(file, 1):
                self._take_line(line, number)
                self._size += len(line)
        self._is_torn = not line.endswith(b"\n")

    def _take_line(self, line: bytes, number: int) -> None:
        found = _read_head(line)
        if found is None:
            return
        step, kind, every = found
        bare = step is None
        if step is None:  # as somebody's own program prints it
            step = max(number, self._heads[-1].step + 1 if self._heads else 0)
        self._every = max(self._every, every)
        self._add(_Head(step, kind, self._size, len(line), bare))

    def _add(self, head: _Head) -> None:
        while self._heads and self._heads[-1].step >= head.step:
            self._heads.pop()
        self._heads.append(head)

    def _append(self, step: int, kind: str, line: bytes) -> None:
        handle = self._open()
        try:
            if os.fstat(handle).st_size != self._size:
                self._look()  # somebody has changed the file
            content = b"\n" + line if self._is_torn else line
            offset = self._size + len(content) - len(line)
            while content:
                written = os.write(handle, content)
                self._is_torn = True
                self._size += written
                content = content[written:]
        finally:
            os.close(handle)
        self._is_torn = False
        self._add(_Head(step, kind, offset, len(line)))

    def _thin(self) -> None:
        """Leave half of what may be there, so that this is done rarely."""
        kept = thinned(self._heads, self._every)
        while not self._is_half(kept) and self._every <= self._heads[-1].step:
            self._every *= 2
            kept = thinned(self._heads, self._every)
        content = self._path.read_bytes()
        lines = [content[head.offset : head.offset + head.length] for head in kept]
        lines = [
            _completed(line, head.step, self._every if index == 0 else None)
            if index == 0 or head.bare
            else line
            for index, (line, head) in enumerate(zip(lines, kept, strict=True))
        ]
        replace_bytes(self._path, b"".join(lines), durable=False)
        self._heads = [
            replace(head, offset=offset, length=len(line), bare=False)
            for head, line, offset in zip(kept, lines, _offsets(lines), strict=True)
        ]
        self._size, self._is_torn = sum(map(len, lines)), False

    def _is_half(self, heads: Sequence[_Head]) -> bool:
        size = sum(head.length for head in heads)
        return len(heads) <= self._most_records // 2 and size <= self._most_bytes // 2


def thinned(heads: Sequence[_Head], every: int) -> list[_Head]:
    """The first record of each so many steps; and the first, the last and the final ones."""
    finals = [index for index, head in enumerate(heads) if head.kind == "final"]
    stay = {0, len(heads) - 1, *finals[-_FINALS:]}
    kept, part = [], -1
    for index, head in enumerate(heads):
        if index in stay or head.step // every != part:
            kept.append(head)
            part = head.step // every
    return kept


def _line(step: int, epoch: int, now: float, kind: str, status: Status) -> bytes:
    rows = ",".join(f"{json.dumps(key)}:[{_numbers(row)}]" for key, row in status.items())
    head = f'"step":{step},"epoch":{epoch},"time":{now:.3f},"kind":{json.dumps(kind)}'
    return f'{{{head},"status":{{{rows}}}}}\n'.encode()


def _numbers(row: Sequence[float]) -> str:
    if not all(map(math.isfinite, row)):
        raise ValueError(f"not finite, and no number of JSON: {list(row)}")
    return ",".join([f"{number:.5g}" for number in row])


def _read_head(line: bytes) -> tuple[int | None, str, int] | None:
    """Step (None if it has none), kind and ``every`` of a line; None of one that is no record."""
    ours = _OURS.fullmatch(line)
    if ours is not None:
        return int(ours["step"]), ours["kind"].decode(), int(ours["every"] or 1)
    if not line.endswith(b"\n"):
        return None
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict):
        return None
    step = _whole(record.get("step"))
    return step, str(record.get("kind", "sample")), _whole(record.get("every")) or 1


def _whole(value: Any) -> int | None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return int(value) if is_number and 0 <= value < _LARGEST else None


def _completed(line: bytes, step: int, every: int | None) -> bytes:
    """A record with its step, and the distance of steps; as it is if it was damaged."""
    try:
        record = json.loads(line)
    except ValueError:
        return line
    if not isinstance(record.get("status"), dict):
        record = {"status": record}
    status = record.pop("status")
    record = {**record, "step": step} | ({} if every is None else {"every": every})
    return json.dumps({**record, "status": status}, separators=(",", ":")).encode() + b"\n"


def _offsets(lines: Sequence[bytes]) -> Iterator[int]:
    offset = 0
    for line in lines:
        yield offset
        offset += len(line)

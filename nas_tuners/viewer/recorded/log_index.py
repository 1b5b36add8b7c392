"""Where the records of a log stand, without the records themselves."""

from __future__ import annotations

from array import array
from bisect import bisect_left

from .log_record import Head, head_of, parse_line, read_head
from .problems import Problems

MAX_LINE = 4 * 2**20  # bytes of a record that is read


class LogIndex:
    """Offset, length, line, step and kind of each record; steps rise.

    Attributes:
        problems: Of the lines that were left out.
        removed: How often records that had been there were superseded.
    """

    def __init__(self, file: str) -> None:
        self.problems = Problems(file)
        self.removed = 0
        self.offsets = array("q")
        self.lengths = array("l")
        self.lines = array("q")
        self.steps = array("q")
        self.kinds = array("b")
        self._line = 0

    def __len__(self) -> int:
        return len(self.offsets)

    def add_line(self, line: bytes, offset: int) -> None:
        """Take up a whole line without its end."""
        self._line += 1
        head = read_head(line) or self._read_slowly(line)
        if head is not None:
            self._append(head, offset, len(line))

    def skip_line(self, size: int) -> None:
        """Take note of a line that is too long to be read."""
        self._line += 1
        what = f"{size:,} bytes or more, but at most {MAX_LINE:,} are read; left out"
        self.problems.note(f"line {self._line}", what, kind="long line")

    def _read_slowly(self, line: bytes) -> Head | None:
        line = line.removeprefix(b"\xef\xbb\xbf") if self._line == 1 else line
        if not line.strip():
            return None
        where = f"line {self._line}"
        try:
            record, left_out = parse_line(line)
        except ValueError as error:
            return self.problems.note(where, f"{error}; left out")
        if left_out:
            self.problems.note(where, f"{left_out} is left out")
        return head_of(record)

    def _append(self, head: Head, offset: int, length: int) -> None:
        """A record without a step has that of its line, or the next one after the last."""
        last = self.steps[-1] if self.steps else None
        step = head.step
        if step is None:
            step = self._line if last is None else max(self._line, last + 1)
        if last is not None and step <= last:
            self._remove_from(bisect_left(self.steps, step))
        self.offsets.append(offset)
        self.lengths.append(length)
        self.lines.append(self._line)
        self.steps.append(step)
        self.kinds.append(head.kind)

    def _remove_from(self, position: int) -> None:
        """Forget the records of a search that was taken up again before them."""
        self.removed += 1
        for column in (self.offsets, self.lengths, self.lines, self.steps, self.kinds):
            del column[position:]

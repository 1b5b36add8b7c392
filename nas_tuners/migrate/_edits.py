"""Changes to a text, by offset, and the marks that ask a person for what is left."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MARK = "# nas-tuners: "


@dataclass(frozen=True, order=True)
class Edit:
    """A part of the content, and what stands there instead."""

    start: int
    stop: int
    text: str


@dataclass(frozen=True)
class Left:
    """Something that is left to do: the line that it is about, and what."""

    line: int
    message: str


def apply_edits(content: bytes, edits: Iterable[Edit]) -> bytes:
    """The content with all changes made, which must not overlap."""
    pieces, position = [], 0
    for edit in sorted(set(edits)):
        assert edit.start >= position, "edits do not overlap"
        pieces += [content[position : edit.start], edit.text.encode()]
        position = edit.stop
    return b"".join([*pieces, content[position:]])


def mark(content: bytes, start: int, message: str, newline: str) -> Iterator[Edit]:
    """The comment above a statement, unless it is among those that stand there already."""
    before = content[:start].decode()
    head, _, indent = before.rpartition("\n")
    comment = f"{MARK}{message}"
    for line in reversed(head.split("\n")):
        if not line.lstrip().startswith("#"):
            break
        if line.strip() == comment:
            return
    yield Edit(start, start, f"{comment}{newline}{indent}")


def left_in(text: str) -> Iterator[Left]:
    """What the marks in a text ask for."""
    marks: list[str] = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.lstrip().startswith(MARK):
            marks.append(line.strip().removeprefix(MARK))
        elif not line.lstrip().startswith("#"):
            yield from (Left(number, message) for message in marks)
            marks = []

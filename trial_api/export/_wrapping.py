"""Long lines of code, wrapped at their brackets."""

from __future__ import annotations

import re
import textwrap

WIDTH = 99

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"|' + r"'(?:[^'\\]|\\.)*'")


def wrapped(line: str) -> list[str]:
    """A line, or what is in its outermost brackets on lines of its own."""
    shown = _without_strings(line)
    opening = _opening(shown)
    closing = _closing(shown, opening)
    if len(line) <= WIDTH or closing < 0 or len(line) - closing > 3:
        return [line]
    space = " " * (len(line) - len(line.lstrip()))
    inside = f"{space}    {line[opening + 1 : closing]}"
    lines = [inside]
    if len(inside) > WIDTH:
        entries = _entries(inside)
        if len(entries) == 1 and not re.search(r"[\w)\]]$", line[:opening]):
            return [line]  # brackets that only group: a comma would make a tuple
        lines = _filled(entries, f"{space}    ", is_list=line[opening] == "[")
    return [line[: opening + 1], *lines, f"{space}{line[closing:]}"]


def _filled(entries: list[str], space: str, *, is_list: bool) -> list[str]:
    """Entries with a comma each: numbers in lists side by side, all else below each other."""
    if is_list and not any(" " in entry for entry in entries):
        text = " ".join(f"{entry}," for entry in entries)
        return textwrap.wrap(
            text,
            WIDTH,
            initial_indent=space,
            subsequent_indent=space,
            break_long_words=False,
            break_on_hyphens=False,
        )
    return [part for entry in entries for part in wrapped(f"{space}{entry},")]


def _entries(line: str) -> list[str]:
    """What stands between the commas."""
    entries, depth = [""], 0
    for character, shown in zip(line, _without_strings(line), strict=True):
        depth += _step(shown)
        if shown == "," and not depth:
            entries.append("")
        else:
            entries[-1] += character
    return [entry.strip() for entry in entries if entry.strip()]


def _opening(line: str) -> int:
    """The bracket to wrap at; -1 if there is none."""
    first = len(line) - len(line.lstrip())
    if line[first : first + 1] in ("[", "{"):
        return first
    return line.find("(", line.find("super()") + len("super()") if "super()" in line else 0)


def _closing(line: str, opening: int) -> int:
    """Where the bracket closes that opens there; -1 where it does not."""
    depth = 0
    for position in range(opening if opening >= 0 else len(line), len(line)):
        depth += _step(line[position])
        if not depth:
            return position
    return -1


def _without_strings(line: str) -> str:
    """The line with nothing to be seen in its strings."""
    return _STRING.sub(lambda match: "_" * len(match[0]), line)


def _step(character: str) -> int:
    return (character in "([{") - (character in ")]}")

"""What is wrong with a file, in a bounded number of sentences; and text fit to be shown."""

from __future__ import annotations

import re
from dataclasses import dataclass

_KINDS = 40  # different problems of one file
_ENTRY = 200  # characters of a name
_UNSHOWN = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


@dataclass
class _Group:
    sentence: str
    count: int = 1


class Problems:
    """Collects problems; those of one kind become one sentence, which names the first place.

    Args:
        file: The file's name, as sentences begin.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self._groups: dict[str, _Group] = {}
        self._beyond = 0

    def note(self, where: str, what: str, *, kind: str = "") -> None:
        """Take down a problem.

        Args:
            where: A line, an entry; empty for the whole file.
            what: What is wrong, and what was done about it.
            kind: What it shares with others of its kind; ``what`` if that names nothing special.
        """
        group = self._groups.get(kind or what)
        if group is not None:
            group.count += 1
        elif len(self._groups) < _KINDS:
            place = f"{self.file}, {where}" if where else self.file
            self._groups[kind or what] = _Group(f"{place}: {what}")
        else:
            self._beyond += 1

    def listed(self) -> list[str]:
        """One sentence a kind."""
        sentences = [
            group.sentence + (f" (and {group.count - 1:,} more like it)" * (group.count > 1))
            for group in self._groups.values()
        ]
        beyond = [f"{self.file}: and {self._beyond:,} more problems"] if self._beyond else []
        return sentences + beyond


def clean_text(value: str, limit: int = _ENTRY) -> str:
    """A text as a page may show it: cut, and without control characters and half surrogates."""
    if len(value) > limit:
        value = value[: limit - 1] + "…"
    return value if value.isprintable() else _UNSHOWN.sub("\ufffd", value)


def shown(value: object, limit: int = 60) -> str:
    """Any JSON as it stands in a sentence."""
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "a list"
    if isinstance(value, str):
        value = value[: limit + 1]
    return clean_text(repr(value), limit)

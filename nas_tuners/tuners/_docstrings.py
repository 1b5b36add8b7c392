"""What docstrings say, as plain text."""

from __future__ import annotations

import inspect
import re

_SECTION = r"^{}:\n(.*?)(?=^\S|\Z)"
_ENTRY = re.compile(r"^    (\w+)(?: \([^)]*\))?:(.*?)(?=^    \S|\Z)", re.MULTILINE | re.DOTALL)
_POINTER = re.compile(r"See :class:`~?[\w.]+`[.;]\s*")
_CODE = re.compile(r"``(\"[^`]*\"|\{[^`]*\})``")
_ROLE = re.compile(r"(?::\w+:)?`[~.]?([^`<]+?)(?: <[^`>]*>)?`_*")


def summary_of(target: type) -> str:
    """The first paragraph, on one line."""
    return _plain(inspect.cleandoc(target.__doc__ or ""))


def explanations_of(target: type, *, section: str = "Args") -> dict[str, str]:
    """Argument -> what it is, first paragraph alone, from the ``Args:`` of a class and its bases.

    "See :class:`Base`." stands for what the base class says.
    """
    explained: dict[str, str] = {}
    for base in reversed(target.__mro__[:-1]):
        for name, text in _entries(base, section).items():
            explained[name] = _filled_in(text, explained.get(name))
    return explained


def first_sentence(text: str) -> str:
    """Up to the first full stop."""
    return text.partition(". ")[0].rstrip(".") + "."


def _entries(target: type, section: str) -> dict[str, str]:
    """What the docstring of this class alone says, with its markup."""
    text = inspect.cleandoc(target.__dict__.get("__doc__") or "")
    found = re.search(_SECTION.format(section), text, re.MULTILINE | re.DOTALL)
    entries = _ENTRY.finditer(found[1]) if found else ()
    return {entry[1]: inspect.cleandoc(entry[2]) for entry in entries}


def _filled_in(text: str, inherited: str | None) -> str:
    pointer = _POINTER.match(text)
    if pointer is None or inherited is None:
        return _plain(text)
    rest = _plain(text[pointer.end() :])
    return f"{inherited} {rest[:1].upper()}{rest[1:]}".rstrip()


def _plain(text: str) -> str:
    """The first paragraph on one line, without markup."""
    paragraph = re.split(r"\n\s*\n|\n\.\. ", text)[0]
    line = _CODE.sub(r"\1", " ".join(paragraph.split())).replace("``", "'")
    return _ROLE.sub(r"\1", line)

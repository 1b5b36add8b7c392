"""Numbers in source text that differ between the instances of a class.

While a class is not settled, numbers stand in its text between marks, with the name that a
parameter in their place would have. No other text holds these characters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

_OPEN, _SPLIT, _CLOSE = "\x02", "\x1f", "\x03"
_MARKED = re.compile(f"{_OPEN}([^{_SPLIT}]*){_SPLIT}([^{_CLOSE}]*){_CLOSE}")


def marked(number: str, name: str) -> str:
    """A number that may become a parameter."""
    return f"{_OPEN}{name}{_SPLIT}{number}{_CLOSE}"


def template(text: str) -> str:
    """What texts have in common that differ in numbers only."""
    return _MARKED.sub("\x02", text)


def numbers(text: str) -> list[tuple[str, str]]:
    """Name and number of each mark."""
    return [(match[1], match[2]) for match in _MARKED.finditer(text)]


def filled(text: str, values: Callable[[int, str], str]) -> str:
    """The text with something for each number, by its position.

    Args:
        text: With marks.
        values: Called with a position and the number there.
    """
    positions: Iterator[int] = iter(range(len(numbers(text))))
    return _MARKED.sub(lambda match: values(next(positions), match[2]), text)


def unmarked(text: str) -> str:
    return _MARKED.sub(lambda match: match[2], text)

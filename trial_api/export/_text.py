"""Pieces of source text that refer to values computed before them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Union

from torch import nn


@dataclass(frozen=True)
class Text:
    """An expression: strings, and calls in the places where their values go.

    Attributes:
        parts: In order.
        symbol: Its operator, if it is an operation.
    """

    parts: tuple[str | Call, ...]
    symbol: str = ""

    def calls(self) -> list[Call]:
        """In order of evaluation."""
        return [part for part in self.parts if isinstance(part, Call)]


@dataclass(eq=False)
class Call:
    """A computation of a forward.

    Attributes:
        text: What is computed.
        hint: What its value may be named after.
        stays: Whether it is there for more than its value: it draws random numbers, or runs a
            module, which may keep statistics.
        in_place: Whether it changes a value that has a name already.
        is_view: Whether it may be computed later as well: it shows values, and copies none.
        module: What is run, if it is a module.
    """

    text: Text
    hint: str
    stays: bool = False
    in_place: bool = False
    is_view: bool = False
    module: nn.Module | None = None


Piece = Union[str, Text, Call]


def joined(*pieces: Piece, symbol: str = "") -> Text:
    """One text of several."""
    parts: list[str | Call] = []
    for piece in pieces:
        parts += piece.parts if isinstance(piece, Text) else [piece]
    return Text(tuple(parts), symbol)


def listed(pieces: list[Text]) -> Text:
    """Separated by commas."""
    between: list[Piece] = []
    for piece in pieces:
        between += [", ", piece] if between else [piece]
    return joined(*between)


def operand(text: Text, beside: str = "", *, is_left: bool = True) -> Text:
    """As it stands beside an operator, or before a dot or a bracket."""
    if not text.symbol or binds(text.symbol, beside, is_left=is_left):
        return text
    return joined("(", text, ")")


def operation(left: Text, symbol: str, right: Text) -> Text:
    right = operand(right, symbol, is_left=False)
    return joined(operand(left, symbol), f" {symbol} ", right, symbol=symbol)


def binds(inner: str, outer: str, *, is_left: bool) -> bool:
    """Whether an operation beside an operator needs no parentheses."""
    if is_left and inner == outer:
        return inner in "+-*/@"
    return inner in "*/@" and outer in ("+", "-")


def _traced(name: str, symbol: str, *, reflected: bool = False) -> Any:
    """A method of ``int`` whose result knows how it was computed."""
    plain = getattr(int, name)

    def method(self: TracedInt, other: object, *modulo: object) -> Any:
        value = plain(self, other, *modulo)
        if modulo or type(value) is not int or type(other) not in (int, TracedInt):
            return value
        left, right = (other, self) if reflected else (self, other)
        text = operation(_text_of(left), symbol, _text_of(right))
        # A number of two forwards belongs to none.
        is_one = getattr(other, "frame", self.frame) is self.frame
        return TracedInt.of(value, text, self.frame if is_one else None)

    return method


class TracedInt(int):
    """A number that comes from a shape, and knows how: arithmetic on it is written down.

    It is a plain ``int`` to everything else, torch's argument parsers included.
    """

    text: Text
    frame: object

    @staticmethod
    def of(value: int, text: Text, frame: object) -> TracedInt:
        number = TracedInt(value)
        number.text, number.frame = text, frame
        return number

    __add__ = _traced("__add__", "+")
    __radd__ = _traced("__radd__", "+", reflected=True)
    __sub__ = _traced("__sub__", "-")
    __rsub__ = _traced("__rsub__", "-", reflected=True)
    __mul__ = _traced("__mul__", "*")
    __rmul__ = _traced("__rmul__", "*", reflected=True)
    __floordiv__ = _traced("__floordiv__", "//")
    __rfloordiv__ = _traced("__rfloordiv__", "//", reflected=True)
    __mod__ = _traced("__mod__", "%")
    __rmod__ = _traced("__rmod__", "%", reflected=True)
    __pow__ = _traced("__pow__", "**")

    def __neg__(self) -> TracedInt:
        return TracedInt.of(-int(self), joined("-", operand(self.text), symbol="-"), self.frame)

    def __divmod__(self, other: Any) -> tuple[Any, Any]:
        return self // other, self % other


def _text_of(number: Any) -> Text:
    return number.text if isinstance(number, TracedInt) else Text((repr(number),))

"""Parsers that say, as JSON Schema, what they accept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Generic, TypeVar

Schema = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True)
class Described(Generic[T]):
    """A parser of a value, called as the function that it is made of.

    Attributes:
        parse: The function.
        describe: Makes the schema of what it accepts.
    """

    parse: Callable[[Any], T]
    describe: Callable[[], Schema]

    def __call__(self, value: Any) -> T:
        return self.parse(value)


def accepts(**schema: Any) -> Callable[[Callable[[Any], T]], Described[T]]:
    """Say what a parser accepts, as the keywords of JSON Schema."""
    return lambda parse: Described(parse, lambda: dict(schema))


def schema_of(parser: Callable[[Any], Any]) -> Schema:
    """What a parser accepts."""
    assert isinstance(parser, Described), f"{parser} does not say what it accepts"
    return parser.describe()


def object_schema(kind: type, parsers: Mapping[str, Callable[[Any], Any]]) -> Schema:
    """The keys and values that a dataclass is read from, as its docstring explains them.

    Args:
        kind: The dataclass.
        parsers: Key -> parser.
    """
    from nas_tuners.tuners._docstrings import explanations_of

    texts = explanations_of(kind, section="Attributes")
    properties = {key: {"description": texts[key]} | schema_of(parsers[key]) for key in parsers}
    for key, default in _defaults(kind).items():
        properties[key]["default"] = default
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _defaults(kind: type) -> Schema:
    """Those that JSON has; where it is None, the explanation says what holds then."""
    found = {field.name: field.default for field in fields(kind)}
    plain = {key: value for key, value in found.items() if isinstance(value, (int, float, str))}
    lists = {key: list(value) for key, value in found.items() if isinstance(value, tuple)}
    return plain | lists

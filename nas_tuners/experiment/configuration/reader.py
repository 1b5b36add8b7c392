"""Reads keys and values by a table of parsers and collects every problem."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from nas_tuners.contract.errors import ConfigError, Problem, SearchSpaceError, did_you_mean

from .described import Described, Schema, object_schema, schema_of
from .values import Parser
from .yaml_file import YamlFile

_FEW = 10  # keys that a message can list


class Reader:
    """Reads mappings by a table of parsers and collects every problem.

    Args:
        file: Where what is read stands.
        foreign: Names that others have for keys of the table -> these keys.
    """

    def __init__(self, file: YamlFile, foreign: Mapping[str, str] | None = None) -> None:
        self._file = file
        self._foreign = foreign or {}
        self.problems: list[Problem] = list(file.problems)

    def read_mapping(
        self, prefix: str, content: Any, fields: Mapping[str, Parser], required: tuple[str, ...]
    ) -> dict[str, Any]:
        """The parsed fields; those that are absent, null or wrong are left out."""
        if content is not None and not isinstance(content, Mapping):
            kind = type(content).__name__
            self._wrong(prefix, f"expected keys and values, got a {kind}: {content!r}")
            return {}
        given = {key: value for key, value in (content or {}).items() if value is not None}
        hints = {key: self._hint(key, fields) for key in content or {} if key not in fields}
        for key, hint in hints.items():
            self._wrong(f"{prefix}{key}", f"unknown key{hint}")
        for name in required:
            if name not in given and not any(repr(name) in hint for hint in hints.values()):
                self._wrong(f"{prefix}{name}", "missing")
        results: dict[str, Any] = {}
        for name, parse in fields.items():
            if name in given:
                self._read(f"{prefix}{name}", given[name], parse, results, name)
        return results

    def _hint(self, key: object, fields: Mapping[str, Parser]) -> str:
        """What may have been meant; all that may be, where it is little."""
        if str(key) in self._foreign:
            return f"; here it is called {self._foreign[str(key)]!r}"
        known = f" (known: {', '.join(fields)})" if len(fields) <= _FEW else ""
        return did_you_mean(key, fields) or known

    def _read(
        self, where: str, value: Any, parse: Parser, results: dict[str, Any], name: str
    ) -> None:
        try:
            results[name] = parse(value)
        except ConfigError as error:
            self.take(error.problems, within=where)
        except SearchSpaceError as error:
            if error.source:
                self._wrong(where, str(error))
            else:
                self.take(error.problems, within=where)
        except ValueError as error:
            self._wrong(where, str(error))

    def take(self, problems: Iterable[Problem], *, within: str = "") -> None:
        """Add problems that were found elsewhere; ``within`` leads to what was read there."""
        for problem in problems:
            where = ".".join(part for part in (within, problem.where) if part)
            self._wrong(where, problem.message)

    def _wrong(self, where: str, message: str) -> None:
        self.problems.append(Problem(self._file.where(where), message))


def part(
    kind: type, table: Mapping[str, Parser], required: tuple[str, ...], *, alone: str = ""
) -> Parser:
    """Reads a mapping into a dataclass; what is no mapping stands for the field ``alone``."""

    def parse(value: Any) -> Any:
        if alone and not isinstance(value, Mapping):
            return kind(**{alone: table[alone](value)})
        if not isinstance(value, Mapping):
            what = f"{type(value).__name__}: {value!r}"
            raise ValueError(f"expected keys and values (known: {', '.join(table)}), got a {what}")
        reader = Reader(YamlFile())
        read = reader.read_mapping("", value, table, required)
        if reader.problems:
            raise ConfigError(reader.problems)
        return kind(**read)

    def describe() -> Schema:
        fields = {**object_schema(kind, table), "required": list(required)}
        return {"anyOf": [schema_of(table[alone]), fields]} if alone else fields

    return Described(parse, describe)


def named(kind: type, table: Mapping[str, Parser]) -> Parser:
    """Reads a name, or a mapping with one; ``class`` is another word for ``name``."""
    read = part(kind, table, ("name",), alone="name")

    def parse(value: Any) -> Any:
        if not isinstance(value, (str, Mapping)):
            what = f"{type(value).__name__}: {value!r}"
            raise ValueError(f"expected a name, or keys and values, got a {what}")
        if isinstance(value, Mapping) and "class" in value:
            if "name" in value:
                raise ValueError("give either name or class (two words for the same), not both")
            value = {"name" if key == "class" else key: item for key, item in value.items()}
        if isinstance(value, Mapping) and len(value) == 1:
            _refuse_name_as_key(next(iter(value)), table)
        return read(value)

    def describe() -> Schema:
        fields = object_schema(kind, table)
        fields["properties"]["class"] = fields["properties"]["name"]
        words = [{"required": ["name"]}, {"required": ["class"]}]
        return {"anyOf": [schema_of(table["name"]), {**fields, "oneOf": words}]}

    return Described(parse, describe)


def _refuse_name_as_key(key: object, table: Mapping[str, Parser]) -> None:
    """As in ``{median: {...}}``, which other programs read."""
    if key not in table and not did_you_mean(key, table):
        raise ValueError(f"lacks a name; if {key!r} is it: {{name: {key}, args: {{...}}}}")

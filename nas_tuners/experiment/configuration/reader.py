"""Reads keys and values by a table of parsers and collects every problem."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from nas_tuners.contract.errors import ConfigError, Problem, SearchSpaceError, did_you_mean

from .described import Described, Schema, object_schema, schema_of
from .values import Parser
from .yaml_file import YamlFile


class Reader:
    """Reads mappings by a table of parsers and collects every problem."""

    def __init__(self, file: YamlFile) -> None:
        self._file = file
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
        for key in content or {}:
            if key not in fields:
                self._wrong(f"{prefix}{key}", f"unknown key{did_you_mean(key, fields)}")
        for name in required:
            if name not in given:
                self._wrong(f"{prefix}{name}", "missing")
        results: dict[str, Any] = {}
        for name, parse in fields.items():
            if name in given:
                self._read(f"{prefix}{name}", given[name], parse, results, name)
        return results

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
        return read(value)

    def describe() -> Schema:
        fields = object_schema(kind, table)
        fields["properties"]["class"] = fields["properties"]["name"]
        words = [{"required": ["name"]}, {"required": ["class"]}]
        return {"anyOf": [schema_of(table["name"]), {**fields, "oneOf": words}]}

    return Described(parse, describe)

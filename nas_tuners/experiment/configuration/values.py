"""Parsers of single values of the configuration.

Each takes what YAML gave and returns what the program needs, or raises ``ValueError`` with the
rule and the value.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from nas_tuners.contract.errors import did_you_mean

from ..durations import parse_duration
from ..storages.storage import URL_EXAMPLES
from .described import Described, Schema, accepts, schema_of

Parser = Callable[[Any], Any]

_FOLDER_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._ -]*")
_VARIABLE = re.compile(r"[^=\0]+")
_UNSET_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_FILE_URL = re.compile(r"(sqlite(?:\+\w+)?|journal)://(/?)(.*)", re.DOTALL)
_OF_THE_SHELL = {"|", "||", "&", "&&", ";", "<", ">", ">>", "2>", "2>&1"}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmg]?)(?:i?b)?")
_MEGABYTES = {"k": 1e-3, "": 1.0, "m": 1.0, "g": 1e3}

# JSON Schema of what several parsers accept.
_VISIBLE = r"\S"
_TEXT: Schema = {"type": "string", "pattern": _VISIBLE}
_ARGUMENT: Schema = {"type": ["string", "number"]}
_ARGUMENTS: Schema = {"type": "array", "items": _ARGUMENT, "minItems": 1}
_INDEX: Schema = {"type": ["integer", "string"], "minimum": 0, "pattern": r"^\s*\d+\s*$"}
_INDEX_LIST: Schema = {"type": "string", "pattern": r"^\s*\d+\s*(,\s*\d+\s*)*$"}
_TIME: Schema = {"type": "string", "pattern": r"^\s*\d+(\.\d+)?\s*[smhdSMHD]?\s*$"}

duration = accepts(anyOf=[{"type": "number", "exclusiveMinimum": 0}, _TIME])(parse_duration)


@accepts(type="string", pattern=_VISIBLE)
def text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        advice = f"; write {str(value)!r}, in quotes" if number else ""
        raise ValueError(f"must be a text, got {value!r}{advice}")
    return value


@accepts(type="string", pattern=f"^{_FOLDER_NAME.pattern}$")
def folder_name(value: Any) -> str:
    if not isinstance(value, str) or not _FOLDER_NAME.fullmatch(value):
        raise ValueError(
            f"names a folder: letters, digits, '_', '-', '.' and spaces only, got {value!r}"
        )
    return value


def default_name(config_file: Path) -> str:
    """The name of an experiment whose file gives none: the file's own, made safe."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", config_file.stem).lstrip(".-") or "experiment"


@accepts(anyOf=[_TEXT, _ARGUMENTS])
def command(value: Any) -> str | tuple[str, ...]:
    rule = f"must be a text for the shell or a list of arguments, got {value!r}"
    if isinstance(value, list):
        if not value or not all(_is_argument(item) for item in value):
            raise ValueError(rule)
        return tuple(str(item) for item in value)
    if not _is_argument(value) or not isinstance(value, str) or not value.strip():
        raise ValueError(rule)
    return value


def whole_number(low: int) -> Parser:
    @accepts(type="integer", minimum=low)
    def parse(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or value < low:
            whole = isinstance(value, float) and value.is_integer() and value >= low
            advice = f"; write {int(value)}" if whole else ""
            raise ValueError(f"must be a whole number of at least {low}, got {value!r}{advice}")
        return value

    return parse


def one_of(*words: str) -> Parser:
    @accepts(enum=list(words))
    def parse(value: Any) -> str:
        if value not in words:
            known = " or ".join(words)
            raise ValueError(f"must be {known}, got {value!r}{did_you_mean(value, words)}")
        return str(value)

    return parse


@accepts(type="boolean")
def truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, got {value!r}")
    return value


@accepts(type="string", pattern=r"^\w+(\.\w+)*:\w+$")
def import_path(value: Any) -> str:
    module, colon, name = text(value).partition(":")
    if not (colon and name.isidentifier() and all(p.isidentifier() for p in module.split("."))):
        raise ValueError(f"must be the import path of a function, module:function, got {value!r}")
    return text(value)


@accepts(type="number", minimum=0)
def gpu_number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
        rule = "must be how many GPUs a trial gets, a number of at least 0"
        raise ValueError(f"{rule}, got {value!r}; which ones may be used, gpus.indices says")
    return value


@accepts(type="number", exclusiveMinimum=0)
def megabytes(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
        advice = _without_unit(value) if isinstance(value, str) else ""
        raise ValueError(f"must be a number above 0, of MB, got {value!r}{advice}")
    return float(value)


def _without_unit(size: str) -> str:
    match = _SIZE.fullmatch(size.strip().lower())
    if not match:
        return "; write 50 for 50 MB"
    number = float(match[1]) * _MEGABYTES[match[2]]
    return f"; write {number:g}, without quotes and without a unit"


@accepts(anyOf=[_INDEX, {"type": "array", "items": _INDEX, "minItems": 1}, _INDEX_LIST])
def indices(value: Any) -> tuple[int, ...]:
    """One index, a list of them, or a text like ``"0,2"``."""
    words = value.split(",") if isinstance(value, str) else value
    words = words if isinstance(words, list) else [words]
    try:
        read = [int(word) for word in words if not isinstance(word, (bool, float))]
    except (TypeError, ValueError):
        read = []
    if len(read) != len(words) or not read or min(read) < 0 or len(set(read)) < len(read):
        raise ValueError(f"must be different whole numbers from 0, like [0, 2], got {value!r}")
    return tuple(read)


@accepts(anyOf=[_TEXT, _ARGUMENTS])
def argument_list(value: Any) -> tuple[str, ...]:
    """A command without a shell: a list, or a text that is split as a shell would."""
    words = _split(value) if isinstance(value, str) else value
    if not isinstance(words, list) or not words or not all(map(_is_argument, words)):
        raise ValueError(f"must be a command, as a list of arguments, got {value!r}")
    return tuple(str(word) for word in words)


def _split(line: str) -> list[str]:
    import shlex

    try:
        words = shlex.split(line)
    except ValueError as error:
        raise ValueError(f"must be a command, got {line!r}: {error}") from None
    special = [word for word in line.split() if word in _OF_THE_SHELL and word in words]
    if special:
        why = f"no shell runs it, which {special[0]!r} is for"
        raise ValueError(f"{why}; write [sh, -c, {line!r}]")
    return words


def list_of(parse_item: Parser) -> Parser:
    """A list, or one item alone."""

    def parse(value: Any) -> tuple[Any, ...]:
        items = value if isinstance(value, list) else [value]
        return tuple(parse_item(item) for item in items)

    def describe() -> Schema:
        item = schema_of(parse_item)
        return {"anyOf": [item, {"type": "array", "items": item}]}

    return Described(parse, describe)


@accepts(type="object")
def mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"must be keys and values, got {value!r}")
    return dict(value)


@accepts(type="object", additionalProperties=_ARGUMENT)
def environment(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping) or not all(
        isinstance(name, str) and _VARIABLE.fullmatch(name) and _is_argument(item)
        for name, item in value.items()
    ):
        rule = "must be names with texts or numbers, like {A: 1} (quote true and false)"
        raise ValueError(f"{rule}, got {value!r}")
    return {name: str(item) for name, item in value.items()}


def path(base: Path) -> Callable[[Any], Path]:
    """A path with ``~`` and variables expanded, relative to the configuration file."""

    @accepts(**_TEXT)
    def parse(value: Any) -> Path:
        expanded = os.path.expanduser(os.path.expandvars(text(value)))
        unset = _UNSET_VARIABLE.search(expanded)
        if unset:
            name = unset[1] or unset[2]
            raise ValueError(f"the environment variable {name} in {value!r} is not set")
        return Path(os.path.normpath(base / expanded))

    return parse


def recorded_path(value: Any) -> Path:
    """A path as it was written down, nothing expanded."""
    return Path(text(value))


def existing_directory(base: Path) -> Parser:
    @accepts(**_TEXT)
    def parse(value: Any) -> Path:
        directory = path(base)(value)
        if not directory.is_dir():
            what = "not a folder" if directory.exists() else "no such folder"
            raise ValueError(f"{what}: {directory}")
        return directory

    return parse


def storage_url(base: Path) -> Parser:
    """A storage URL; those of files become absolute, all others stay as they are.

    Variables in the URL of a server are expanded only when it is opened, so that a password taken
    from the environment is never written to the experiment's folder.
    """

    @accepts(type="string", pattern=r"://|^\$")
    def parse(value: Any) -> str:
        url = text(value)
        if url.startswith("$"):  # all of it stands in a variable
            return url
        if "://" not in url:
            raise ValueError(f"must be a URL like {URL_EXAMPLES}, got {value!r}")
        match = _FILE_URL.fullmatch(url)
        if not match:
            return url
        if not match[2] or match[3] in ("", ":memory:"):
            raise ValueError(f"must name a file, like sqlite:///study.db, got {value!r}")
        file, question, options = match[3].partition("?")
        return f"{match[1]}:///{path(base)(file)}{question}{options}"

    return parse


def _is_argument(value: Any) -> bool:
    """Whether a process can be given it."""
    if isinstance(value, str):
        return "\0" not in value
    return isinstance(value, (int, float)) and not isinstance(value, bool)

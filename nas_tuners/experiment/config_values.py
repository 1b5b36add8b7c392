"""Parsers of single values of the configuration.

Each takes what YAML gave and returns what the program needs, or raises ``ValueError`` with the
rule and the value.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from nas_tuners.contract.errors import did_you_mean

from .durations import parse_duration

Parser = Callable[[Any], Any]

_FOLDER_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._ -]*")
_VARIABLE = re.compile(r"[^=\0]+")
_UNSET_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_FILE_URL = re.compile(r"(sqlite(?:\+\w+)?|journal)://(/?)(.*)", re.DOTALL)

duration = parse_duration


def text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"must be a text, got {value!r}")
    return value


def folder_name(value: Any) -> str:
    if not isinstance(value, str) or not _FOLDER_NAME.fullmatch(value):
        raise ValueError(
            f"names a folder: letters, digits, '_', '-', '.' and spaces only, got {value!r}"
        )
    return value


def default_name(config_file: Path) -> str:
    """The name of an experiment whose file gives none: the file's own, made safe."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", config_file.stem).lstrip(".-") or "experiment"


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
    def parse(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or value < low:
            raise ValueError(f"must be a whole number of at least {low}, got {value!r}")
        return value

    return parse


def one_of(*words: str) -> Parser:
    def parse(value: Any) -> str:
        if value not in words:
            known = " or ".join(words)
            raise ValueError(f"must be {known}, got {value!r}{did_you_mean(value, words)}")
        return str(value)

    return parse


def direction(value: Any) -> str:
    if isinstance(value, Mapping):
        raise ValueError(
            f"must be maximize or minimize, got {value!r}; "
            "goals for several metrics go to tuner.args.optimize_mode"
        )
    word: str = one_of("maximize", "minimize")(value)
    return word


def mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"must be keys and values, got {value!r}")
    return dict(value)


def environment(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping) or not all(
        isinstance(name, str) and _VARIABLE.fullmatch(name) and _is_argument(item)
        for name, item in value.items()
    ):
        raise ValueError(f"must be names with texts or numbers (quote true and false): {value!r}")
    return {name: str(item) for name, item in value.items()}


def path(base: Path) -> Callable[[Any], Path]:
    """A path with ``~`` and variables expanded, relative to the configuration file."""

    def parse(value: Any) -> Path:
        expanded = os.path.expanduser(os.path.expandvars(text(value)))
        unset = _UNSET_VARIABLE.search(expanded)
        if unset:
            name = unset[1] or unset[2]
            raise ValueError(f"the environment variable {name} in {value!r} is not set")
        return Path(os.path.normpath(base / expanded))

    return parse


def existing_directory(base: Path) -> Parser:
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

    def parse(value: Any) -> str:
        url = text(value)
        if "://" not in url:
            raise ValueError(
                f"must be a URL like sqlite:///study.db, journal:///study.log or "
                f"postgresql://user@host/name, got {value!r}"
            )
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

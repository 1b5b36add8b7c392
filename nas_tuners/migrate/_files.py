"""Scripts on disk: read in their own encoding, written whole, and never without a copy."""

from __future__ import annotations

import io
import os
import secrets
import shutil
import tokenize
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from nas_tuners.contract.errors import ConfigError, Problem


@dataclass(frozen=True)
class Source:
    """A script as it is on disk."""

    path: Path
    text: str
    encoding: str

    def encoded(self, text: str) -> bytes:
        return text.encode(self.encoding)


def read_sources(paths: Iterable[Path]) -> list[Source]:
    """Scripts, each once.

    Raises:
        ConfigError: with everything that cannot be read.
    """
    sources, problems = [], []
    for path in dict.fromkeys(paths):
        try:
            if path.suffix == ".ipynb":
                message = "a notebook; save its cells as a script: jupyter nbconvert --to script"
                problems.append(Problem(str(path), message))
                continue
            sources.append(_read(path))
        except FileNotFoundError:
            problems.append(Problem(str(path), "no such file"))
        except IsADirectoryError:
            problems.append(Problem(str(path), f"a folder; name the scripts, as {path}/*.py"))
        except (SyntaxError, UnicodeError) as error:
            problems.append(Problem(str(path), f"not a text in UTF-8, or as it declares: {error}"))
        except OSError as error:
            problems.append(Problem(str(path), f"cannot be read: {error}"))
    if problems:
        raise ConfigError(problems)
    return sources


def write_in_place(source: Source, text: str) -> Path:
    """Replace a script, and keep what it was beside it.

    Returns:
        The copy of the original, which never takes the place of another file.

    Raises:
        ConfigError: if it cannot be written.
    """
    path = Path(os.path.realpath(source.path))
    try:
        copy = _copy_beside(path)
        _replace(path, source.encoded(text), like=path)
    except OSError as error:
        raise ConfigError(f"cannot be written: {error}", str(path)) from error
    return copy


def write_new(source: Source, text: str, path: Path) -> None:
    """Write a migrated script to another file.

    Raises:
        ConfigError: if something else is there, or it cannot be written.
    """
    content = source.encoded(text)
    try:
        if path.is_dir():
            raise ConfigError("a folder; name a file", str(path))
        if path.exists() and path.read_bytes() != content:
            raise ConfigError("is there already; name another file, or take it away", str(path))
        _replace(path, content, like=source.path)
    except OSError as error:
        raise ConfigError(f"cannot be written: {error}", str(path)) from error


def _read(path: Path) -> Source:
    content = path.read_bytes()
    encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
    return Source(path, content.decode(encoding), encoding)


def _copy_beside(path: Path) -> Path:
    copy = _taken(path)
    try:
        _replace(copy, path.read_bytes(), like=path)
    except BaseException:
        copy.unlink()
        raise
    return copy


def _taken(path: Path) -> Path:
    """An empty file under the first name that nobody has."""
    for number in count():
        with suppress(FileExistsError):
            copy = path.with_name(f"{path.name}.orig{number or ''}")
            copy.touch(exist_ok=False)
            return copy
    raise AssertionError("numbers do not end")


def _replace(path: Path, content: bytes, *, like: Path) -> None:
    """Write a file whole or not at all, with the permissions of another."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        shutil.copymode(like, temporary)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise

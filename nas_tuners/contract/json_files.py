"""Reading and writing the project's small files.

Everything is written to a temporary file beside the target and renamed, so that a reader never
meets half a file.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
from pathlib import Path
from typing import Any

from .errors import Problem, SearchSpaceError


def parse_json(text: str, source: str) -> Any:
    """JSON without duplicate keys, NaN or infinities.

    Raises:
        SearchSpaceError: with line and column where the text is broken.
    """
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise SearchSpaceError([Problem(where, f"broken JSON: {error.msg}")], source) from None
    except RecursionError:
        raise SearchSpaceError("nested too deeply", source) from None
    except ValueError as error:
        raise SearchSpaceError(f"not usable as JSON: {error}", source) from None


def read_text(path: Path) -> str:
    """A file's text.

    Raises:
        SearchSpaceError: if it cannot be read, saying why.
    """
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SearchSpaceError("no such file", str(path)) from None
    except (OSError, ValueError) as error:
        raise SearchSpaceError(f"cannot be read: {error}", str(path)) from None


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all; missing folders are made, links are followed.

    What is not a file (a terminal, a pipe, ``/dev/null``) is written to, never replaced.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if path.exists() and not path.is_file():
        path.write_text(text, encoding="utf-8")
    else:
        replace_text(Path(os.path.realpath(path)), text)


def replace_text(path: Path, text: str, *, durable: bool = True) -> None:
    """Write a file whole or not at all, in the place of what stands there, a link too.

    Args:
        path: The file; missing folders are made.
        text: All of it.
        durable: Whether it must survive the machine's losing power.
    """
    replace_bytes(path, text.encode("utf-8"), durable=durable)


def replace_bytes(path: Path, content: bytes, *, durable: bool = True) -> None:
    """The same for what is no text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def line_of(text: str, key: str) -> int | None:
    """The line on which a JSON text first names a key, or None."""
    offset = text.find(json.dumps(key, ensure_ascii=False))
    return text.count("\n", 0, offset) + 1 if offset >= 0 else None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        seen: set[str] = set()
        twice = sorted({key for key, _ in pairs if key in seen or seen.add(key)})
        raise ValueError(f"the same key stands twice in one object: {', '.join(map(repr, twice))}")
    return content


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number of JSON")

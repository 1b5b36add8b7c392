"""Reading a JSON file that anybody may have written: in bounded memory, and never raising."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from nas_tuners.contract.trial_io import open_regular

from .problems import Problems, shown

MAX_BYTES = 64 * 2**20  # of one file; a large supernet's graph has one megabyte
MAX_VALUES = 8_000_000  # about; each takes ten times the memory that it takes on disk, or more

_MIB = 2**20


def read_json(path: Path, problems: Problems) -> Any:
    """The content of a JSON file, or None with a problem noted.

    Keys that stand twice in an object count with their last value, NaN and infinities are null;
    both are noted.
    """
    content = _read_bytes(path, problems)
    return None if content is None else parse_bytes(content, problems)


def parse_bytes(content: bytes, problems: Problems) -> Any:
    """:func:`read_json` of a file's content."""
    if sum(map(content.count, (b"[", b"{", b","))) > MAX_VALUES:
        return problems.note("", f"has more values than the {MAX_VALUES:,} that are read")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return problems.note("", f"is not text in UTF-8 (at byte {error.start})")
    if not text.strip():
        return problems.note("", "is empty")

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            seen: set[str] = set()
            twice = next(key for key, _ in pairs if key in seen or seen.add(key))
            what = f"the key {shown(twice)} stands twice in one object; the last one counts"
            problems.note("", what, kind="a key stands twice")
        return found

    def no_number(name: str) -> None:
        problems.note("", f"{name} is not a number of JSON; taken as null", kind="NaN")

    try:
        found = json.loads(text, object_pairs_hook=unique, parse_constant=no_number)
    except json.JSONDecodeError as error:
        what = f"broken or incomplete JSON: {error.msg}"
        return problems.note(f"line {error.lineno}, column {error.colno}", what)
    except RecursionError:
        return problems.note("", "is nested too deeply")
    except ValueError:
        return problems.note("", "has a number of too many digits")
    return found if found is not None else problems.note("", "holds null and nothing else")


def _read_bytes(path: Path, problems: Problems) -> bytes | None:
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            content = b"" if size > MAX_BYTES else file.read(MAX_BYTES + 1)
    except OSError as error:
        problems.note("", unreadable(error))
        return None
    if max(size, len(content)) > MAX_BYTES:
        limit = MAX_BYTES // _MIB
        problems.note("", f"has {size / _MIB:,.0f} MiB, but at most {limit} MiB are read")
        return None
    return content


def unreadable(error: OSError) -> str:
    """Why a file cannot be read, as a sentence goes on."""
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, PermissionError):
        return "cannot be read: no permission"
    return f"cannot be read: {error.strerror or error}"

"""One line of a log: cheap recognition for the index, and reading it in full."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .problems import Problems, clean_text, shown

KINDS = ("probability", "sample", "final")

MAX_KEYS = 5_000  # of one record
MAX_NUMBERS = 10_000  # of one key

_SCALAR = rb'(?:-?[0-9][0-9.eE+-]*|null|"[a-z]{1,20}")'
_HEAD = re.compile(
    rb'\s*\{\s*((?:"(?:step|epoch|time|kind)"\s*:\s*' + _SCALAR + rb'\s*,\s*)+)"status"\s*:\s*\{'
)
_BARE = re.compile(rb'\s*\{\s*"(?!(?:step|epoch|time|kind|status)")[^"\\]*"\s*:\s*\[')
_STEP = re.compile(rb'"step"\s*:\s*(-?[0-9]{1,15})\s*,')
_KIND = re.compile(rb'"kind"\s*:\s*"([a-z]+)"')
_KIND_CODES = {kind.encode(): code for code, kind in enumerate(KINDS)}
_SCALARS = {"step", "epoch", "time", "kind"}
_LARGEST = 2**53


@dataclass(frozen=True)
class Head:
    """What the index keeps of a record: its step (None if it names none) and its kind's number."""

    step: int | None
    kind: int


def read_head(line: bytes) -> Head | None:
    """Step and kind of a line that looks whole, without parsing all of it; None: parse it."""
    end = line[-16:].rstrip()
    if end.endswith(b"}}"):
        found = _HEAD.match(line, 0, 400)
        if found and line.count(b'"status"') == 1:
            step, kind = _STEP.search(found[1]), _KIND.search(found[1])
            if step:
                return Head(int(step[1]), _KIND_CODES.get(kind[1], 0) if kind else 0)
    elif end.endswith(b"]}") and _BARE.match(line, 0, 2000) and b'"status"' not in line:
        return Head(None, 0)
    return None


def parse_line(line: bytes) -> tuple[dict[str, Any], str]:
    """The object on a line, and what had to be left out to read it.

    Raises:
        ValueError: if there is none, saying why.
    """
    try:
        record, left_out = json.loads(line), ""
    except (ValueError, RecursionError):
        begin = line.rfind(b"{", 0, max(line.rfind(b'"status"'), 0))
        try:
            if begin <= 0:
                raise ValueError
            record, left_out = json.loads(line[begin:]), "what a torn record left before it"
        except (ValueError, RecursionError):
            raise ValueError("not JSON") from None
    if not isinstance(record, dict):
        raise ValueError("not an object")
    if not isinstance(record.get("status"), dict):
        if "status" in record or not _SCALARS.isdisjoint(record):
            raise ValueError("without a `status` of numbers by key")
        record = {"status": record}
    return record, left_out


def head_of(record: Mapping[str, Any]) -> Head:
    """What the index keeps of a parsed record."""
    kind = record.get("kind")
    step = _number(record.get("step"))
    whole = None if step is None or abs(step) > _LARGEST else int(step)
    return Head(whole, KINDS.index(kind) if kind in KINDS else 0)


def clean_record(record: Mapping[str, Any], where: str, problems: Problems) -> dict[str, Any]:
    """Epoch, time and status of a parsed record.

    The status has a list of finite numbers a key; a key with anything else is left out.
    """
    epoch, time = _number(record.get("epoch")), _number(record.get("time"))
    status = {}
    given = record["status"]
    if len(given) > MAX_KEYS:
        problems.note(where, f"{len(given):,} keys: the first {MAX_KEYS:,} are shown", kind="keys")
    for key, value in list(given.items())[:MAX_KEYS]:
        numbers = (_plain(value) if type(value) is list else None) or _numbers(value)
        if isinstance(numbers, str):
            what = f"{shown(key)} has {numbers}; left out"
            problems.note(where, what, kind=f"status {numbers}")
        elif key != "__proto__":
            status[clean_text(key)] = numbers
    return {"epoch": None if epoch is None else int(epoch), "time": time, "status": status}


def _plain(value: list[Any]) -> list[float] | None:
    """The list itself if it is what it should be, found out quickly."""
    if len(value) <= MAX_NUMBERS and set(map(type, value)) <= {float}:
        return value if math.isfinite(sum(value)) else None
    return None


def _numbers(value: Any) -> list[float] | str:
    """The numbers of a key, or what is wrong with them."""
    flat = list(_flat(value if isinstance(value, list) else [value]))
    if len(flat) > MAX_NUMBERS:
        return f"more than {MAX_NUMBERS:,} numbers"
    numbers = []
    for item in flat:
        if isinstance(item, float) and not math.isfinite(item):
            return "NaN or infinity"
        number = _number(item)
        if number is None:
            return "what is no number"
        numbers.append(number)
    return numbers


def _flat(value: list[Any]) -> Iterable[Any]:
    """The items of a list, and of lists in it; no deeper, and not many more than may be."""
    count = 0
    for item in value:
        for inner in item if isinstance(item, list) else [item]:
            yield inner
            count += 1
            if count > MAX_NUMBERS:
                return


def _number(value: Any) -> float | None:
    """A finite number, also one that is written as text or as a truth value."""
    if isinstance(value, str) and len(value) > 40:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None

"""Single values out of JSON that anybody may have written."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from .problems import Problems, shown

_COUNTABLE = 2**53  # what JavaScript counts exactly


def list_of(content: Mapping[str, Any], field: str, problems: Problems) -> list[Any]:
    """The list under a field; a missing one is empty."""
    given = content.get(field)
    if isinstance(given, list):
        return given
    if given is not None:
        problems.note(field, f"a list was expected, but this is {shown(given)}; left out")
    return []


def count_of(value: Any) -> int | None:
    """A number of things (parameters, operations) from 0 on; None for anything else."""
    if type(value) is int:
        return value if 0 <= value <= _COUNTABLE else None
    if type(value) is float and math.isfinite(value) and 0 <= value <= _COUNTABLE:
        return round(value)
    return None


def is_index(value: Any, length: int) -> bool:
    return type(value) is int and 0 <= value < length

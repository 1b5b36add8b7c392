"""Times as people write them: ``90``, ``"30s"``, ``"10m"``, ``"2h"``, ``"1.5d"``."""

from __future__ import annotations

import math
import re

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd]?)")


def parse_duration(value: object) -> float:
    """Seconds, from a number of them or a text with a unit.

    Raises:
        ValueError: with the rule and the value.
    """
    rule = f"must be a positive number of seconds, or like '30s', '10m', '2h', '1d', got {value!r}"
    if isinstance(value, str):
        match = _DURATION.fullmatch(value.strip().lower())
        seconds = float(match[1]) * _SECONDS[match[2] or "s"] if match else math.nan
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        seconds = float(value)
    else:
        raise ValueError(rule)
    if not 0 < seconds < math.inf:
        raise ValueError(rule)
    return seconds


def format_duration(seconds: float) -> str:
    """A short text of two units at most: ``"0.4s"``, ``"12s"``, ``"10m"``, ``"2h 5m"``."""
    if seconds < 10 and round(seconds, 1) != round(seconds):
        return f"{seconds:.1f}s"
    rest = round(seconds)
    parts = []
    for unit in ("d", "h", "m", "s"):
        count, rest = divmod(rest, _SECONDS[unit])
        parts.append((count, unit))
    first = next((place for place, (count, _) in enumerate(parts) if count), len(parts) - 1)
    shown = [f"{count}{unit}" for count, unit in parts[first : first + 2] if count]
    return " ".join(shown) or "0s"

"""The kind of tuners' arguments, which may come from a configuration file."""

from __future__ import annotations

import sys


def require_whole(**arguments: object) -> None:
    """Refuse what is no integer.

    Raises:
        ValueError: naming the argument.
    """
    for name, value in arguments.items():
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError(f"`{name}` must be a whole number, but got {value!r}.")


def require_positive(**arguments: int) -> None:
    """Refuse what is no integer of at least 1.

    Raises:
        ValueError: naming the argument.
    """
    require_whole(**arguments)
    for name, value in arguments.items():
        if value < 1:
            raise ValueError(f"`{name}` must be at least 1, but got {value!r}.")


def require_numbers(**arguments: object) -> None:
    """Refuse what is neither an integer nor a float, and what is infinite or NaN.

    Raises:
        ValueError: naming the argument.
    """
    for name, value in arguments.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ValueError(f"`{name}` must be a number, but got {value!r}.")
        if not abs(value) <= sys.float_info.max:  # some integers exceed every float
            raise ValueError(f"`{name}` must be finite, but got {value!r}.")

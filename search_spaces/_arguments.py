"""Checks of what the functions that build a space are called with."""

from __future__ import annotations

from nas_tuners.contract.errors import Problem, SearchSpaceError


def require_sizes(space: str, **sizes: object) -> None:
    """Whole numbers above zero.

    Raises:
        SearchSpaceError: naming every argument that is none.
    """
    problems = [
        Problem(name, f"must be a whole number > 0, but got {size!r}")
        for name, size in sizes.items()
        if not is_size(size)
    ]
    if problems:
        raise SearchSpaceError(problems, space)


def is_size(value: object) -> bool:
    """Whether it is a whole number above zero."""
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def require_probability(name: str, value: float) -> None:
    """A probability below one.

    Raises:
        SearchSpaceError: if it is none.
    """
    if not 0 <= value < 1:
        raise SearchSpaceError(f"`0 <= {name} < 1` must hold, but got {value!r}")

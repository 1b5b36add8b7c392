"""What the constructors of choices share; each check gives the problems that it finds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from torch import nn

from nas_tuners.contract.errors import did_you_mean

from ._reduction import REDUCTIONS


def check_reduction(reduction: object) -> Iterator[str]:
    if reduction not in REDUCTIONS:
        rule = f"`reduction` must be one of {', '.join(REDUCTIONS)}"
        yield f"{rule}, but got {reduction!r}{did_you_mean(reduction, REDUCTIONS)}"


def check_key(key: object) -> Iterator[str]:
    if key is not None and not (isinstance(key, str) and key):
        yield f"`key` must be a non-empty string or None, but got {key!r}"


def check_sizes(
    sizes: Mapping[str, object], *, low: Mapping[str, int] | None = None
) -> Iterator[str]:
    """Whole numbers of at least 1, or of what is given as the lowest."""
    for name, size in sizes.items():
        lowest = (low or {}).get(name, 1)
        if not isinstance(size, int) or isinstance(size, bool) or size < lowest:
            yield f"`{name}` must be a whole number >= {lowest}, but got {size!r}"


def set_plain(module: nn.Module, **values: Any) -> None:
    """Set attributes that are neither parameters nor modules.

    A search constructs choices by the thousand, and ``nn.Module`` looks into each value that is
    assigned.
    """
    vars(module).update(values)

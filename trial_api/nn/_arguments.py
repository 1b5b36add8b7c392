"""The checks that the constructors of choices share: each gives the problems that it finds."""

from __future__ import annotations

from collections.abc import Iterator

from nas_tuners.contract.errors import did_you_mean

from ._reduction import REDUCTIONS


def check_reduction(reduction: object) -> Iterator[str]:
    if reduction not in REDUCTIONS:
        rule = f"`reduction` must be one of {', '.join(REDUCTIONS)}"
        yield f"{rule}, but got {reduction!r}{did_you_mean(reduction, REDUCTIONS)}"


def check_key(key: object) -> Iterator[str]:
    if key is not None and not (isinstance(key, str) and key):
        yield f"`key` must be a non-empty string or None, but got {key!r}"

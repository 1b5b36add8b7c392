"""Which trials' curves of intermediate values are worth drawing."""

from __future__ import annotations

from collections.abc import Sequence

from .rows import Row, complete_with

CURVES = 200  # more lines than anybody can tell apart


def chosen_for_curves(
    rows: Sequence[Row], metric: str, *, maximize: bool, limit: int = CURVES
) -> list[int]:
    """The numbers of the best trials and of the latest ones, half of each, sorted.

    Args:
        rows: The trials that have reported intermediate values.
        metric: What "best" goes by.
        maximize: Whether a high one is good.
        limit: How many at most.
    """
    if len(rows) <= limit:
        return sorted(row.number for row in rows)
    ended = complete_with(rows, metric)
    sign = -1.0 if maximize else 1.0
    ended.sort(key=lambda row: (sign * (row.metrics[metric] or 0.0), row.number))
    chosen = {row.number for row in ended[: limit // 2]}
    for row in sorted(rows, key=lambda row: -row.number):
        if len(chosen) == limit:
            break
        chosen.add(row.number)
    return sorted(chosen)

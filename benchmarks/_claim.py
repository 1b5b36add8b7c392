"""What a benchmark returns, and how times are taken."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Claim:
    """One measured figure against a limit, a peer, or the same figure elsewhere.

    Attributes:
        name: What was measured.
        ours: Our figure.
        reference: What it is held against.
        of: Whose figure the reference is ("limit", a library, "hand-written").
        unit: Of both.
        limit: The largest ratio ``ours / reference`` that was promised; None if none was.
    """

    name: str
    ours: float
    reference: float
    of: str
    unit: str
    limit: float | None = 1.0

    @property
    def ratio(self) -> float:
        return self.ours / self.reference

    @property
    def holds(self) -> bool:
        return self.limit is None or self.ratio <= self.limit


def median_seconds(run: Callable[[], object], repeats: int) -> float:
    """The median wall time of a call, garbage collection off."""
    times = []
    gc.collect()
    gc.disable()
    try:
        for _ in range(repeats):
            start = time.perf_counter()
            run()
            times.append(time.perf_counter() - start)
    finally:
        gc.enable()
    return statistics.median(times)


def paired_medians(
    ours: Callable[[], object], theirs: Callable[[], object], repeats: int
) -> tuple[float, float]:
    """Median seconds of two calls in turn, so that a drifting machine treats both alike.

    The order within a pair alternates. Ours is returned as their median times the median of the
    pairs' ratios, which is steadier than the ratio of two medians.
    """
    pairs = []
    for index in range(repeats):
        order = (ours, theirs) if index % 2 == 0 else (theirs, ours)
        seconds = {run: median_seconds(run, 1) for run in order}
        pairs.append((seconds[ours], seconds[theirs]))
    reference = statistics.median(b for _, b in pairs)
    return reference * statistics.median(a / b for a, b in pairs), reference

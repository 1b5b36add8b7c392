"""The figures that are reported of several searches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_RESAMPLES = 4_000


@dataclass(frozen=True)
class Summary:
    """Figures of a sample.

    Attributes:
        count: How many values there are.
        mean: Their mean.
        low: Lower end of the 95 % confidence interval of the mean (percentile bootstrap).
        high: Its upper end.
        median: Their median.
        sd: Their standard deviation; 0 of one value.
    """

    count: int
    mean: float
    low: float
    high: float
    median: float
    sd: float


def summarize(values: Sequence[float]) -> Summary:
    """The figures of at least one value; the same for the same values."""
    sample = np.asarray(values, dtype=np.float64)
    rng = np.random.default_rng(0)
    means = rng.choice(sample, size=(_RESAMPLES, len(sample))).mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return Summary(
        count=len(sample),
        mean=float(sample.mean()),
        low=float(low),
        high=float(high),
        median=float(np.median(sample)),
        sd=float(sample.std(ddof=1)) if len(sample) > 1 else 0.0,
    )

from __future__ import annotations

import numpy as np
import pytest

from nas_tuners.bench.statistics import summarize


def test_figures_of_a_sample() -> None:
    summary = summarize([1.0, 2.0, 3.0, 10.0])
    assert (summary.count, summary.mean, summary.median) == (4, 4.0, 2.5)
    assert summary.sd == pytest.approx(np.std([1, 2, 3, 10], ddof=1))
    assert 1.0 <= summary.low < 4.0 < summary.high <= 10.0
    assert summary == summarize([1.0, 2.0, 3.0, 10.0])


def test_one_value_has_no_spread() -> None:
    summary = summarize([2.0])
    assert (summary.low, summary.mean, summary.high, summary.sd) == (2.0, 2.0, 2.0, 0.0)


def test_the_interval_holds_the_mean_in_most_samples() -> None:
    rng = np.random.default_rng(0)
    summaries = [summarize(rng.normal(size=60)) for _ in range(200)]
    held = sum(summary.low <= 0.0 <= summary.high for summary in summaries)
    assert 180 <= held <= 199

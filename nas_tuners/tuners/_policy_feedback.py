"""What a policy makes of results: rewards without a unit, and what to do about repetition."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from statistics import NormalDist
from typing import Any

Merit = tuple[float, float]

MAX_WEIGHT = 2.0
"""Upper bound of an importance weight."""

_HEAT = 1.25
_TAIL = 1e-3  # quantiles are clipped here: rewards stay within +-3.1
_NORMAL = NormalDist()


class RankReward:
    """Rewards from the rank of a result among all results so far.

    The reward is the normal score of the rank (the standard normal quantile of the share of
    results below, half of those equal): no unit, no outlier, and the best few stay apart. Results
    that are all equal are worth 0.
    """

    def __init__(self) -> None:
        self._merits: list[Merit] = []

    def add(self, merit: Merit) -> None:
        """Take in a result, in O(log n) comparisons."""
        insort(self._merits, merit)

    def reward(self, merit: Merit) -> float:
        """What a result is worth, between -3.1 and 3.1."""
        below = bisect_left(self._merits, merit)
        not_above = bisect_right(self._merits, merit)
        share = (below + not_above) / (2 * len(self._merits))
        return _NORMAL.inv_cdf(min(max(share, _TAIL), 1.0 - _TAIL))


def next_temperature(note: dict[str, Any] | None) -> float:
    """By what to divide the scores of a proposal: 1, and more each time it was known already.

    A policy that has made up its mind repeats itself; a little warmer it proposes neighbours.

    Args:
        note: What was noted at the attempt before; None at the first.
    """
    return 1.0 if note is None else round(float(note["temperature"]) * _HEAT, 4)


def make_note(log_prob: float, temperature: float, updates: int) -> dict[str, Any]:
    """What travels with a proposal: how probable it was, and under which policy."""
    return {"log_prob": round(log_prob, 4), "temperature": temperature, "updates": updates}


def noted_log_prob(note: dict[str, Any] | None) -> float | None:
    """The behaviour log-probability of a result; None of what no policy proposed."""
    log_prob = None if note is None else note.get("log_prob")
    return float(log_prob) if isinstance(log_prob, (int, float)) else None

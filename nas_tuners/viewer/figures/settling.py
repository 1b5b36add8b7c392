"""When choices came to rest, and how undecided they are.

``page/time/series.js`` and ``page/time/settling.js`` are the same for the page.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Union

WINDOW = 50  # samples whose mean is taken
_LATE = 0.9  # of the records: what changes after them has not settled
ENOUGH = 5  # records: fewer do not tell whether a key settled

NChosen = Union[int, Sequence[int], None]
Row = Sequence[float]
Decision = Union[tuple[int, ...], None]
"""Candidates in ascending order; None where equal weights leave it open."""


@dataclass(frozen=True)
class KeySeries:
    """What the records of an overview tell of one key.

    Attributes:
        rows: A number a candidate, or None where a record says nothing. Of samples the means of
            the last ones.
        entropy: From 0 (decided) to 1 (all alike); None where there is none, and of final records.
        changed: Places of the records at which the decision differs from the one before.
        since: The place from which on the decision stood; None if there is none.
        state: ``"settled"``, ``"moving"``, ``"few"`` (too few records to tell which of these),
            ``"equal"`` (never told apart), ``"fixed"`` (all are chosen) or ``"empty"``.
        known: How many records say something of the key.
    """

    rows: Sequence[Row | None]
    entropy: Sequence[float | None]
    changed: Sequence[int]
    since: int | None
    state: str
    known: int

    @property
    def tells(self) -> bool:
        """Whether candidates were ever told apart, of which some are left out in the end."""
        return self.state in ("settled", "moving", "few")


def key_series(log: Mapping[str, Any], key: str, n_chosen: NChosen | str = "unknown") -> KeySeries:
    """The series of a key of an overview.

    Args:
        log: What :meth:`LogFile.overview` gives.
        key: One of its keys.
        n_chosen: How many candidates are chosen, as in the search space; guessed if not given.
    """
    kinds: Sequence[str] = log["kind"]
    given: Sequence[Row | None] = log["values"][key]
    count = _guessed(given) if isinstance(n_chosen, str) else n_chosen
    rows = _means_of_samples(given, kinds)
    places = counted_places(kinds)
    counted = set(places)
    entropies = [
        _entropy(row, count) if row is not None and place in counted else None
        for place, row in enumerate(rows)
    ]
    decisions = {p: _decided(row, count) for p in places if (row := rows[p]) is not None}
    changed, state = _rest_of(decisions, places, log["index"])
    width = max((len(row) for row in rows if row is not None), default=0)
    if isinstance(count, int) and count >= width and state != "empty":
        state = "fixed"
    since = (changed[-1] if changed else next(iter(decisions))) if state == "settled" else None
    return KeySeries(rows, entropies, changed, since, state, len(decisions))


def counted_places(kinds: Sequence[str]) -> list[int]:
    """Records of the search at work; what it decided for in the end is no part of that."""
    others = [place for place, kind in enumerate(kinds) if kind != "final"]
    return others or list(range(len(kinds)))


def mean_entropy(series: Sequence[KeySeries]) -> list[float | None]:
    """The mean over keys that are ever told apart, one a record."""
    told = [one.entropy for one in series if one.tells]
    means: list[float | None] = []
    for entropies in zip(*told, strict=True):
        known = [value for value in entropies if value is not None]
        means.append(sum(known) / len(known) if known else None)
    return means


def _rest_of(
    decisions: Mapping[int, Decision], places: Sequence[int], index: Sequence[int]
) -> tuple[list[int], str]:
    """Where the decision changed, and the state."""
    known = list(decisions)
    if not known:
        return [], "empty"
    if all(decision is None for decision in decisions.values()):
        return [], "equal"
    changed = [
        at for before, at in itertools.pairwise(known) if decisions[at] != decisions[before]
    ]
    first, last = index[places[0]], index[places[-1]]
    late = bool(changed) and index[changed[-1]] - first > _LATE * (last - first)
    if len(known) < ENOUGH:
        return changed, "few"
    moving = late or decisions[known[-1]] is None
    return changed, "moving" if moving else "settled"


def _decided(row: Row, n_chosen: NChosen) -> Decision:
    """The strongest candidates; if any number may be chosen, those above one half."""
    order = sorted(range(len(row)), key=lambda slot: -row[slot])
    if not isinstance(n_chosen, int):
        low, high = n_chosen or (0, len(row))
        above = sum(value > 0.5 for value in row)
        return tuple(sorted(order[: min(high, max(low, above))]))
    if n_chosen >= len(order):
        return tuple(sorted(order))
    if n_chosen and row[order[n_chosen - 1]] == row[order[n_chosen]]:
        return None
    return tuple(sorted(order[:n_chosen]))


def _guessed(rows: Sequence[Row | None]) -> NChosen:
    """How many candidates are chosen, by the rows alone: all 0 or 1 tell, else it is one."""
    sums = set()
    for row in rows:
        if row is not None:
            if any(value not in (0, 1) for value in row):
                return 1
            sums.add(round(sum(row)))
    return None if len(sums) > 1 else max([1, *sums])


def _means_of_samples(rows: Sequence[Row | None], kinds: Sequence[str]) -> list[Row | None]:
    """Of each sample the mean of the last ones up to it; other records as they are."""
    result: list[Row | None] = []
    recent: list[Row] = []
    for row, kind in zip(rows, kinds, strict=True):
        if row is None or kind != "sample":
            result.append(row)
            continue
        recent = [*(one for one in recent if len(one) == len(row)), row][-WINDOW:]
        result.append([sum(column) / len(recent) for column in zip(*recent, strict=True)])
    return result


def _entropy(row: Row, n_chosen: NChosen) -> float | None:
    """0 where as many as are chosen have all the weight, 1 where all have the same."""
    if not isinstance(n_chosen, int):
        return _free_entropy(row)
    return _single_entropy(row) if n_chosen == 1 else _chosen_entropy(row, n_chosen)


def _single_entropy(row: Row) -> float | None:
    """Of the weights as shares, divided by that of equal ones; None without any weight."""
    positive = [value for value in row if value > 0]
    total = sum(positive)
    if not total:
        return None
    if len(row) < 2:
        return 0.0
    mean = sum(value * math.log(value) for value in positive) / total
    return max(0.0, (math.log(total) - mean) / math.log(len(row)))


def _free_entropy(row: Row) -> float | None:
    """Mean over candidates that are in or out each by itself."""
    parts = [_of_two(min(1.0, max(0.0, value))) for value in row]
    return sum(parts) / len(parts) if parts else None


def _chosen_entropy(row: Row, n_chosen: int) -> float | None:
    """Mean over candidates in or out by their chances, divided by that of equal ones."""
    weights = [value if 0 < value < math.inf else 0.0 for value in row]
    if not any(weights):
        return None
    if not 0 < n_chosen < len(row):
        return 0.0  # nothing to choose
    chances = _chances(weights, n_chosen)
    return min(1.0, sum(map(_of_two, chances)) / len(row) / _of_two(n_chosen / len(row)))


def _chances(weights: Sequence[float], n_chosen: int) -> list[float]:
    """The chance of each candidate to be among the chosen ones, the likeliest first.

    In proportion to the weights, but for those that would have more than 1. They add up to the
    number that is chosen, which is smaller than that of the weights.
    """
    most = max(weights)
    ordered = sorted((weight / most for weight in weights), reverse=True)  # sums stay finite
    rest = list(itertools.accumulate(reversed(ordered)))[::-1]  # of each and those after it
    sure = 0
    while sure < n_chosen and 0 < rest[sure] <= (n_chosen - sure) * ordered[sure]:
        sure += 1
    left = ordered[sure:]
    shares = [weight / rest[sure] if rest[sure] else 1 / len(left) for weight in left]
    return [1.0] * sure + [(n_chosen - sure) * share for share in shares]


def _of_two(p: float) -> float:
    """Entropy of what has a probability, in bits."""
    return sum(-x * math.log2(x) for x in (p, 1 - p) if x > 0)

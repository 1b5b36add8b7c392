"""The steps of a policy: one a decision, each over columns that a policy scores.

Scores of zero everywhere are the prior of the space: uniform over alternatives, over subsets, and
over bins of equal prior mass.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from random import Random
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from nas_tuners.contract.domains import Categorical, Continuous, Domain, Entry, Grid, Subset

Array = npt.NDArray[Any]

_BINS = 16  # of ordered numbers; the value inside one is drawn from its prior
_DRAWS = 8  # of a value inside a bin, before the bin's first value is taken


class Step(Protocol):
    """One decision of a policy.

    Attributes:
        width: The number of columns.
        exclusive: Whether exactly one column is taken (softmax over the columns), or each column
            is taken or left in its turn (one sigmoid a column).
    """

    width: int
    exclusive: bool

    def columns(self, entry: Entry) -> tuple[int, ...]:
        """The columns that an entry takes, ascending."""

    def draw(self, scores: Sequence[float], rng: Random) -> tuple[Entry, float]:
        """An entry, and the logarithm of the probability that its columns are drawn."""

    def judge(self, scores: Sequence[float], entry: Entry) -> tuple[float, list[float]]:
        """The logarithm of an entry's probability, and its derivative by each score."""


def make_step(domain: Domain) -> Step:
    """The step that decides a domain."""
    if isinstance(domain, Subset):
        return OneOf(domain.n) if domain.low == domain.high == 1 else SomeOf(domain)
    return OneOf(domain.size) if isinstance(domain, Categorical) else OneBin(domain)


class OneOf:
    """One of several alternatives; the column is the entry."""

    exclusive = True

    def __init__(self, width: int) -> None:
        self.width = width

    def columns(self, entry: Entry) -> tuple[int, ...]:
        return (int(entry),)

    def draw(self, scores: Sequence[float], rng: Random) -> tuple[Entry, float]:
        return _draw_column(scores, rng)

    def judge(self, scores: Sequence[float], entry: Entry) -> tuple[float, list[float]]:
        return _judge_column(scores, int(entry))


class OneBin:
    """An ordered number: a bin is chosen, the value inside it follows the prior.

    Bins have equal prior mass; a grid of few values has one bin a value.
    """

    exclusive = True

    def __init__(self, domain: Grid | Continuous) -> None:
        self._domain = domain
        if domain.size <= _BINS:
            self._firsts: list[Entry] = list(range(int(domain.size)))
        else:
            self._firsts = sorted({domain.from_unit(b / _BINS) for b in range(_BINS)})
        self.width = len(self._firsts)

    def columns(self, entry: Entry) -> tuple[int, ...]:
        return (max(bisect_right(self._firsts, entry) - 1, 0),)

    def draw(self, scores: Sequence[float], rng: Random) -> tuple[Entry, float]:
        column, log_prob = _draw_column(scores, rng)
        return self._inside(column, rng), log_prob

    def judge(self, scores: Sequence[float], entry: Entry) -> tuple[float, list[float]]:
        return _judge_column(scores, *self.columns(entry))

    def _inside(self, column: int, rng: Random) -> Entry:
        first = self._firsts[column]
        if self.width == self._domain.size:
            return first
        last = column + 1 == self.width
        low = self._domain.to_unit(first) if column else 0.0
        high = 1.0 if last else self._domain.to_unit(self._firsts[column + 1])
        for _ in range(_DRAWS):
            entry = self._domain.from_unit(low + rng.random() * (high - low))
            if self.columns(entry) == (column,):
                return entry
        return first


class SomeOf:
    """Between ``low`` and ``high`` of n candidates, each included or not, in ascending order.

    Selection sampling (Fan, Muller, Rezucha 1962; Knuth, TAOCP 2, 3.4.2, algorithm S): a candidate
    is included with the share of the subsets still possible that hold it. A policy's score is
    added to the logarithm of those odds, so what is forced stays forced, every subset has one
    way to be proposed, and the probabilities of all subsets sum to one.
    """

    exclusive = False

    def __init__(self, domain: Subset) -> None:
        self._domain = domain
        self.width = domain.n

    def columns(self, entry: Entry) -> tuple[int, ...]:
        return self._domain.chosen(entry)

    def draw(self, scores: Sequence[float], rng: Random) -> tuple[Entry, float]:
        log_odds = inclusion_log_odds(self._domain.n, self._domain.low, self._domain.high)
        chosen: list[int] = []
        log_prob = 0.0
        for column, score in enumerate(scores):
            odds = score + float(log_odds[column, len(chosen)])
            included = rng.random() < sigmoid(odds)
            log_prob += log_sigmoid(odds if included else -odds)
            if included:
                chosen.append(column)
        return self._domain.index(chosen), log_prob

    def judge(self, scores: Sequence[float], entry: Entry) -> tuple[float, list[float]]:
        chosen, log_odds = self.columns(entry), self.log_odds(entry).tolist()
        log_prob, gradient = 0.0, []
        for column, (score, odds) in enumerate(zip(scores, log_odds, strict=True)):
            included = column in chosen
            probability = sigmoid(score + odds)
            log_prob += log_sigmoid(score + odds if included else -score - odds)
            gradient.append(included - probability)
        return log_prob, gradient

    def log_odds(self, entry: Entry) -> Array:
        """The log odds of including each candidate, given what is chosen before it."""
        table = inclusion_log_odds(self._domain.n, self._domain.low, self._domain.high)
        before = np.zeros(self.width, dtype=int)
        before[[column + 1 for column in self.columns(entry) if column + 1 < self.width]] = 1
        odds: Array = table[np.arange(self.width), before.cumsum()]
        return odds


@lru_cache(maxsize=256)
def inclusion_log_odds(n: int, low: int, high: int) -> Array:
    """The log odds [i, c] of including candidate i of n when c of those before it are chosen.

    With N(r, c) subsets of the last r candidates that complete c chosen ones to a number within
    ``[low, high]``, N(r, c) = N(r-1, c) + N(r-1, c+1), they are N(n-i-1, c+1) / N(n-i-1, c). Plus
    or minus infinity: forced. (0 where c cannot occur.)
    """
    counts = np.full(high + 2, -np.inf)  # log N(0, c), with N(., high + 1) = 0
    counts[low : high + 1] = 0.0
    odds = np.zeros((n, high + 1))
    for i in reversed(range(n)):
        without, included = counts[:-1], counts[1:]
        possible = ~np.isneginf(without) | ~np.isneginf(included)
        with np.errstate(invalid="ignore"):
            odds[i] = np.where(possible, included - without, 0.0)
        counts = np.append(np.logaddexp(without, included), -np.inf)
    odds.flags.writeable = False
    return odds


def _draw_column(scores: Sequence[float], rng: Random) -> tuple[int, float]:
    """A column with probability softmax(scores), and the logarithm of that."""
    highest = max(scores)
    weights = [math.exp(score - highest) for score in scores]
    total = sum(weights)
    left = rng.random() * total
    for column, weight in enumerate(weights):
        left -= weight
        if left < 0.0:
            return column, math.log(weight / total)
    column = weights.index(max(weights))  # rounding ate the rest
    return column, math.log(weights[column] / total)


def _judge_column(scores: Sequence[float], column: int) -> tuple[float, list[float]]:
    """log softmax(scores)[column] and its derivative: 1 at the column, minus softmax(scores)."""
    highest = max(scores)
    weights = [math.exp(score - highest) for score in scores]
    total = sum(weights)
    gradient = [-weight / total for weight in weights]
    gradient[column] += 1.0
    return scores[column] - highest - math.log(total), gradient


def sigmoid(x: float) -> float:
    """1 / (1 + exp(-x)), infinities included."""
    return 0.5 + 0.5 * math.tanh(0.5 * x)


def log_sigmoid(x: float) -> float:
    """log(1 / (1 + exp(-x))), exact far from 0 too."""
    return -math.log1p(math.exp(-x)) if x > 0 else x - math.log1p(math.exp(x))

"""Scores as a model sees them: ranks, partial results completed, a sample of many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri
from scipy.stats import rankdata

from nas_tuners.contract.search_space import IndexVector

from ._exchange import Result
from ._features import Array

_PAIRS = 5  # finished trials that must have reached a step before its reports are understood
_COMPARED = 500  # finished trials, at most, from which the worth of a step is learned
_HUGE = 1e300  # what sums do not carry beyond all numbers
_LARGEST = 1e9  # a value, relative to the usual size


class Scores(NamedTuple):
    """One number a result, and the variance of what was not observed but estimated."""

    values: Array
    extra_noise: Array


def gaussian_ranks(values: Array) -> Array:
    """The normal quantiles of the ranks: no outlier and no unit matters; ties share a rank.

    Normal scores (Blom, Statistical Estimates and Transformed Beta-Variables, 1958) at Hazen's
    positions (rank - 1/2) / n.
    """
    scores: Array = ndtri((rankdata(values) - 0.5) / len(values))
    return scores


def signed_scale(values: Array) -> Array:
    """Values without a unit that keep their sign, as bounds need: asinh of the relative size."""
    finite = np.clip(np.nan_to_num(values), -_HUGE, _HUGE)
    size = float(np.median(np.abs(finite)))
    if size == 0:
        return np.sign(finite)
    limit = _LARGEST * size
    scaled: Array = np.arcsinh(np.clip(finite, -limit, limit) / size)
    return scaled


def final_scores(results: Sequence[Result], objective: int = 0) -> Scores:
    """The final score of each result; of pruned ones an estimate.

    A pruned trial has the rank among those that went on, at the step where it was stopped. With r
    the rank correlation of that step with the end, the final normal score is expected at r times
    the score at that step, with variance 1 - r^2 (the regression line of a bivariate normal). As
    long as fewer than five others show what the step is worth, the last report stands for the
    final one, as a noisy result. Of more than 500 others some are compared, evenly spread over the
    history, so that the cost does not grow with steps times trials.
    """
    values = np.array([result.scores[objective] for result in results])
    if objective > 0:
        return Scores(values, np.zeros(len(results)))
    extra = np.array([float(result.pruned) for result in results])
    finished = [result for result in results if not result.pruned]
    compared = finished[:: -(-len(finished) // _COMPARED) or 1]
    for step, indices in _stopped_at(results).items():
        pairs = [(r.partial[step], r.scores[0]) for r in compared if step in r.partial]
        if len(pairs) >= _PAIRS:
            last = np.array([results[index].partial[step] for index in indices])
            values[indices], extra[indices] = _estimates(last, *np.array(pairs).T)
    return Scores(values, extra)


def excess_of(results: Sequence[Result], name: str) -> Scores:
    """By how much each result is beyond a bound; all of them must have it."""
    return Scores(np.array([r.excess[name] for r in results]), np.zeros(len(results)))


def failures(results: Sequence[Result]) -> Scores:
    """A bound that failed trials break."""
    values = np.array([1.0 if result.score is None else -1.0 for result in results])
    return Scores(values, np.zeros(len(results)))


def from_elsewhere(scores: Sequence[tuple[IndexVector, float]]) -> list[Result]:
    """Scores of a warm start as results."""
    return [Result(None, vector, s, s, None, scores=(s,)) for vector, s in scores]


def representatives(scores: Array, limit: int) -> NDArray[np.int64]:
    """The indices of ``limit`` results that stand for all: the best half, and the rest evenly."""
    order = np.argsort(-scores, kind="stable")
    if len(scores) <= limit:
        return np.arange(len(scores))
    best, rest = order[: limit // 2], order[limit // 2 :]
    spread = np.linspace(0, len(rest) - 1, limit - len(best)).astype(int)
    return np.sort(np.concatenate([best, rest[spread]]))


def _stopped_at(results: Sequence[Result]) -> dict[int, list[int]]:
    """The last step of pruned results -> their indices."""
    stopped: dict[int, list[int]] = {}
    for index, result in enumerate(results):
        if result.pruned and result.partial:
            stopped.setdefault(list(result.partial)[-1], []).append(index)
    return stopped


def _estimates(last: Array, early: Array, final: Array) -> tuple[Array, float]:
    """Final scores, and their variance, of trials that were stopped at a step.

    Args:
        last: Their scores at the step.
        early: The scores at the step of those that went on.
        final: The final scores of those.
    """
    ordered = np.sort(early)
    lower, upper = (np.searchsorted(ordered, last, side) for side in ("left", "right"))
    edge = 0.5 / len(early)
    below = np.clip((lower + upper) / (2 * len(early)), edge, 1 - edge)
    correlation = _rank_correlation(early, final)
    return np.quantile(final, ndtr(correlation * ndtri(below))), 1.0 - correlation**2


def _rank_correlation(first: Array, second: Array) -> float:
    """Spearman's; 0 where one of them does not vary, or where they disagree."""
    a, b = rankdata(first), rankdata(second)
    spread = a.std() * b.std()
    if spread == 0:
        return 0.0
    return max(0.0, float(np.mean((a - a.mean()) * (b - b.mean())) / spread))

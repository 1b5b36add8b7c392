"""The median stopping rule."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from statistics import fmean, median

from optuna.pruners import BasePruner
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState


class MedianStoppingPruner(BasePruner):
    """Stops a trial whose best result is worse than what others had on average by then.

    Golovin, Solnik, Moitra, Kochanski, Karro, Sculley: Google Vizier: A Service for Black-Box
    Optimization, KDD 2017, section 3.2.2: a trial is stopped at step s if its best value up to s
    is strictly worse than the median of the running averages, up to s, of all completed trials.
    Results that are not numbers (NaN) do not count.

    NNI's Medianstop is the same but for two details: of an even number of averages it takes the
    worse of the two in the middle where this takes their mean, and it leaves out trials that
    completed with fewer results than the one that is judged. Optuna's ``MedianPruner`` is another
    rule: it compares with the median of what the others had at that very step.

    A call costs one pass over the results of all completed trials.

    Args:
        start_step: No trial is stopped before it has reported so many results.

    Raises:
        ValueError: if ``start_step`` is negative.

    Example:
        >>> import optuna
        >>> study = optuna.create_study(pruner=MedianStoppingPruner(start_step=3))
    """

    def __init__(self, *, start_step: int = 0) -> None:
        if start_step < 0:
            raise ValueError(f"`start_step` must not be negative, but got {start_step}.")
        self._start_step = start_step

    def __repr__(self) -> str:
        return f"MedianStoppingPruner(start_step={self._start_step})"

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Whether the trial, by all that it has reported so far, is to be stopped."""
        sign = 1.0 if study.direction == StudyDirection.MAXIMIZE else -1.0
        step = trial.last_step
        if step is None or len(trial.intermediate_values) < self._start_step:
            return False
        completed = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        others = [
            _scores_up_to(step, other.intermediate_values, sign)
            for other in completed
            if other.number != trial.number
        ]
        return is_below_median(_scores_up_to(step, trial.intermediate_values, sign), others)


def is_below_median(scores: Iterable[float], others: Iterable[Iterable[float]]) -> bool:
    """Whether the best score is strictly lower than the median of the others' averages.

    Others without a score do not count; without any, or without scores, the answer is no.
    """
    scores = list(scores)
    averages = [fmean(other) for other in map(list, others) if other]
    return bool(scores and averages) and max(scores) < median(averages)


def _scores_up_to(step: int, values: Mapping[int, float], sign: float) -> list[float]:
    return [sign * v for at, v in values.items() if at <= step and not math.isnan(v)]

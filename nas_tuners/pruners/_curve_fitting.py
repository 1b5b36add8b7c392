"""Early stopping by where the learning curve leads."""

from __future__ import annotations

import math
from collections.abc import Mapping

from optuna.pruners import BasePruner
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from nas_tuners.contract.study_attributes import excess_of

_FEWEST = 4  # results; two coefficients and the noise must be found in them


class CurveFittingPruner(BasePruner):
    """Stops a trial that will hardly come near the best one.

    Domhan, Springenberg, Hutter: Speeding Up Automatic Hyperparameter Optimization of Deep Neural
    Networks by Extrapolation of Learning Curves, IJCAI 2015: curves of several parametric families
    are fitted to what a trial has reported so far; it is stopped if the probability that its last
    value is as good as the best one is below ``delta``.

    Simpler than the paper:

    - The families are five: powers (pow3, pow4), stretched exponentials (exp4, Janoschek,
      Weibull), the sigmoids MMF (with Hill3 and log power), log log linear, and ilog2. Vapor
      pressure is left out.
    - The curves are averaged by how well they fit, each as a whole, where the paper adds them up
      with weights. Asymptote and height of a curve are integrated in closed form and its shape
      over a fixed set of shapes, where the paper samples all parameters by a Markov chain.
    - All results count alike, and the noise is the same everywhere.

    As in NNI's Curvefitting, coming within ``threshold`` of the best is enough. That one has no
    probability: it stops a trial whose prediction is not above ``threshold`` times the best, which
    is what ``delta=0.5`` comes to here. It can only maximize; this takes the study's direction.

    A call takes 1 to 10 milliseconds, however long the curve, and one look at the values of all
    completed trials. A curve that has no bend yet, and goes on without one, is underestimated.

    Args:
        epoch_num: How many results a trial reports that is not stopped; steps count from 0.
        start_step: No trial is judged before it has reported so many results; 4 at least.
        threshold: How near to the best is good enough, as a part of it: with 0.95, a twentieth of
            the best value less (more, to minimize) still is. 1 as in the paper.
        gap: From ``start_step`` on, a trial is judged after every so many results.
        delta: A trial goes on if it is good enough with this probability.

    Raises:
        ValueError: if a number is out of its range.

    Example:
        >>> import optuna
        >>> study = optuna.create_study(pruner=CurveFittingPruner(epoch_num=50))
    """

    def __init__(
        self,
        *,
        epoch_num: int,
        start_step: int = 6,
        threshold: float = 0.95,
        gap: int = 1,
        delta: float = 0.05,
    ) -> None:
        _check("epoch_num", epoch_num, low=1)
        _check("start_step", start_step, low=0)
        _check("threshold", threshold, low=0, high=1)
        _check("gap", gap, low=1)
        _check("delta", delta, low=0, high=1)
        self._epoch_num, self._start_step, self._gap = epoch_num, start_step, gap
        self._threshold, self._delta = threshold, delta

    def __repr__(self) -> str:
        return (
            f"CurveFittingPruner(epoch_num={self._epoch_num}, start_step={self._start_step}, "
            f"threshold={self._threshold}, gap={self._gap}, delta={self._delta})"
        )

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Whether the trial, by all that it has reported so far, is to be stopped."""
        if not self._judges(trial):
            return False
        sign = 1.0 if study.direction == StudyDirection.MAXIMIZE else -1.0
        best = _best_score(study, sign)
        if best is None:
            return False
        mark = best - (1 - self._threshold) * abs(best)
        scores = {step: sign * v for step, v in _finite(trial.intermediate_values).items()}
        return chance_of(mark, scores, self._epoch_num) < self._delta

    def _judges(self, trial: FrozenTrial) -> bool:
        reported, last = len(_finite(trial.intermediate_values)), trial.last_step
        first = max(self._start_step, _FEWEST)
        if last is None or last + 1 >= self._epoch_num or reported < first:
            return False
        return (reported - first) % self._gap == 0


def chance_of(mark: float, scores: Mapping[int, float], count: int) -> float:
    """The probability that the last of ``count`` scores, counted from 0, is at least ``mark``."""
    from ._learning_curves import predict

    steps = sorted(scores)
    prediction = predict([step + 1 for step in steps], [scores[step] for step in steps], count)
    return prediction.chance_above(mark)


def _best_score(study: Study, sign: float) -> float | None:
    """Of the completed trials within their constraints; None where there is none."""
    completed = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    scores = [
        sign * trial.values[0]
        for trial in completed
        if all(excess <= 0 for excess in excess_of(trial).values())
    ]
    return max((score for score in scores if math.isfinite(score)), default=None)


def _finite(values: Mapping[int, float]) -> dict[int, float]:
    return {step: value for step, value in values.items() if math.isfinite(value)}


def _check(name: str, value: float, *, low: float, high: float = math.inf) -> None:
    if not low <= value <= high:
        rule = f"at least {low}" if math.isinf(high) else f"from {low} to {high}"
        raise ValueError(f"`{name}` must be {rule}, but got ({name}={value}).")

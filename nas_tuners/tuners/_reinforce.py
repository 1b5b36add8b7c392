"""REINFORCE with a factorized policy."""

from __future__ import annotations

import math
from random import Random
from typing import final

from nas_tuners.contract.domains import Entry
from nas_tuners.contract.search_space import IndexVector, SearchSpace

from ._base import Ask, OptimizeMode, Result, Tuner
from ._options import require_numbers
from ._policy_feedback import (
    MAX_WEIGHT,
    RankReward,
    make_note,
    next_temperature,
    noted_log_prob,
)
from ._policy_steps import make_step


@final
class ReinforceTuner(Tuner):
    """Every key has probabilities of its own, and good results raise those of what they took.

    Williams: Simple Statistical Gradient-Following Algorithms for Connectionist Reinforcement
    Learning, Machine Learning 8, 1992 (https://doi.org/10.1007/BF00992696), theorem 1: after each
    result the scores move by ``lr`` (r - b) d log p / d score. The reward r is the normal score of
    the result's rank among all so far, the baseline b its moving average.

    Any number of trials may run at once: a result counts as much as it is probable now compared
    with when it was proposed, at most twice. Failed trials are left out; results that it did not
    propose only move ranks and baseline. What it would propose twice is drawn again at a higher
    temperature.

    Asking and telling cost O(decisions + candidates), a few microseconds a decision.

    Args:
        lr: Step size of the scores.
        baseline_decay: Of the moving average; 0 takes the last reward.
        optimize_mode: See :class:`Tuner`.
        seed: See :class:`Tuner`.
        dedup: See :class:`Tuner`.

    Example::

        tuner = ReinforceTuner(lr=0.1, seed=0)
    """

    def __init__(
        self,
        *,
        lr: float = 0.1,
        baseline_decay: float = 0.9,
        optimize_mode: OptimizeMode = "maximize",
        seed: int | None = None,
        dedup: bool = True,
    ) -> None:
        super().__init__(optimize_mode=optimize_mode, seed=seed, dedup=dedup)
        require_numbers(lr=lr, baseline_decay=baseline_decay)
        if not lr > 0:
            raise ValueError(f"`lr > 0` must hold, but got (lr={lr!r}).")
        if not 0 <= baseline_decay < 1:
            raise ValueError(
                "`0 <= baseline_decay < 1` must hold, but got "
                f"(baseline_decay={baseline_decay!r})."
            )
        self.lr = lr
        self.baseline_decay = baseline_decay
        self._rewards = RankReward()
        self._baseline = 0.0
        self._updates = 0

    def _prepare(self, space: SearchSpace) -> None:
        self._steps = [make_step(decision.domain) for decision in space.decisions]
        self._policy = [[0.0] * step.width for step in self._steps]

    def _propose(self, ask: Ask) -> IndexVector:
        temperature = next_temperature(ask.note)
        vector, log_prob = self._draw(ask.rng, temperature)
        ask.note = make_note(log_prob, temperature, self._updates)
        return vector

    def _learn(self, result: Result) -> None:
        if result.merit is None:
            return
        self._rewards.add(result.merit)
        reward = self._rewards.reward(result.merit)
        behaviour = noted_log_prob(result.note)
        if behaviour is not None:
            self._climb(result.vector, reward - self._baseline, behaviour)
        self._baseline += (1.0 - self.baseline_decay) * (reward - self._baseline)

    def _draw(self, rng: Random, temperature: float) -> tuple[IndexVector, float]:
        vector: list[Entry | None] = [None] * len(self._steps)
        total = 0.0
        flat = self.space.is_flat
        for position in self.space.order:
            if flat or self.space.is_active(position, vector):
                scores = self._policy[position]
                if temperature != 1.0:
                    scores = [score / temperature for score in scores]
                vector[position], log_prob = self._steps[position].draw(scores, rng)
                total += log_prob
        return tuple(vector), total

    def _climb(self, vector: IndexVector, advantage: float, behaviour: float) -> None:
        judged = {
            position: self._steps[position].judge(self._policy[position], entry)
            for position, entry in enumerate(vector)
            if entry is not None
        }
        log_prob = sum(of_step for of_step, _ in judged.values())
        weight = math.exp(min(log_prob - behaviour, math.log(MAX_WEIGHT)))
        size = self.lr * weight * advantage
        for position, (_, gradient) in judged.items():
            scores = self._policy[position]
            self._policy[position] = [
                score + size * slope for score, slope in zip(scores, gradient, strict=True)
            ]
        self._updates += 1

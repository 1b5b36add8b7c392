"""Hyperband on the trials of a study: which of them goes on, with which budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nas_tuners.contract.trial_io import TRIAL_BUDGET

from .configuration.parts import BudgetConfig
from .hyperband import BudgetTrial, Decision, Schedule

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial


class Budgets:
    """A :class:`.Schedule` that reads a study.

    A trial stays running in the study from its first budget to its last; what it finds at a
    budget is its intermediate value of that step. Between two budgets no process belongs to it.

    Args:
        config: The budgets.
        sign: 1 where a high value is good, -1 where a low one is.

    Attributes:
        maximum: The budget after which a trial is complete.
    """

    def __init__(self, config: BudgetConfig, sign: float) -> None:
        self.maximum = config.maximum
        self._sign = sign
        self._schedule = Schedule(config.maximum, config.minimum, config.eta, config.brackets)

    def decide(self, trials: Sequence[FrozenTrial], *, more: bool) -> Decision:
        """What is to be done; ``more`` says whether new trials may come."""
        known = (BudgetTrial.of(trial, sign=self._sign) for trial in trials)
        return self._schedule.decide([trial for trial in known if trial], more=more)

    @staticmethod
    def given(parameters: Mapping[str, Any], budget: int) -> dict[str, Any]:
        """The parameters of a trial that runs up to a budget."""
        return {**parameters, TRIAL_BUDGET: budget}

    @staticmethod
    def of(parameters: Mapping[str, Any]) -> int:
        """The budget that a trial was given."""
        return int(parameters[TRIAL_BUDGET])

"""A study that consists of given trials, for what only evaluates them."""

from __future__ import annotations

from collections.abc import Container, Sequence

from optuna import Study
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState


class StudySample(Study):
    """Has trials and a direction, and no storage: adding thousands to one takes seconds.

    Args:
        trials: The trials.
        maximize: Whether high values are good.
    """

    def __init__(self, trials: Sequence[FrozenTrial], *, maximize: bool) -> None:
        self._sample = list(trials)
        self._goal = StudyDirection.MAXIMIZE if maximize else StudyDirection.MINIMIZE

    @property
    def directions(self) -> list[StudyDirection]:
        return [self._goal]

    def _is_multi_objective(self) -> bool:
        return False

    def get_trials(
        self, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        return [trial for trial in self._sample if states is None or trial.state in states]

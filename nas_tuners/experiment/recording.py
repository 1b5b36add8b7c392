"""How what trials report and how they end is written into the study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, final

from nas_tuners.contract.study_attributes import CONSTRAINT_PREFIX
from nas_tuners.contract.trial_io import MetricValue

from .outcome import Complete, Failed, Pruned, metric_names
from .records import REASON_ATTR, RESULT_ATTR
from .storages.limits import shortened, text_limit
from .storages.operations import again, finish_trial

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

    from nas_tuners.tuners._goals import Goals


@final
class Recording:
    """Writes to the trials of a study, whose ids in the storage it is given.

    Args:
        storage: The study's.
        goals: What the experiment is after.
    """

    def __init__(self, storage: BaseStorage, goals: Goals) -> None:
        self._storage, self._goals = storage, goals
        self._text_limit = text_limit(storage)

    def report(self, trial_id: int, step: int, value: float) -> None:
        """An intermediate result."""
        set_value = self._storage.set_trial_intermediate_value
        again(self._storage, partial(set_value, trial_id, step, value))

    def result_at(
        self, trial_id: int, budget: int, outcome: Complete, notes: Mapping[str, Any]
    ) -> None:
        """What a trial found with a budget; it may go on with a larger one."""
        set_attribute = self._storage.set_trial_user_attr
        for name, item in {**notes, **self._all_of(outcome.metric.value)}.items():
            again(self._storage, partial(set_attribute, trial_id, name, item))
        first = self._goals.objectives[0][0]
        self.report(trial_id, budget, outcome.metric.number(first))

    def end(
        self, trial_id: int, outcome: Complete | Pruned | Failed, notes: Mapping[str, Any]
    ) -> None:
        """How a trial ended.

        Args:
            trial_id: Of a trial that runs.
            outcome: How.
            notes: What else is known of it: user attributes.

        Raises:
            UpdateFinishedTrialError: if it has been told otherwise.
        """
        if isinstance(outcome, Complete):
            self._complete(trial_id, outcome, notes)
        elif isinstance(outcome, Pruned):
            value = outcome.metric.value
            all_notes = {**notes, REASON_ATTR: outcome.reason, **self._all_of(value)}
            self.finish(trial_id, "PRUNED", all_notes, self._goals.values(value))
        else:
            self.finish(trial_id, "FAIL", {**notes, REASON_ATTR: outcome.reason})

    def finish(
        self,
        trial_id: int,
        state: str,
        user_attrs: Mapping[str, Any],
        values: Sequence[float] | None = None,
        system_attrs: Mapping[str, Any] | None = None,
    ) -> None:
        """Write the end itself.

        Args:
            trial_id: Of a trial that runs.
            state: The name of one of Optuna's.
            user_attrs: Written with it.
            values: One number an objective.
            system_attrs: Written with it.

        Raises:
            UpdateFinishedTrialError: if it has been told otherwise.
        """
        from optuna.trial import TrialState

        finish_trial(
            self._storage,
            trial_id,
            TrialState[state],
            values=values,
            user_attrs=user_attrs,
            system_attrs=system_attrs,
        )

    def _complete(self, trial_id: int, outcome: Complete, more: Mapping[str, Any]) -> None:
        value = outcome.metric.value
        notes = {**more, **self._all_of(value)}
        values = self._goals.values(value)
        if values is None:
            notes[REASON_ATTR] = outcome.remarks[0]
            self.finish(trial_id, "FAIL", notes)
            return
        excess = {f"{CONSTRAINT_PREFIX}{m}": x for m, x in self._goals.beyond(value).items()}
        self.finish(trial_id, "COMPLETE", notes, values, excess)

    def _all_of(self, value: MetricValue) -> dict[str, Any]:
        """The user attribute for what was reported beside the objectives, if anything was."""
        if not isinstance(value, dict) or len(value) < 2:
            return {}
        needed = ("default", *metric_names(self._goals))
        return {RESULT_ATTR: shortened(value, needed=needed, limit=self._text_limit)}

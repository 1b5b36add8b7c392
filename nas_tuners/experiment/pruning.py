"""Early stopping by a pruner of Optuna's."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from .records import StudyTrial
from .storages.operations import again

if TYPE_CHECKING:
    from optuna.pruners import BasePruner
    from optuna.study import Study


@final
class Pruning:
    """Asks a pruner about the trials of a study.

    It judges by what a trial's present attempt has reported: a study cannot forget what an
    earlier one did.

    Args:
        pruner: The pruner.
        study: The study.
    """

    def __init__(self, pruner: BasePruner, study: Study) -> None:
        self._pruner, self._study = pruner, study
        self._reports: dict[int, dict[int, float]] = {}

    def reason(self, trial: StudyTrial, step: int, value: float) -> str | None:
        """Why a trial shall be stopped after this report, if it shall.

        Raises:
            TunerError: if the pruner fails.
        """
        from nas_tuners.pruners import should_prune

        if step == 0:
            self.forget(trial)
        reports = self._reports.setdefault(trial.number, {})
        reports[step] = value
        storage = self._study._storage
        recorded = again(storage, lambda: storage.get_trial(trial.storage_id))
        recorded.intermediate_values = dict(reports)
        if again(storage, lambda: should_prune(self._pruner, self._study, recorded)):
            return f"{type(self._pruner).__name__} after report {step}"
        return None

    def forget(self, trial: StudyTrial) -> None:
        """It has ended, or begins anew."""
        self._reports.pop(trial.number, None)

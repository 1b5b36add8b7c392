"""Asking a pruner about a trial from outside of it, as who runs trials as processes has to."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any

from nas_tuners.contract.errors import TunerError

if TYPE_CHECKING:
    from optuna.pruners import BasePruner
    from optuna.storages import BaseStorage
    from optuna.study import Study, StudyDirection
    from optuna.trial import FrozenTrial


def should_prune(pruner: BasePruner, study: Study, trial: FrozenTrial) -> bool:
    """Whether a running trial is to be stopped.

    Of several objectives the first is what trials report and what pruners go by. A trial that
    somebody else has ended in the meantime is not to be stopped.

    Args:
        pruner: Who is asked. Some of Optuna's note in the trial how far it has got.
        study: What others have reported.
        trial: As it is in the storage after its latest report; an older copy may lack such notes.

    Raises:
        TunerError: if the pruner raised; what the storage raises passes as it is.

    Example:
        >>> trial = study._storage.get_trial(trial_id)  # doctest: +SKIP
        >>> should_prune(pruner, study, trial)  # doctest: +SKIP
        False
    """
    from optuna.exceptions import OptunaError, UpdateFinishedTrialError

    if trial.state.is_finished() or not trial.intermediate_values:
        return False
    try:
        return bool(pruner.prune(_with_one_objective(study), trial))
    except UpdateFinishedTrialError:
        return False
    except (OptunaError, OSError):
        raise  # the storage's: it may be read again
    except Exception as error:
        name, kind = type(pruner).__name__, type(error).__name__
        message = f"{name} raised while judging trial {trial.number}: {kind}: {error}"
        raise TunerError(message) from error


def _with_one_objective(study: Study) -> Study:
    from optuna.study import Study

    if len(study.directions) == 1:
        return study
    storage: Any = _FirstObjective(study._storage)
    return Study(study.study_name, storage, sampler=study.sampler, pruner=study.pruner)


class _FirstObjective:
    """A storage whose studies have their first objective alone."""

    def __init__(self, storage: BaseStorage) -> None:
        self._storage = storage

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        return self._storage.get_study_directions(study_id)[:1]

    def get_all_trials(self, *args: Any, **options: Any) -> list[FrozenTrial]:
        return [_with_first_value(t) for t in self._storage.get_all_trials(*args, **options)]

    def get_best_trial(self, study_id: int) -> FrozenTrial:
        from optuna.study import StudyDirection
        from optuna.trial import TrialState

        maximize = self.get_study_directions(study_id) == [StudyDirection.MAXIMIZE]
        complete = self.get_all_trials(study_id, deepcopy=False, states=(TrialState.COMPLETE,))
        if not complete:
            raise ValueError("No trials are completed yet.")
        return (max if maximize else min)(complete, key=lambda trial: trial.values[0])


def _with_first_value(trial: FrozenTrial) -> FrozenTrial:
    if trial.values is None:
        return trial
    first = copy(trial)
    first.values = trial.values[:1]
    return first

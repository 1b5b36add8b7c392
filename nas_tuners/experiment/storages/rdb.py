"""Optuna's database storage, quicker at recording a whole trial, and never recording it twice."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from optuna.distributions import BaseDistribution, distribution_to_json
from optuna.storages import RDBStorage
from optuna.storages._rdb import models
from optuna.storages._rdb.storage import _create_scoped_session

from .patience import Waiter

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial, TrialState
    from sqlalchemy.orm import Session


class RunnerStorage(RDBStorage):
    """Optuna's storage with a quick way to begin a trial, and one to end it.

    Should a later Optuna no longer call the private methods here, all works as before, only
    slower.

    Args:
        url: Of the database.
        engine_kwargs: For SQLAlchemy's ``create_engine``.
        file: Where the database is, if it is a file.
        waiter: Waits for the database, if it is on a server.
        give_up: Asked while a runner waits for its turn at a file; once true, the waiting ends.

    Attributes:
        file: The same.
        waiter: The same.
        give_up: The same.
    """

    def __init__(
        self,
        url: str,
        *,
        engine_kwargs: dict[str, Any],
        file: Path | None = None,
        waiter: Waiter | None = None,
        give_up: Callable[[], bool] = lambda: False,
    ) -> None:
        super().__init__(url, engine_kwargs=engine_kwargs)
        self.file, self.waiter, self.give_up = file, waiter, give_up

    def finish_trial(
        self,
        trial_id: int,
        state: TrialState,
        *,
        values: Sequence[float] | None,
        user_attrs: Mapping[str, Any],
        system_attrs: Mapping[str, Any],
    ) -> None:
        """Record how a trial ended in one transaction.

        Raises:
            UpdateFinishedTrialError: if it has ended already.
        """
        with _create_scoped_session(self.scoped_session) as session:
            trial = models.TrialModel.find_or_raise_by_id(trial_id, session, for_update=True)
            self.check_trial_is_updatable(trial_id, cast("TrialState", trial.state))
            for model, attributes in (
                (models.TrialUserAttributeModel, user_attrs),
                (models.TrialSystemAttributeModel, system_attrs),
            ):
                for key, value in attributes.items():
                    self._set_trial_attr_without_commit(session, model, trial_id, key, value)
            for objective, number in enumerate(values or ()):
                self._set_trial_value_without_commit(session, trial, objective, number)
            trial.state = state
            trial.datetime_complete = datetime.now()

    def _create_new_trial(
        self, study_id: int, template_trial: FrozenTrial | None = None
    ) -> FrozenTrial:
        """One attempt, where Optuna makes five: a trial must not be recorded twice.

        A connection that breaks while a trial is committed leaves open whether it was; whoever
        makes the trial has to look before trying again.
        """
        if self.waiter is None or template_trial is None:
            return super()._create_new_trial(study_id, template_trial)
        with _create_scoped_session(self.scoped_session) as session:
            models.StudyModel.find_or_raise_by_id(study_id, session, for_update=True)
            recorded = self._get_prepared_new_trial(study_id, template_trial, session)
            trial = copy.copy(template_trial)
            trial.number = cast(int, recorded.number)
            trial._trial_id = cast(int, recorded.trial_id)
        return trial

    def _set_trial_param_without_commit(
        self,
        session: Session,
        trial_id: int,
        param_name: str,
        param_value_internal: float,
        distribution: BaseDistribution,
        previous_distribution: BaseDistribution | None = None,
    ) -> None:
        """Inserts the parameters of a new trial together instead of one by one.

        Optuna looks up, for every single parameter, the trial and the range that earlier trials
        of the study had: about a millisecond each. The runner needs neither: it writes one search
        space, which the study itself records.
        """
        session.add(
            models.TrialParamModel(
                trial_id=trial_id,
                param_name=param_name,
                param_value=param_value_internal,
                distribution_json=distribution_to_json(distribution),
            )
        )

"""Who runs which trial of a study: it stands in the trial, and others may take it over."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, final

from .company import Company
from .records import RUNNER_ATTR, TAKEN_ATTR, StudyTrial, unfinished_of
from .storages.operations import again

if TYPE_CHECKING:
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial

_logger = logging.getLogger(__name__)


@final
class Ownership:
    """One runner's view of who has what.

    Args:
        storage: Of the study.
        runner: The runner.
        company: The others on the study; None if there are none.
        waits: Whether to stay for what the others still run.
        max_retries: How often a trial is taken over from a runner that vanished.
    """

    def __init__(
        self,
        storage: BaseStorage,
        runner: str,
        *,
        company: Company | None,
        waits: bool,
        max_retries: int,
    ) -> None:
        self._storage, self._runner, self._company = storage, runner, company
        self._waits, self._max_retries = waits, max_retries
        self._owners: dict[int, str] = {}  # number -> from whom it was taken over
        self._spent: dict[int, str] = {}  # number -> why it shall not run again

    def ours(self, unfinished: Sequence[FrozenTrial]) -> list[FrozenTrial]:
        """The trials that this runner has."""
        return unfinished_of(unfinished, self._runner)

    def waits_for(self, unfinished: Sequence[FrozenTrial]) -> bool:
        """Whether what others run may become work for this runner.

        What waits, or is run by somebody who gives no signs of life, never will.
        """
        if not self._waits:
            return False
        members = self._company.members() if self._company else frozenset()
        hands = {self._runner, *members}
        return any(trial.system_attrs.get(RUNNER_ATTR) in hands for trial in unfinished)

    def is_elsewhere(self, trial: StudyTrial) -> bool:
        """Whether another runner has taken it over while this one was cut off."""
        if self._company is None:
            return False
        recorded = again(self._storage, lambda: self._storage.get_trial(trial.storage_id))
        return recorded.system_attrs.get(RUNNER_ATTR) != self._runner

    def left_in(self, trial: StudyTrial) -> tuple[str, Path] | None:
        """The runner that a trial was taken over from, and its folder of trials.

        It may lie on another machine, where its path means nothing to this one.
        """
        owner = self._owners.pop(trial.number, None)
        if owner is None or self._company is None:
            return None
        company = self._company
        trials = again(self._storage, lambda: company.trials_of(owner))
        return (owner, trials) if trials is not None else None

    def why_not_again(self, trial: StudyTrial) -> str | None:
        """Why a trial that was taken over shall not run; None if it may."""
        return self._spent.pop(trial.number, None)

    def take_over(self, unfinished: Sequence[FrozenTrial]) -> bool:
        """Make a trial of a runner that has vanished ours; whether there was any.

        Call it where no other runner can do so at the same time.
        """
        from optuna.exceptions import UpdateFinishedTrialError

        company = self._company
        silent = company.silent() if company else frozenset()
        orphans = [trial for trial in unfinished if trial.system_attrs.get(RUNNER_ATTR) in silent]
        if company is None or not orphans:
            return False
        owner = orphans[0].system_attrs[RUNNER_ATTR]  # the next question brings the next one
        if company.is_still_silent(owner):
            with suppress(UpdateFinishedTrialError):  # its runner is back, and was quicker
                self._claim(orphans[0], has_vanished=not company.has_left(owner))
        return True

    def _claim(self, trial: FrozenTrial, *, has_vanished: bool) -> None:
        """Make it ours: to run it, or to end it if too many runners have vanished with it."""
        times = trial.system_attrs.get(TAKEN_ATTR, 0) + has_vanished
        if times > self._max_retries:
            self._spent[trial.number] = f"{times} workers vanished"
        set_attribute = self._storage.set_trial_system_attr
        set_attribute(trial._trial_id, TAKEN_ATTR, times)
        set_attribute(trial._trial_id, RUNNER_ATTR, self._runner)
        owner = trial.system_attrs[RUNNER_ATTR]
        self._owners[trial.number] = owner
        _logger.warning("Trial %d is taken over from %s.", trial.number, owner)

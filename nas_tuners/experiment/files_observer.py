"""Writes down in the experiment's folder what the loop does."""

from __future__ import annotations

import logging
import time
from dataclasses import replace

from nas_tuners.contract.errors import ExperimentError
from nas_tuners.contract.trial_io import Metric

from .folder import ExperimentFolder
from .loop import Ending, Finished, Loop
from .outcome import Complete, Outcome, Paused, Pruned
from .records import StudyTrial
from .storages.storage import storage_file
from .trial_files import record, replaced, trial_folder

_logger = logging.getLogger(__name__)

_STATE_EVERY = 10.0  # seconds between two notes of the time taken


class FilesObserver:
    """An :class:`.Observer` for ``runner.json``, ``runner.log`` and each ``trial.json``."""

    def __init__(self, folder: ExperimentFolder) -> None:
        self._folder = folder
        self._study_file = storage_file(folder.storage_url)
        self._study_inode: int | None = None
        self._state = replace(folder.state(), ended=None)
        self._folder.save_state(self._state)

    def started(self, trial: StudyTrial) -> None:
        _logger.info("Trial %d started: %s", trial.number, trial.architecture)

    def reported(self, trial: StudyTrial, metric: Metric) -> None:
        pass  # the study has it

    def finished(self, finished: Finished) -> None:
        number = finished.trial.number
        folder = trial_folder(self._folder.trials, number)
        remarks = [*_remarks_of(finished.outcome), *replaced(folder)]
        _log_end(number, finished.outcome)
        for remark in remarks:
            _logger.warning("Trial %d: %s", number, remark)
        record(
            folder,
            **_result_fields(finished),
            remarks=remarks,
            exit_code=finished.exited.exit_code,
            signal=finished.exited.signal,
            ended=time.time(),
            seconds=round(finished.seconds, 3),
        )

    def waiting(self, reason: str) -> None:
        pass  # whoever has to wait logs it

    def tick(self, elapsed: float) -> None:
        self._refuse_lost_study()
        if elapsed >= self._state.elapsed + _STATE_EVERY:
            self._save(elapsed, None)

    def _refuse_lost_study(self) -> None:
        """A file that was removed can be written to, and all of it is lost in the end."""
        if self._study_file is None:
            return
        inode = self._study_file.stat().st_ino if self._study_file.exists() else None
        if self._study_inode is None:
            self._study_inode = inode
        elif inode != self._study_inode:
            raise ExperimentError(
                f"{self._study_file} was removed, or replaced, while the experiment ran; put it "
                f"back (what trials have reported since lies in {self._folder.trials}, and counts "
                f"then), and go on with: {self._folder.resume_command}"
            )

    def ended(self, loop: Loop) -> None:
        """Note how the run ended."""
        assert loop.ending is not None
        _logger.info("The run ended: %s", loop.ending.value)
        if loop.ending is Ending.TUNER_ERROR:
            _logger.error("The tuner failed", exc_info=loop.tuner_error)
        self._save(loop.elapsed, loop.ending.value)

    def _save(self, elapsed: float, ended: str | None) -> None:
        self._state = replace(self._state, elapsed=elapsed, ended=ended)
        self._folder.save_state(self._state)


def _log_end(number: int, outcome: Outcome | None) -> None:
    if isinstance(outcome, Complete):
        _logger.info("Trial %d: %s", number, outcome.metric.default)
    elif isinstance(outcome, Paused):
        _logger.info("Trial %d: %s at %d", number, outcome.metric.default, outcome.budget)
    elif isinstance(outcome, Pruned):
        _logger.info("Trial %d was stopped: %s", number, outcome.reason)
    elif outcome is not None:
        _logger.warning("Trial %d failed: %s", number, outcome.reason)


def _remarks_of(outcome: Outcome | None) -> tuple[str, ...]:
    return outcome.remarks if isinstance(outcome, (Complete, Paused)) else ()


def _result_fields(finished: Finished) -> dict[str, object]:
    outcome = finished.outcome
    if outcome is None:
        return {"state": "stopped"}
    if isinstance(outcome, Complete):
        return {"state": "complete", "value": outcome.metric.value}
    if isinstance(outcome, Paused):
        return {"state": "paused", "value": outcome.metric.value, "budget": outcome.budget}
    if isinstance(outcome, Pruned):
        return {"state": "pruned", "value": outcome.metric.value, "reason": outcome.reason}
    return {"state": "failed", "reason": outcome.reason}

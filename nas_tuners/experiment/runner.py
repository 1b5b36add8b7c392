"""Runs an experiment in its folder: locks it, opens its study, and lets the loop work."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from nas_tuners.contract.errors import ExperimentError
from nas_tuners.contract.trial_io import Metric

from .config import ExperimentConfig
from .files_observer import FilesObserver
from .folder import ExperimentFolder
from .local import LocalLauncher
from .logs import log_to
from .loop import Limits, Loop, Observer
from .outcome import Complete
from .signals import StopSignals
from .storage import exclusive, open_storage, storage_file
from .study import ExperimentStudy, StudyTrial, open_study, prepared_tuner, result_of
from .trial_files import kill_process_of, record, reported, trial_folder

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

_logger = logging.getLogger(__name__)


def run_experiment(
    folder: ExperimentFolder, *, signals: StopSignals, observers: Iterable[Observer] = ()
) -> Loop:
    """Run, or go on with, the experiment in a folder.

    Args:
        folder: The experiment.
        signals: What tells that the user wants it to end.
        observers: Are told what happens.

    Returns:
        The loop, which knows how it ended.

    Raises:
        ConfigError: if the tuner cannot be made any more.
        SpaceMismatchError: if the study holds trials of another search space.
        ExperimentError: if the folder, the study or the disk is unusable.
    """
    with _disk_errors(folder), folder.locked(), log_to(folder.log_file):
        _refuse_lost_study(folder)
        config = folder.config()
        files = FilesObserver(folder)
        with open_storage(folder.storage_url) as storage, _launcher(folder, config) as launcher:
            study = _connect(folder, config, storage)
            loop = Loop(
                study,
                launcher,
                _limits(config),
                clock=time.monotonic,
                observers=(files, *observers),
                interrupted=lambda: signals.requested,
                elapsed=folder.state().elapsed,
                goals=study.goals,
            )
            unfinished = _adopt(study, folder)
            signals.heed(launcher.wake)
            loop.run(unfinished)
            files.ended(loop)
    return loop


def _refuse_lost_study(folder: ExperimentFolder) -> None:
    """Going on with an empty study would take all that was found for never tried."""
    file = storage_file(folder.storage_url)
    if file is not None and not file.exists() and any(folder.trials.iterdir()):
        raise ExperimentError(
            f"{file} is gone, and with it what the trials in {folder.trials} found; "
            "put it back, or start another experiment with `nas-tuners run`"
        )


def _launcher(folder: ExperimentFolder, config: ExperimentConfig) -> LocalLauncher:
    return LocalLauncher(
        config.command,
        cwd=config.code_directory,
        trials=folder.trials,
        environment=config.environment,
    )


def _connect(
    folder: ExperimentFolder, config: ExperimentConfig, storage: BaseStorage
) -> ExperimentStudy:
    """The experiment's study, with its tuner."""
    from nas_tuners.tuners._history import HistoryFollower
    from nas_tuners.tuners._study import attach_space

    with exclusive(folder.storage_url):
        study = open_study(storage, config)
        encoding = attach_space(study, folder.space())
    tuner = prepared_tuner(config, encoding.space, folder.prior())
    return ExperimentStudy(
        study,
        encoding,
        HistoryFollower(tuner, encoding, result_of=result_of),
        goals=tuner.goals,
        experiment_id=folder.state().experiment_id,
        exclusive=partial(exclusive, folder.storage_url),
    )


def _adopt(study: ExperimentStudy, folder: ExperimentFolder) -> list[StudyTrial]:
    """What an earlier run left unfinished; trials that had reported their result are recorded."""
    left = []
    for trial in study.unfinished():
        files = trial_folder(folder.trials, trial.number)
        kill_process_of(files)
        metrics = reported(files)
        if any(metric.kind == "final" for metric in metrics):
            _record_result(study, trial, metrics)
            record(files, state="complete")
            _logger.info("Trial %d had its result before the runner ended.", trial.number)
        else:
            left.append(trial)
            _logger.info("Trial %d was not finished and runs again.", trial.number)
    return left


def _record_result(study: ExperimentStudy, trial: StudyTrial, metrics: Sequence[Metric]) -> None:
    for metric in metrics:
        if metric.kind == "intermediate":
            study.report(trial, metric)
    finals = [metric for metric in metrics if metric.kind == "final"]
    study.tell(trial, Complete(finals[-1]))


def _limits(config: ExperimentConfig) -> Limits:
    return Limits(
        concurrency=config.concurrency,
        max_trials=config.max_trials,
        max_duration=config.max_duration,
        max_trial_duration=config.max_trial_duration,
        max_consecutive_failures=config.max_consecutive_failures,
    )


@contextmanager
def _disk_errors(folder: ExperimentFolder) -> Iterator[None]:
    """Errors of the disk and the database as one that says how to go on."""
    from optuna.exceptions import OptunaError
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (OSError, OptunaError, SQLAlchemyError, sqlite3.Error) as error:
        cause = error.__cause__ or error
        raise ExperimentError(
            f"the experiment cannot go on: {cause}\n"
            f"Nothing that was recorded is lost; when this is mended, go on with: "
            f"{folder.resume_command}"
        ) from error

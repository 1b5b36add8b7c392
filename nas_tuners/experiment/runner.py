"""Runs an experiment in its folder: locks it, opens its study, and lets the loop work."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

from nas_tuners.contract.errors import ExperimentError
from nas_tuners.contract.search_space import SearchSpace

from .budgets import Budgets
from .company import Company
from .configuration.config import ExperimentConfig
from .configuration.parts import PrunedTrials
from .constraint import open_constraint
from .events.observer import EventsObserver
from .events.sinks import open_events
from .files_observer import FilesObserver
from .folder import ExperimentFolder
from .joining import begun_study
from .launchers import make_launcher
from .logs import log_to
from .loop import Ended, Finished, Limits, Loop, Observer
from .records import StudyTrial, lesson_of
from .recovery import left_result, record_result
from .results import Results
from .signals import StopSignals
from .storages.operations import storage_lock
from .storages.patience import reason_of
from .storages.storage import open_storage, storage_file
from .study import ExperimentStudy
from .study_setup import goals_of, make_pruner_of, prepared_tuner, study_name
from .trial_files import kill_process_of, trial_folder

_logger = logging.getLogger(__name__)


def run_experiment(
    folder: ExperimentFolder,
    *,
    signals: StopSignals,
    observers: Iterable[Observer] = (),
    begun: Callable[[Results], None] = lambda before: None,
    waits: bool = False,
    space: SearchSpace | None = None,
) -> Ended:
    """Run, or go on with, the experiment in a folder.

    Args:
        folder: The experiment.
        signals: What tells that the user wants it to end.
        observers: Are told what happens.
        begun: Is told before that what the study holds.
        waits: Whether to stay, at the end, until the other runners on the study have ended their
            trials, and to run those of the ones that vanish.
        space: The folder's search space with its constraints, if it has any: functions, which no
            file of the folder holds.

    Returns:
        How it ended.

    Raises:
        ConfigError: if the tuner cannot be made any more.
        SpaceMismatchError: if the study holds trials of another search space.
        ExperimentError: if the folder, the study or the disk is unusable.
    """
    with _disk_errors(folder), folder.locked(), log_to(folder.log_file), ExitStack() as stack:
        _refuse_lost_study(folder)
        config = folder.config()
        space = space or _space_of(folder)
        files = FilesObserver(folder)
        # Before the storage, so that it is closed after it: callbacks hear of everything.
        events = stack.enter_context(open_events(folder, config, goals_of(config)))
        others: tuple[Observer, ...] = (events, *observers)
        study = _connect(
            folder,
            config,
            space,
            stack,
            events,
            recovered=partial(_tell_finished, others),  # whose files are another runner's
            signals=signals,
            waits=waits,
        )
        launcher = stack.enter_context(make_launcher(config, trials=folder.trials))
        told = (files, *others)
        loop = Loop(
            study,
            launcher,
            _limits(config),
            clock=time.monotonic,
            observers=told,
            interrupted=lambda: signals.requested,
            elapsed=folder.state().elapsed,
            goals=study.goals,
        )
        before = study.results()
        events.begun(config, before)
        begun(before)
        unfinished = _adopt(study, folder, told)
        signals.heed(launcher.wake)
        loop.run(unfinished)
        files.ended(loop)
        events.ended(loop)
    return loop.ended


def _refuse_lost_study(folder: ExperimentFolder) -> None:
    """Going on with an empty study would take all that was found for never tried."""
    file = storage_file(folder.storage_url)
    if file is not None and not file.exists() and any(folder.trials.iterdir()):
        raise ExperimentError(
            f"{file} is gone, and with it what the trials in {folder.trials} found; "
            "put it back, or start another experiment with `nas-tuners run`"
        )


def _space_of(folder: ExperimentFolder) -> SearchSpace:
    """The search space as the folder holds it, if that is all of it."""
    constraints = folder.constraints()
    if constraints:
        listed = ", ".join(map(repr, constraints))
        raise ExperimentError(
            f"the search space of this experiment has constraints ({listed}), which are functions "
            f"of a Python program; go on with nas_tuners.Experiment.load({str(folder.path)!r})"
            ".resume()"
        )
    return folder.space()


def _connect(
    folder: ExperimentFolder,
    config: ExperimentConfig,
    space: SearchSpace,
    stack: ExitStack,
    events: EventsObserver,
    *,
    recovered: Callable[[Finished], None],
    signals: StopSignals,
    waits: bool,
) -> ExperimentStudy:
    """The experiment's study, with its tuner and what belongs to it."""
    from nas_tuners.tuners._history import HistoryFollower

    storage = stack.enter_context(
        open_storage(
            folder.storage_url,
            patience=config.storage_patience,
            give_up=lambda: signals.requested,
            on_wait=events.waiting,
            on_answer=events.resumed,
        )
    )
    lock = partial(storage_lock, storage, study_name(config))
    goals = goals_of(config)
    with lock():
        study, encoding = begun_study(storage, config, space, folder.prior())
    company = None
    experiment_id = folder.state().experiment_id
    if config.storage is not None:
        company = stack.enter_context(
            Company(
                storage,
                study._study_id,
                experiment_id,
                every=config.heartbeat,
                trials=folder.trials,
            )
        )
    tuner = prepared_tuner(config, encoding.space, folder.prior())
    sign = goals.objectives[0][1]
    lesson = partial(lesson_of, pruned_trials=_pruned_trials(config), sign=sign)
    return ExperimentStudy(
        study,
        encoding,
        HistoryFollower(tuner, encoding, result_of=lesson),
        goals=goals,
        experiment_id=experiment_id,
        exclusive=lock,
        company=company,
        waits=waits,
        max_retries=config.max_retries,
        pruner=make_pruner_of(config),
        budgets=Budgets(config.budget, sign) if config.budget else None,
        constraint=stack.enter_context(open_constraint(config)),
        recovered=recovered,
    )


def _pruned_trials(config: ExperimentConfig) -> PrunedTrials:
    part = config.early_stopping or config.budget
    return part.pruned_trials if part else "latest"


def _adopt(
    study: ExperimentStudy, folder: ExperimentFolder, observers: Iterable[Observer]
) -> list[StudyTrial]:
    """What an earlier run left unfinished; trials that had reported their result are recorded."""
    left = []
    for trial in study.unfinished():
        files = trial_folder(folder.trials, trial.number)
        kill_process_of(files)
        runner = trial.assignment.experiment_id
        if metrics := left_result(files, trial.assignment, runner=runner):
            _logger.info("Trial %d had its result before the runner ended.", trial.number)
            _tell_finished(observers, record_result(study, trial, metrics))
        else:
            left.append(trial)
            _logger.info("Trial %d was not finished and runs again.", trial.number)
    return left


def _tell_finished(observers: Iterable[Observer], finished: Finished) -> None:
    for observer in observers:
        observer.finished(finished)


def _limits(config: ExperimentConfig) -> Limits:
    return Limits(
        concurrency=config.concurrency,
        max_trials=config.max_trials,
        max_duration=config.max_duration,
        max_trial_duration=config.max_trial_duration,
        max_consecutive_failures=config.max_consecutive_failures,
        max_retries=config.max_retries,
    )


@contextmanager
def _disk_errors(folder: ExperimentFolder) -> Iterator[None]:
    """Errors of the disk and the database as one that says how to go on."""
    from optuna.exceptions import OptunaError
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (OSError, OptunaError, SQLAlchemyError, sqlite3.Error) as error:
        raise ExperimentError(
            f"the experiment cannot go on: {reason_of(error)}\n"
            f"Nothing that was recorded is lost; when this is mended, go on with: "
            f"{folder.resume_command}"
        ) from error

"""An experiment on a Slurm cluster: an array of workers, submitted and watched from here.

Slurm is spoken to by submitit (https://github.com/facebookincubator/submitit). Each job is a
``nas-tuners worker`` with a folder of its own, ``workers/0/`` and so on in the experiment's. A job
that Slurm preempts, or whose time is over, is queued again and goes on with what it had begun; a
machine that vanishes loses its trials to the other workers.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nas_tuners.contract.errors import ConfigError, ExperimentError

from ..configuration.config import ExperimentConfig
from ..folder import ExperimentFolder
from ..joining import begin
from ..logs import log_to
from ..loop import Ended, Ending
from ..results import Results, read_results
from ..signals import StopSignals
from ..storages.storage import storage_file
from .args import make_executor, slurm_problems
from .job import WorkerJob

if TYPE_CHECKING:
    from submitit import Job

_POLL = 2.0  # seconds between two looks at the jobs, at least
_SHARE = 0.1  # of the time that looking may take
_CANCEL_POLL = 0.5
_CANCEL_PATIENCE = 60.0  # seconds; Slurm kills what has not ended after 30
_LINGER = 3.0  # seconds that a job may take to end after its worker

# What is said of the whole where workers ended differently: one on a broken machine may have
# given up while the others came to the end.
_FIRST = (Ending.MAX_TRIALS, Ending.MAX_DURATION, Ending.EXHAUSTED)


def run_on_slurm(
    folder: ExperimentFolder,
    *,
    signals: StopSignals,
    report: Callable[[str], None] = lambda line: None,
) -> Ended:
    """Submit an experiment's workers, and wait until all have ended.

    Args:
        folder: The experiment.
        signals: What tells that the user wants it to end: the jobs are cancelled then.
        report: Called with a line whenever something has changed.

    Returns:
        How it ended.

    Raises:
        ConfigError: if what the configuration says of the jobs is wrong.
        ExperimentError: if the jobs cannot be submitted, or if they all failed.
    """
    with folder.locked(), log_to(folder.log_file):
        config = folder.config()
        if problems := slurm_problems(config.launcher.args):
            raise ConfigError(problems, str(folder.config_file))
        _refuse_lost_study(folder)
        _ready_workers(folder)
        begin(folder)
        state, since = replace(folder.state(), ended=None), time.monotonic()
        folder.save_state(state)
        jobs = _submit(folder, config)
        report(f"Submitted: {_listed(jobs)}; what they print is in {folder.path / 'slurm'}")
        try:
            _watch(folder, jobs, signals, report)
        finally:
            _cancel(folder, jobs)
            state = replace(state, elapsed=state.elapsed + time.monotonic() - since)
            folder.save_state(state)
        ending = _ending(folder, jobs, interrupted=signals.requested)
        folder.save_state(replace(state, ended=ending.value))
        return Ended(ending)


def _workers(folder: ExperimentFolder) -> Path:
    return folder.path / "workers"


def _refuse_lost_study(folder: ExperimentFolder) -> None:
    file = storage_file(folder.storage_url)
    if file is not None and not file.exists() and any(_workers(folder).glob("*/trials/*")):
        raise ExperimentError(
            f"{file} is gone, and with it what the trials in {_workers(folder)} found; put it "
            "back, or start another experiment with `nas-tuners run`"
        )


def _ready_workers(folder: ExperimentFolder) -> None:
    """Let the workers of an earlier run begin anew, unless they still run.

    They do when the runner was killed and nobody has cancelled its jobs.
    """
    workers = _begun_workers(folder)
    for worker in workers:
        if (runner := worker.runner()) is not None:
            raise ExperimentError(
                f"worker {worker.path.name} of an earlier run still runs (process {runner}); "
                "cancel its job with `scancel`, or wait until it has ended"
            )
    for worker in workers:
        worker.save_state(replace(worker.state(), ended=None))


def _begun_workers(folder: ExperimentFolder) -> list[ExperimentFolder]:
    """The folders of the workers that have one yet."""
    files = sorted(_workers(folder).glob("*/config.json"))
    return [ExperimentFolder(file.parent) for file in files]


def _submit(folder: ExperimentFolder, config: ExperimentConfig) -> Sequence[Job[None]]:
    jobs = [
        WorkerJob(
            storage=folder.storage_url,
            study=config.study_name or config.name,
            folder=str(_workers(folder) / str(place)),
            code_directory=str(config.code_directory),
            max_trials=config.max_trials,
            max_duration=config.max_duration,
        )
        for place in range(config.launcher.args.get("workers", 1))
    ]
    executor = make_executor(folder, config)
    try:
        submitted: Sequence[Job[None]] = executor.submit_array(jobs)
    except Exception as error:  # sbatch's words, in an exception of submitit's
        raise ExperimentError(f"the workers cannot be submitted: {error}") from error
    return submitted


def _listed(jobs: Sequence[Job[None]]) -> str:
    ids = ", ".join(job.job_id for job in jobs)
    return f"{len(jobs)} {'worker' if len(jobs) == 1 else 'workers'}, job {ids}"


# ---- watching -----------------------------------------------------------------------------------


def _watch(
    folder: ExperimentFolder,
    jobs: Sequence[Job[None]],
    signals: StopSignals,
    report: Callable[[str], None],
) -> None:
    woken = threading.Event()
    signals.heed(woken.set)
    said, whole = "", False
    while not signals.requested:
        begun = time.monotonic()
        # Those that run when the last trial has ended are given until the next look to end, too.
        over = all(job.done() for job in jobs) or (whole and not _any_lives(folder))
        whole = _is_whole(folder)
        line = _standing(jobs, read_results(folder))
        if line != said:
            report(line)
            said = line
        if over:
            return
        woken.wait(max(_POLL, (time.monotonic() - begun) / _SHARE))


def _is_whole(folder: ExperimentFolder) -> bool:
    """Whether a worker has seen the end of all trials: jobs that still wait need not begin."""
    endings = _endings(folder)
    return Ending.MAX_TRIALS in endings or Ending.EXHAUSTED in endings


def _standing(jobs: Sequence[Job[None]], results: Results) -> str:
    """One line: how many workers are in which state, and how far the search is."""
    workers = _counts(Counter(job.state.lower() for job in jobs))
    line = f"workers: {workers}; trials: {_counts(results.states()) or 'none'}"
    best = results.best(1)
    return f"{line}; best {best[0].value:.6g}" if best else line


def _counts(states: Counter[str]) -> str:
    return ", ".join(f"{count} {state}" for state, count in sorted(states.items()))


def _cancel(folder: ExperimentFolder, jobs: Sequence[Job[None]]) -> None:
    """End what still runs, and wait until all workers have, and their jobs if that is soon."""
    for job in jobs:
        if not job.done():
            job.cancel(check=False)
    _wait(lambda: not _any_lives(folder), seconds=_CANCEL_PATIENCE)
    _wait(lambda: all(job.done(force_check=True) for job in jobs), seconds=_LINGER)


def _any_lives(folder: ExperimentFolder) -> bool:
    return any(worker.runner() for worker in _begun_workers(folder))


def _wait(condition: Callable[[], bool], *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(_CANCEL_POLL)


# ---- how it ended -------------------------------------------------------------------------------


def _ending(folder: ExperimentFolder, jobs: Sequence[Job[None]], *, interrupted: bool) -> Ending:
    if interrupted:
        return Ending.INTERRUPTED
    endings = _endings(folder)
    if not endings:
        raise ExperimentError(f"no worker came to an end of its own{_last_words(jobs)}")
    return next((ending for ending in _FIRST if ending in endings), endings[0])


def _endings(folder: ExperimentFolder) -> list[Ending]:
    """How the workers ended that did so in order."""
    ended = [worker.state().ended for worker in _begun_workers(folder)]
    return [Ending(ending) for ending in ended if ending is not None]


def _last_words(jobs: Sequence[Job[None]]) -> str:
    """The last line that one of the jobs wrote to stderr, and where it stands."""
    for job in jobs:
        lines = (job.stderr() or "").strip().splitlines()
        if lines:
            return f": {lines[-1]} (in {job.paths.stderr})"
    return ""

"""What a Slurm job of ours does; submitit writes it down and calls it on the node."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from ..folder import ExperimentFolder
from ..loop import Ending

if TYPE_CHECKING:
    from submitit.helpers import DelayedSubmission


@dataclass(frozen=True)
class WorkerJob:
    """One worker.

    Attributes:
        storage: Where the study is; variables in it are expanded on the node.
        study: Its name.
        folder: The worker's own, kept when it is queued again.
        code_directory: Where the trials' code is.
        max_trials: The experiment's limit as it is now; the worker may be older than it.
        max_duration: Likewise.
    """

    storage: str
    study: str
    folder: str
    code_directory: str
    max_trials: int | None = None
    max_duration: float | None = None

    def __call__(self) -> None:
        """Run it in this process, so that Slurm's signals reach it."""
        try:
            ending = self._run()
        except KeyboardInterrupt:  # asked to end before it began, or asked twice
            ending = Ending.INTERRUPTED
        if ending is Ending.INTERRUPTED:
            _stay()

    def checkpoint(self) -> DelayedSubmission:
        """Called by submitit before the job's end by preemption or time: queue it again."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)

    def _run(self) -> Ending:
        from ..runner import run_experiment
        from ..signals import StopSignals

        with StopSignals() as signals:
            ended = run_experiment(self._folder(), signals=signals, waits=True)
        return ended.ending

    def _folder(self) -> ExperimentFolder:
        from ..worker import worker_folder

        folder = worker_folder(
            self.storage,
            self.study,
            path=Path(self.folder),
            code_directory=Path(self.code_directory),
        )
        with folder.locked():
            config = replace(
                folder.config(), max_trials=self.max_trials, max_duration=self.max_duration
            )
            folder.save_config(config)
        return folder


def _stay() -> NoReturn:
    """Wait for the end that SIGTERM announces.

    It comes before a cancelled job is killed, and before a preempted one is. Slurm queues the
    latter again only if it is still there then.
    """
    while True:
        time.sleep(60)

"""Trials as runs of TensorBoard."""

from __future__ import annotations

from pathlib import Path
from typing import Any, final

from nas_tuners.experiment.events.callbacks import Callback
from nas_tuners.experiment.events.events import (
    RunEnded,
    RunStarted,
    TrialFinished,
    TrialReported,
    TrialRetried,
    TrialStarted,
)

from ._values import flat, need, numbers_of


@final
class TensorBoardCallback(Callback):
    """Writes a folder of TensorBoard per trial: curves, architecture and result.

    Intermediate results are scalars, named ``value`` and as the trial names them. The tab HPARAMS
    compares the architectures by their results, named ``final/value`` and so on.

    Args:
        logdir: Where; the folder ``tensorboard`` in the experiment's own if not given.

    Raises:
        ConfigError: if the package tensorboard is missing.

    Example:
        >>> TensorBoardCallback(logdir="runs")  # doctest: +ELLIPSIS
        <...TensorBoardCallback object at ...>
    """

    def __init__(self, logdir: str | None = None) -> None:
        need("tensorboard", "tensorboard")
        self._logdir = Path(logdir) if logdir else None
        self._writers: dict[int, Any] = {}
        self._architectures: dict[int, dict[str, str | float]] = {}

    def on_run_started(self, event: RunStarted) -> None:
        if self._logdir is None:
            self._logdir = Path(event.folder) / "tensorboard"

    def on_trial_started(self, event: TrialStarted) -> None:
        from torch.utils.tensorboard import SummaryWriter

        assert self._logdir is not None, "a run starts before its trials"
        folder = self._logdir / f"trial-{event.trial:04d}"
        self._close(event.trial)
        # What an earlier attempt reported gives way to this one.
        purge_step = 0 if event.attempt > 1 else None
        self._writers[event.trial] = SummaryWriter(str(folder), purge_step=purge_step)
        self._architectures[event.trial] = flat(event.architecture)

    def on_trial_reported(self, event: TrialReported) -> None:
        writer = self._writers.get(event.trial)
        if writer is not None:
            for name, number in numbers_of(event).items():
                writer.add_scalar(name, number, event.sequence, walltime=event.time)
            writer.flush()

    def on_trial_finished(self, event: TrialFinished) -> None:
        writer = self._writers.get(event.trial)
        results = {f"final/{name}": number for name, number in numbers_of(event).items()}
        if writer is not None and results:
            writer.add_hparams(self._architectures[event.trial], results, run_name=".")
        self._close(event.trial)

    def on_trial_retried(self, event: TrialRetried) -> None:
        self._close(event.trial)

    def on_run_ended(self, event: RunEnded) -> None:
        for trial in list(self._writers):
            self._close(trial)

    def _close(self, trial: int) -> None:
        writer = self._writers.pop(trial, None)
        self._architectures.pop(trial, None)
        if writer is not None:
            writer.close()

"""Trials as runs of Weights & Biases."""

from __future__ import annotations

import importlib
from typing import Any, Literal, final

from nas_tuners.experiment.events.callbacks import Callback
from nas_tuners.experiment.events.events import (
    RunEnded,
    RunStarted,
    TrialFinished,
    TrialReported,
    TrialRetried,
    TrialStarted,
)

from ._values import need, numbers_of


@final
class WandbCallback(Callback):
    """Makes a run of Weights & Biases per trial, in a group of the experiment's id.

    The architecture is the run's configuration. Intermediate results are logged at their step,
    named ``value`` and as the trial names them; the result stands in the summary, named
    ``final/value`` and so on, beside ``state`` and ``reason``. An experiment that is resumed goes
    on with its group; another attempt of a trial is a run of its own.

    Args:
        project: The project; the study's name if not given.
        entity: The user or team; the default of the account if not given.
        mode: ``online``, ``offline`` (to be uploaded later by ``wandb sync``) or ``disabled``;
            what the variable ``WANDB_MODE`` says if not given.
        directory: Where runs are kept; the experiment's folder if not given.
        tags: Of every run.

    Raises:
        ConfigError: if the package wandb is missing.

    Example:
        >>> WandbCallback(project="cells", mode="offline")  # doctest: +SKIP
    """

    def __init__(
        self,
        project: str | None = None,
        entity: str | None = None,
        *,
        mode: Literal["online", "offline", "disabled"] | None = None,
        directory: str | None = None,
        tags: list[str] | None = None,
    ) -> None:
        need("wandb", "wandb")
        if mode not in (None, "online", "offline", "disabled"):
            raise ValueError(f"`mode` must be online, offline or disabled, got {mode!r}")
        self._project, self._entity, self._mode = project, entity, mode
        self._directory, self._tags = directory, tags
        self._runs: dict[int, Any] = {}

    def on_run_started(self, event: RunStarted) -> None:
        self._project = self._project or event.study
        self._directory = self._directory or event.folder

    def on_trial_started(self, event: TrialStarted) -> None:
        wandb: Any = importlib.import_module("wandb")
        self._finish(event.trial, exit_code=1)
        attempt = f"-{event.attempt}" if event.attempt > 1 else ""
        self._runs[event.trial] = wandb.init(
            project=self._project,
            entity=self._entity,
            mode=self._mode,
            dir=self._directory,
            tags=self._tags,
            group=event.experiment,
            name=f"trial {event.trial}",
            id=f"{event.experiment}-{event.trial:04d}{attempt}",
            config=dict(event.architecture),
            reinit="create_new",  # others run at the same time
            settings=wandb.Settings(console="off", silent=True, x_disable_stats=True),
        )

    def on_trial_reported(self, event: TrialReported) -> None:
        run = self._runs.get(event.trial)
        if run is not None:
            run.log(numbers_of(event), step=event.sequence)

    def on_trial_finished(self, event: TrialFinished) -> None:
        run = self._runs.get(event.trial)
        if run is not None:
            results = {f"final/{name}": number for name, number in numbers_of(event).items()}
            run.summary.update({**results, "state": event.state, "reason": event.reason})
        self._finish(event.trial, exit_code=1 if event.state == "failed" else 0)

    def on_trial_retried(self, event: TrialRetried) -> None:
        run = self._runs.get(event.trial)
        if run is not None:
            run.summary.update({"state": "lost", "reason": event.reason})
        self._finish(event.trial, exit_code=1)

    def on_run_ended(self, event: RunEnded) -> None:
        for trial in list(self._runs):
            self._finish(trial, exit_code=1)

    def _finish(self, trial: int, *, exit_code: int) -> None:
        run = self._runs.pop(trial, None)
        if run is not None:
            run.finish(exit_code=exit_code)

"""An experiment and its trials as runs of MLflow."""

from __future__ import annotations

import importlib
import re
from typing import Any, final

from nas_tuners.experiment.events.callbacks import Callback
from nas_tuners.experiment.events.events import (
    BestChanged,
    ExperimentEvent,
    RunEnded,
    RunStarted,
    TrialFinished,
    TrialReported,
    TrialRetried,
    TrialStarted,
)

from ._values import flat, need, numbers_of

_EXPERIMENT_TAG = "nas_tuners.experiment"  # of the run of an experiment: its id
_TRIAL_TAG = "nas_tuners.trial"
_PARENT_TAG = "mlflow.parentRunId"

_NAME = re.compile(r"[^\w\-. /]")  # what MLflow takes in no name
_LONGEST = 6000  # characters that MLflow keeps of a parameter

_AT_ONCE = 100  # parameters that MLflow takes in one call

_STATUS = {"complete": "FINISHED", "failed": "FAILED", "pruned": "KILLED", "stopped": "KILLED"}
_ENDINGS = {"error": "FAILED", "tuner_error": "FAILED", "failures": "FAILED"}


@final
class MLflowCallback(Callback):
    """Makes a run of MLflow for the experiment, and in it a nested run for each trial.

    The architecture is the parameters of a trial's run. Intermediate results are metrics at their
    step, named ``value`` and as the trial names them; the result is ``final/value`` and so on. The
    experiment's run has the metric ``best``. An experiment that is resumed goes on with its run;
    another attempt of a trial is a nested run of its own.

    Args:
        tracking_uri: The server, or a store such as ``sqlite:///mlflow.db``; what MLflow itself is
            set to (``MLFLOW_TRACKING_URI``) if not given. Leave passwords to MLflow's variables.
        experiment_name: MLflow's experiment, in which the run lies; the study's name if not given.

    Raises:
        ConfigError: if the package mlflow is missing.

    Example:
        >>> MLflowCallback(tracking_uri="sqlite:///mlflow.db")  # doctest: +SKIP
    """

    def __init__(
        self, tracking_uri: str | None = None, experiment_name: str | None = None
    ) -> None:
        need("mlflow", "mlflow")
        self._tracking_uri, self._experiment_name = tracking_uri, experiment_name
        self._client: Any = None
        self._store = ""  # the id of MLflow's experiment
        self._parent = ""
        self._runs: dict[int, str] = {}

    def on_run_started(self, event: RunStarted) -> None:
        # The client, not mlflow.start_run: trials overlap, and there is but one active run.
        mlflow: Any = importlib.import_module("mlflow")
        self._client = mlflow.MlflowClient(tracking_uri=self._tracking_uri)
        name = self._experiment_name or event.study
        known = self._client.get_experiment_by_name(name)
        self._store = known.experiment_id if known else self._client.create_experiment(name)
        self._parent = self._known_parent(event.experiment) or self._new_parent(event)
        self._client.update_run(self._parent, status="RUNNING")
        self._end_leftovers()

    def on_trial_started(self, event: TrialStarted) -> None:
        self._end(event.trial, status="KILLED")
        tags = {
            _PARENT_TAG: self._parent,
            _TRIAL_TAG: str(event.trial),
            "nas_tuners.attempt": str(event.attempt),
        }
        name = f"trial {event.trial}"
        run = self._client.create_run(
            self._store, start_time=_milliseconds(event), tags=tags, run_name=name
        ).info.run_id
        self._runs[event.trial] = run
        self._log_architecture(run, event)

    def on_trial_reported(self, event: TrialReported) -> None:
        self._log(event, step=event.sequence)

    def on_trial_finished(self, event: TrialFinished) -> None:
        self._log(event, prefix="final/")
        if event.trial in self._runs:
            run = self._runs[event.trial]
            self._client.set_tag(run, "nas_tuners.state", event.state)
            self._client.set_tag(run, "nas_tuners.reason", event.reason)
        self._end(event.trial, status=_STATUS[event.state])

    def on_trial_retried(self, event: TrialRetried) -> None:
        self._end(event.trial, status="KILLED")

    def on_best_changed(self, event: BestChanged) -> None:
        self._client.log_metric(
            self._parent, "best", event.value, timestamp=_milliseconds(event), step=event.trial
        )
        self._client.set_tag(self._parent, "nas_tuners.best_trial", str(event.trial))

    def on_run_ended(self, event: RunEnded) -> None:
        for trial in list(self._runs):
            self._end(trial, status="KILLED")
        interrupted = "KILLED" if event.ending == "interrupted" else "FINISHED"
        self._client.set_terminated(self._parent, _ENDINGS.get(event.ending, interrupted))

    def _known_parent(self, experiment: str) -> str | None:
        runs = self._client.search_runs(
            [self._store], f"tags.`{_EXPERIMENT_TAG}` = '{experiment}'", max_results=1
        )
        return runs[0].info.run_id if runs else None

    def _new_parent(self, event: RunStarted) -> str:
        tags = {
            _EXPERIMENT_TAG: event.experiment,
            "nas_tuners.folder": event.folder,
            "nas_tuners.tuner": event.tuner,
            "nas_tuners.seed": str(event.seed),
            "nas_tuners.version": event.version,
        }
        run = self._client.create_run(self._store, tags=tags, run_name=event.experiment)
        return str(run.info.run_id)

    def _end_leftovers(self) -> None:
        """End the runs of trials that a runner left which did not live to end them."""
        left = f"tags.`{_PARENT_TAG}` = '{self._parent}' and attributes.status = 'RUNNING'"
        for run in self._client.search_runs([self._store], left):
            self._client.set_terminated(run.info.run_id, "KILLED")

    def _log_architecture(self, run: str, event: TrialStarted) -> None:
        entities: Any = importlib.import_module("mlflow.entities")
        params = [
            entities.Param(_allowed(key), str(value)[:_LONGEST])
            for key, value in flat(event.architecture).items()
        ]
        for start in range(0, len(params), _AT_ONCE):
            self._client.log_batch(run, params=params[start : start + _AT_ONCE])

    def _log(
        self, event: TrialReported | TrialFinished, *, prefix: str = "", step: int = 0
    ) -> None:
        if event.trial not in self._runs:
            return
        entities: Any = importlib.import_module("mlflow.entities")
        metrics = [
            entities.Metric(_allowed(prefix + name), number, _milliseconds(event), step)
            for name, number in numbers_of(event).items()
        ]
        self._client.log_batch(self._runs[event.trial], metrics=metrics)

    def _end(self, trial: int, *, status: str) -> None:
        run = self._runs.pop(trial, None)
        if run is not None:
            self._client.set_terminated(run, status)


def _allowed(name: str) -> str:
    return _NAME.sub("_", name)[:250]


def _milliseconds(event: ExperimentEvent) -> int:
    return int(event.time * 1000)

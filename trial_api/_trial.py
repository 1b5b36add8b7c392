"""The trial that this process runs: what it is given, and what it reports."""

from __future__ import annotations

import copy
import functools
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from nas_tuners.contract.errors import TrialError
from nas_tuners.contract.trial_io import (
    OUTPUT_DIR,
    TRIAL_BUDGET,
    TRIAL_DIR,
    Assignment,
    Metric,
    append_metric,
    check_metric,
    read_assignment,
)

_logger = logging.getLogger("trial_api")

_ALONE = "STANDALONE"


class Trial:
    """One trial of an experiment, or a script that runs alone.

    Args:
        directory: The trial's folder, as the runner made it; None for a script that runs alone.

    Example::

        trial = Trial(None)
        trial.parameters()  # {}
        trial.report_final_result(0.9)  # goes to the log
    """

    def __init__(self, directory: Path | None) -> None:
        self.directory = directory
        self._reports = {"intermediate": 0, "final": 0}
        self._warned = False
        self._after_report: Callable[[], object] | None = None

    @property
    def is_alone(self) -> bool:
        return self.directory is None

    @functools.cached_property
    def assignment(self) -> Assignment:
        """Who this trial is and what it was given.

        Raises:
            TrialError: if the trial's folder holds no usable ``parameters.json``.
        """
        if self.directory is None:
            return Assignment(_ALONE, _ALONE, 0, {})
        return read_assignment(self.directory)

    @property
    def output_dir(self) -> Path:
        """A folder for the trial's own files; the current one when it runs alone."""
        if self.directory is None:
            return Path.cwd()
        output = self.directory / OUTPUT_DIR
        try:
            output.mkdir(exist_ok=True)
        except OSError as error:
            raise TrialError(f"the output folder {output} cannot be made: {error}") from error
        return output

    def parameters(self) -> dict[str, Any]:
        """The parameters, the same at each call; empty, with a warning, when it runs alone."""
        if self.is_alone:
            self.warn_alone("there are no parameters")
        return copy.deepcopy(self.assignment.parameters)

    def report_intermediate_result(self, value: object) -> None:
        """Report a result on the way, such as the accuracy after an epoch."""
        self._report("intermediate", value)

    def report_final_result(self, value: object) -> None:
        """Report the result that the search is about."""
        if self._reports["final"]:
            _logger.warning("a final result was reported before; the last one counts")
        self._report("final", value)

    def after_report(self, function: Callable[[], object]) -> None:
        """Call a function once, after the next report; what is given first counts."""
        self._after_report = self._after_report or function

    def warn_alone(self, consequence: str) -> None:
        """Say once that no experiment launched this script, and what follows."""
        if not self._warned:
            _logger.warning(
                "this script runs alone, not under an experiment: %s, and results only go to "
                "the log (INFO). To search, launch it with `nas-tuners run config.yml`.",
                consequence,
            )
        self._warned = True

    def _report(self, kind: Literal["intermediate", "final"], value: object) -> None:
        checked = check_metric(value, self.assignment.metric)
        metric = Metric(kind, self._reports[kind], checked)
        if self.directory is None:
            _logger.info("%s result %d: %s", kind, metric.sequence, metric.value)
        else:
            append_metric(self.directory, metric)
        self._reports[kind] += 1
        function, self._after_report = self._after_report, None
        if function is not None:
            function()


def current_trial() -> Trial:
    """The trial of this process, the same at each call.

    A process that had none may be forked into one that has, so the environment is read each time.
    """
    return _trial_in(os.environ.get(TRIAL_DIR))


@functools.cache
def _trial_in(directory: str | None) -> Trial:
    return Trial(Path(directory) if directory else None)


def get_next_parameter() -> dict[str, Any]:
    """The parameters of this trial, the same at each call.

    A script that no experiment launched gets ``{}`` and one warning.

    Raises:
        TrialError: if the trial's folder holds no usable ``parameters.json``.

    Example::

        lr = get_next_parameter().get("lr", 0.1)
    """
    return current_trial().parameters()


def get_trial_budget() -> int | None:
    """How much this trial may train before its last report, where the experiment says so.

    Under an experiment with a ``budget`` this is the parameter ``TRIAL_BUDGET``, in units of the
    script's own (epochs, as a rule). None without one.

    Raises:
        TrialError: if the trial's folder holds no usable ``parameters.json``.

    Example::

        for epoch in range(get_trial_budget() or 10):
            report_intermediate_result(train_epoch(model))
    """
    budget = current_trial().assignment.parameters.get(TRIAL_BUDGET)
    return None if budget is None else int(budget)


def report_intermediate_result(value: object) -> None:
    """Report a result on the way: a finite number, or a dict whose ``default`` is one.

    Args:
        value: The result. Further entries of a dict may be any JSON.

    Raises:
        MetricError: if it is anything else, or more than 1 MB.
        TrialError: if it cannot be written.

    Example::

        for epoch in range(10):
            report_intermediate_result(train_epoch(model))
    """
    current_trial().report_intermediate_result(value)


def report_final_result(value: object) -> None:
    """Report the result that the search is about, once, at the end.

    In distributed training, report from rank 0 only.

    Args:
        value: A finite number, or a dict whose ``default`` is one. Further entries of a dict may
            be any JSON.

    Raises:
        MetricError: if it is anything else, or more than 1 MB.
        TrialError: if it cannot be written.

    Example::

        report_final_result({"default": accuracy, "parameters": size})
    """
    current_trial().report_final_result(value)


def get_experiment_id() -> str:
    """The experiment's id; ``"STANDALONE"`` for a script that runs alone."""
    return current_trial().assignment.experiment_id


def get_trial_id() -> str:
    """The trial's id; ``"STANDALONE"`` for a script that runs alone."""
    return current_trial().assignment.trial_id


def get_sequence_id() -> int:
    """The trial's number in its experiment, from 0; 0 for a script that runs alone."""
    return current_trial().assignment.number


def get_output_dir() -> Path:
    """A folder for the trial's own files, such as checkpoints.

    It is made at the first call and kept with the trial's results. For a script that runs alone
    it is the current folder.

    Raises:
        TrialError: if it cannot be made.
    """
    return current_trial().output_dir

"""Results that a runner had and could not record any more: they stand in the trials' folders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nas_tuners.contract.errors import TrialError
from nas_tuners.contract.trial_io import (
    PARAMETERS_FILE,
    Assignment,
    Metric,
    open_regular,
    read_assignment,
)

from .launcher import Exited
from .loop import Finished
from .outcome import judge
from .records import StudyTrial
from .trial_files import reported

if TYPE_CHECKING:
    from .study import ExperimentStudy


def left_result(folder: Path, assignment: Assignment, *, runner: str) -> list[Metric]:
    """All that was reported for a trial, if its result is among that; else nothing.

    Args:
        folder: The trial's; one that is not there, or cannot be read, holds nothing.
        assignment: What the trial is given now: of other parameters, or another budget, nothing
            counts.
        runner: Whose folder it should be; the same path may be another's on this machine.
    """
    if not _was_given(folder, assignment, runner):
        return []
    metrics = reported(folder, assignment.metric)
    return metrics if any(metric.kind == "final" for metric in metrics) else []


def record_result(
    study: ExperimentStudy, trial: StudyTrial, metrics: Sequence[Metric]
) -> Finished:
    """Its time is that between its first and its last report, for nobody saw its end."""
    for metric in metrics:
        if metric.kind == "intermediate":
            study.report(trial, metric)
    finals = [metric for metric in metrics if metric.kind == "final"]
    seconds = max(0.0, metrics[-1].time - metrics[0].time)
    judged = judge(finals, (), Exited(trial.number, 0), goals=study.goals)
    outcome = study.tell(trial, judged, seconds=seconds)
    return Finished(trial, outcome, Exited(trial.number, None), seconds)


def _was_given(folder: Path, assignment: Assignment, runner: str) -> bool:
    try:
        open_regular(folder / PARAMETERS_FILE).close()  # no pipe, which would be waited for
        given = read_assignment(folder)
    except (OSError, TrialError):
        return False
    return (given.experiment_id, given.parameters) == (runner, assignment.parameters)

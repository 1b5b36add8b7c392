"""How the trials of an experiment stand in its study."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nas_tuners.contract.trial_io import Assignment

from .configuration.parts import PrunedTrials

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

# System attributes of a trial: the experiment (or worker) that runs it, and how often it was taken
# over from one that had vanished.
RUNNER_ATTR = "nas_tuners:runner"
TAKEN_ATTR = "nas_tuners:taken_over"

# User attributes of a trial: why it failed or was stopped, all that it reported if that was more
# than one number, and how long it ran if that was not in one go.
REASON_ATTR = "failure"
RESULT_ATTR = "result"
SECONDS_ATTR = "seconds"

# System attributes of a study: what a worker must know to join, each a JSON text.
CONFIG_ATTR = "nas_tuners:config"
PRIOR_ATTR = "nas_tuners:prior"


@dataclass(frozen=True)
class StudyTrial:
    """A running trial: its id in the storage and what its process is given."""

    storage_id: int
    assignment: Assignment
    architecture: dict[str, Any]

    @property
    def number(self) -> int:
        return self.assignment.number


def result_of(trial: FrozenTrial) -> Any:
    """What a finished trial found: all metrics where there are several."""
    metrics = trial.user_attrs.get(RESULT_ATTR)
    ours = RUNNER_ATTR in trial.system_attrs and isinstance(metrics, dict)
    return metrics if ours and trial.values is not None else trial.values


def lesson_of(trial: FrozenTrial, pruned_trials: PrunedTrials, sign: float) -> Any:
    """What the tuner learns from a finished trial; :data:`NotImplemented` if nothing.

    Args:
        trial: A finished trial.
        pruned_trials: What to make of one that was stopped early.
        sign: 1 where a high value is good, -1 where a low one is.
    """
    if trial.state.name != "PRUNED":
        return result_of(trial)
    if pruned_trials == "ignore" or trial.values is None:
        return NotImplemented
    if pruned_trials == "best" and trial.intermediate_values:
        return max(trial.intermediate_values.values(), key=lambda value: sign * value)
    return result_of(trial)


def unfinished_of(trials: Iterable[FrozenTrial], runner: str) -> list[FrozenTrial]:
    """The trials that a runner has begun and nobody has ended."""
    return [
        trial
        for trial in trials
        if not trial.state.is_finished() and trial.system_attrs.get(RUNNER_ATTR) == runner
    ]

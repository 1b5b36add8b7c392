"""Studies with trials that have reported, for tests of pruners."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import optuna
from optuna.trial import FrozenTrial, TrialState


def study_of(
    completed: Iterable[Sequence[float] | Mapping[int, float]], *, direction: str = "maximize"
) -> optuna.Study:
    """A study of completed trials; the last result of each is its value."""
    study = optuna.create_study(direction=direction)
    for values in completed:
        steps = steps_of(values)
        trial = optuna.trial.create_trial(value=[*steps.values()][-1], intermediate_values=steps)
        study.add_trial(trial)
    return study


def running(study: optuna.Study, values: Sequence[float] | Mapping[int, float]) -> FrozenTrial:
    """A running trial of the study that has reported these."""
    trial = study.ask()
    for step, value in steps_of(values).items():
        trial.report(value, step)
    return study._storage.get_trial(trial._trial_id)


def end(study: optuna.Study, trial: FrozenTrial, *, pruned: bool = False) -> None:
    """The trial ends, by itself or not, with its last result."""
    state = TrialState.PRUNED if pruned else TrialState.COMPLETE
    last = trial.intermediate_values[trial.last_step or 0]
    study._storage.set_trial_state_values(trial._trial_id, state, [last])


def steps_of(values: Sequence[float] | Mapping[int, float]) -> dict[int, float]:
    return dict(values) if isinstance(values, Mapping) else dict(enumerate(values))

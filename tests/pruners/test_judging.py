"""Every pruner, driven from outside of its trials, on real storages."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.exceptions import StorageInternalError
from optuna.pruners import BasePruner
from optuna.storages import BaseStorage
from optuna.trial import TrialState

from nas_tuners.contract.errors import TunerError
from nas_tuners.pruners import make_pruner, should_prune

STEPS = 16
GOOD = [[0.5 + 0.02 * k - 0.001 * trial * k**0.5 for k in range(STEPS)] for trial in range(3)]
BAD = [[0.3 - 0.001 * trial - 0.003 * k for k in range(STEPS)] for trial in range(8)]
PRUNERS: dict[str, dict[str, Any]] = {
    "curve_fitting": {"epoch_num": STEPS},
    "hyperband": {"max_resource": STEPS, "reduction_factor": 2},
    "median": {"n_startup_trials": 2},
    "median_stopping": {},
    "patient": {"wrapped_pruner": "median_stopping", "patience": 2},
    "percentile": {"percentile": 25.0, "n_startup_trials": 2},
    "successive_halving": {"reduction_factor": 2, "min_resource": 1},
    "threshold": {"lower": 0.4},
    "wilcoxon": {"p_threshold": 0.1},
}


@pytest.fixture(params=["sqlite", "journal"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BaseStorage]:
    if request.param == "sqlite":
        rdb = optuna.storages.RDBStorage(f"sqlite:///{tmp_path}/study.db")
        yield optuna.storages.get_storage(rdb)
        rdb.engine.dispose()
    else:
        backend = optuna.storages.journal.JournalFileBackend(str(tmp_path / "journal.log"))
        yield optuna.storages.JournalStorage(backend)


def _pruner(name: str, mode: Any = "maximize") -> BasePruner:
    return make_pruner(name, PRUNERS[name], optimize_mode=mode, seed=0)


def _study(storage: BaseStorage, directions: tuple[str, ...] = ("maximize",)) -> optuna.Study:
    return optuna.create_study(storage=storage, study_name="s", directions=list(directions))


def _run(study: optuna.Study, pruner: BasePruner, values: list[float]) -> TrialState:
    """A trial as an experiment runs it: created, reported and ended through the storage alone."""
    storage, objectives = study._storage, len(study.directions)
    trial_id = storage.create_new_trial(study._study_id)
    for step, value in enumerate(values):
        storage.set_trial_intermediate_value(trial_id, step, value)
        if should_prune(pruner, study, storage.get_trial(trial_id)):
            storage.set_trial_state_values(trial_id, TrialState.PRUNED, [value] * objectives)
            return TrialState.PRUNED
    storage.set_trial_state_values(trial_id, TrialState.COMPLETE, [values[-1]] * objectives)
    return TrialState.COMPLETE


@pytest.mark.parametrize("name", PRUNERS)
def test_good_trials_end_and_bad_ones_are_stopped(name: str) -> None:
    _check_a_run(optuna.storages.InMemoryStorage(), name)


@pytest.mark.parametrize("name", ["hyperband", "successive_halving"])
def test_notes_are_written_where_others_find_them(name: str, storage: BaseStorage) -> None:
    """These two keep in the study how far each trial has got."""
    _check_a_run(storage, name)


def _check_a_run(storage: BaseStorage, name: str) -> None:
    study, pruner = _study(storage), _pruner(name)
    states = [_run(study, pruner, values) for values in [*GOOD, *BAD]]
    assert states[0] == TrialState.COMPLETE
    assert TrialState.PRUNED in states[3:]
    assert study.best_value == GOOD[0][-1]


@pytest.mark.parametrize("name", sorted(set(PRUNERS) - {"threshold"}))
def test_of_several_objectives_the_first_decides(name: str) -> None:
    """It is minimized here, and the second, which is not, has the same values."""
    study = _study(optuna.storages.InMemoryStorage(), ("minimize", "maximize"))
    pruner = _pruner(name, "minimize")
    states = [_run(study, pruner, [-value for value in values]) for values in [*GOOD, *BAD]]
    assert states[0] == TrialState.COMPLETE
    assert TrialState.PRUNED in states[3:]


def test_decisions_are_those_of_a_trial_that_asks_for_itself() -> None:
    """As ``trial.should_prune()`` in an objective: the same studies, trial by trial."""
    rng = random.Random(0)
    curves = [
        [rng.random() + trend * step for step in range(STEPS)] for trend in [0.05, -0.05] * 4
    ]
    for name in PRUNERS:
        inside = _study(optuna.storages.InMemoryStorage())
        outside = _study(optuna.storages.InMemoryStorage())
        inside.pruner = _pruner(name)
        expected = [_run_inside(inside, values) for values in curves]
        assert TrialState.PRUNED in expected, name
        pruner = _pruner(name)
        assert [_run(outside, pruner, values) for values in curves] == expected, name


def _run_inside(study: optuna.Study, values: list[float]) -> TrialState:
    trial = study.ask()
    for step, value in enumerate(values):
        trial.report(value, step)
        if trial.should_prune():
            study.tell(trial, state=TrialState.PRUNED)
            return TrialState.PRUNED
    study.tell(trial, values[-1])
    return TrialState.COMPLETE


def test_a_trial_that_was_ended_by_somebody_else_is_left_alone() -> None:
    study, pruner = _study(optuna.storages.InMemoryStorage()), _pruner("successive_halving")
    trial = study.ask()
    trial.report(0.5, 0)
    trial.report(0.5, 1)
    before = study._storage.get_trial(trial._trial_id)
    study.tell(trial, 0.5)
    assert not should_prune(pruner, study, before), "its notes cannot be written any more"
    assert not should_prune(_pruner("threshold"), study, study.trials[0])


def test_without_a_report_nobody_is_asked() -> None:
    study = _study(optuna.storages.InMemoryStorage())
    trial = study._storage.get_trial(study.ask()._trial_id)
    assert not should_prune(_Raises(ZeroDivisionError()), study, trial)


class _Raises(BasePruner):
    def __init__(self, error: Exception) -> None:
        self._error = error

    def prune(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> bool:
        raise self._error


def _reported() -> tuple[optuna.Study, optuna.trial.FrozenTrial]:
    study = _study(optuna.storages.InMemoryStorage())
    trial = study.ask()
    trial.report(0.5, 0)
    return study, study._storage.get_trial(trial._trial_id)


def test_a_pruner_that_raises_is_named() -> None:
    message = "_Raises raised while judging trial 0: ZeroDivisionError: by zero"
    with pytest.raises(TunerError, match=message):
        should_prune(_Raises(ZeroDivisionError("by zero")), *_reported())


@pytest.mark.parametrize("error", [ConnectionError("gone"), StorageInternalError("locked")])
def test_what_is_wrong_with_the_storage_is_not_laid_on_the_pruner(error: Exception) -> None:
    with pytest.raises(type(error), match=str(error)):
        should_prune(_Raises(error), *_reported())

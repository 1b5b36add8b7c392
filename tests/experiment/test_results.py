"""Reading a study that others write to as well."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import optuna
import pytest

from nas_tuners.contract.search_space import SearchSpace
from nas_tuners.experiment.configuration.config import ExperimentConfig, TunerConfig
from nas_tuners.experiment.folder import ExperimentFolder, create_folder
from nas_tuners.experiment.results import read_results
from nas_tuners.experiment.storages.storage import open_storage
from nas_tuners.experiment.study_setup import open_study
from nas_tuners.tuners._study import attach_space
from tests.experiment_kit import SPACE


@pytest.fixture
def folder(tmp_path: Path) -> ExperimentFolder:
    config = ExperimentConfig(
        name="e",
        command="true",
        tuner=TunerConfig("random"),
        code_directory=tmp_path,
        experiments_directory=tmp_path,
        optimize_mode="minimize",
    )
    return create_folder(config, SearchSpace(SPACE))


def add_trials(folder: ExperimentFolder) -> None:
    """What a user adds with Optuna alone."""
    with open_storage(folder.storage_url) as storage:
        study = open_study(storage, folder.config())
        attach_space(study, folder.space())
        for label, value in (("x", 3.0), ("y", 1.0), ("z", 1.0), ("z", float("inf"))):
            trial = study.ask()
            trial.suggest_categorical("a", SPACE["a"]["_value"])
            trial.suggest_categorical("b", SPACE["b"]["_value"])
            trial.set_user_attr("label", label)
            study.tell(trial, value)
        study.tell(study.ask(), state=optuna.trial.TrialState.FAIL)
        study.ask()


def test_nothing_yet(folder: ExperimentFolder) -> None:
    assert read_results(folder).trials == ()
    assert not (folder.path / "study.db").exists(), "reading makes no database"
    with open_storage(folder.storage_url):
        pass
    assert read_results(folder).trials == ()


def test_trials_that_others_added_have_architectures_too(folder: ExperimentFolder) -> None:
    add_trials(folder)
    results = read_results(folder)
    assert [trial.architecture.keys() for trial in results.trials[:4]] == [{"a", "b"}] * 4
    assert [trial.architecture for trial in results.trials[4:]] == [{}, {}]
    assert results.states() == {"complete": 4, "fail": 1, "running": 1}


def test_the_best_first_and_of_equals_the_earlier(folder: ExperimentFolder) -> None:
    add_trials(folder)
    results = read_results(folder)
    assert [trial.number for trial in results.best(10)] == [1, 2, 0, 3]
    assert [trial.number for trial in results.best(1)] == [1]


def test_trials_that_others_added_tell_of_one_metric(folder: ExperimentFolder) -> None:
    add_trials(folder)
    results = read_results(folder)
    assert [trial.metrics for trial in results.trials[:2]] == [{"default": 3.0}, {"default": 1.0}]
    assert results.trials[3].number_of("default") is None, "infinity cannot be compared"
    assert results.trials[4].metrics == {}
    assert results.further_metrics == []
    assert not results.several_objectives


def test_the_front_of_one_objective_is_its_best(folder: ExperimentFolder) -> None:
    add_trials(folder)
    assert [trial.number for trial in read_results(folder).front()] == [1, 2]


def test_architectures_are_counted_once(folder: ExperimentFolder) -> None:
    add_trials(folder)
    results = read_results(folder)
    different = {(t.architecture["a"], t.architecture["b"]) for t in results.trials[:4]}
    assert results.tried() == len(different)
    again = replace(results, trials=results.trials * 2)
    assert again.tried() == len(different)

"""The study of an experiment, on a real database."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from nas_tuners.contract.errors import ExperimentError, SearchSpaceExhausted
from nas_tuners.contract.search_space import SearchSpace
from nas_tuners.contract.trial_io import Metric
from nas_tuners.experiment.config import ExperimentConfig, TunerConfig
from nas_tuners.experiment.outcome import Complete, Failed
from nas_tuners.experiment.rdb_storage import RunnerStorage
from nas_tuners.experiment.storage import exclusive, open_storage
from nas_tuners.experiment.study import (
    ExperimentStudy,
    configured_goals,
    goals_of,
    make_tuner_of,
    open_study,
    result_of,
)
from nas_tuners.tuners._history import HistoryFollower
from nas_tuners.tuners._study import attach_space
from tests.experiment_kit import SPACE

MIXED: dict[str, Any] = SPACE | {
    "skip": {"_type": "input_choice", "_value": {"candidates": ["i", "j", "k"], "n_chosen": 2}},
    "any": {"_type": "input_choice", "_value": {"candidates": ["i", "j"], "n_chosen": None}},
    "lr": {"_type": "loguniform", "_value": [0.001, 0.1]},
    "width": {"_type": "randint", "_value": [1, 9]},
    "deep": {"_type": "layer_choice", "_value": ["m", "n"], "_active_if": {"a": [0]}},
}


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/study.db"


@pytest.fixture
def storage(url: str) -> Iterator[Any]:
    with open_storage(url) as opened:
        yield opened


def config(**fields: Any) -> ExperimentConfig:
    plain: dict[str, Any] = {
        "name": "e",
        "command": "true",
        "tuner": TunerConfig("random"),
        "code_directory": Path(),
        "experiments_directory": Path(),
        "seed": 1,
    }
    return ExperimentConfig(**(plain | fields))


def experiment(storage: Any, url: str, space: dict[str, Any], name: str = "e") -> ExperimentStudy:
    study = open_study(storage, config())
    encoding = attach_space(study, SearchSpace(space))
    return ExperimentStudy(
        study,
        encoding,
        HistoryFollower(make_tuner_of(config()), encoding),
        goals=goals_of(config()),
        experiment_id=name,
        exclusive=partial(exclusive, url),
    )


def frozen(storage: Any) -> list[optuna.trial.FrozenTrial]:
    return optuna.load_study(study_name="e", storage=storage).trials


def test_a_suggestion_is_an_ordinary_running_trial(storage: Any, url: str) -> None:
    ours = experiment(storage, url, MIXED)
    trial = ours.ask()
    assert trial is not None
    (recorded,) = frozen(storage)
    assert recorded.state is TrialState.RUNNING
    assert recorded.datetime_start is not None
    assert recorded.datetime_complete is None
    assert recorded.user_attrs["architecture"] == trial.architecture
    assert recorded.params.keys() == recorded.distributions.keys()
    assert trial.assignment.number == 0
    assert trial.assignment.search_space == SearchSpace(MIXED).to_dict()


def test_what_is_left_running_is_restored_as_it_was_asked(storage: Any, url: str) -> None:
    ours = experiment(storage, url, MIXED)
    asked = [ours.ask() for _ in range(5)]
    experiment(storage, url, MIXED, name="another").ask()
    again = experiment(storage, url, MIXED)
    assert again.unfinished() == asked


def test_results_are_recorded(storage: Any, url: str) -> None:
    ours = experiment(storage, url, SPACE)
    good, bad = ours.ask(), ours.ask()
    assert good is not None
    assert bad is not None
    ours.report(good, Metric("intermediate", 0, 0.25))
    ours.report(good, Metric("intermediate", 0, 0.5))
    ours.tell(good, Complete(Metric("final", 0, {"default": 0.75, "size": 3})))
    ours.tell(bad, Failed("exit code 1"))
    first, second = frozen(storage)
    assert (first.state, first.value) == (TrialState.COMPLETE, 0.75)
    assert first.intermediate_values == {0: 0.5}
    assert first.user_attrs["result"] == {"default": 0.75, "size": 3}
    assert second.state is TrialState.FAIL
    assert second.user_attrs["failure"] == "exit code 1"
    assert ours.unfinished() == []


def test_the_tuner_gets_every_metric_that_a_trial_reported(storage: Any, url: str) -> None:
    ours = experiment(storage, url, SPACE)
    for value in ({"default": 0.75, "size": 3}, 0.5):
        trial = ours.ask()
        assert trial is not None
        ours.tell(trial, Complete(Metric("final", 0, value)))
    failed = ours.ask()
    assert failed is not None
    ours.tell(failed, Failed("exit code 1"))
    results = [result_of(trial) for trial in frozen(storage)]
    assert results == [{"default": 0.75, "size": 3}, [0.5], None]


def test_an_attribute_of_somebody_elses_trial_is_no_result() -> None:
    trial = optuna.trial.create_trial(value=0.5, user_attrs={"result": {"default": 7.0}})
    assert result_of(trial) == [0.5]


def test_a_trial_that_somebody_else_ended_stays_as_it_is(
    storage: Any, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    ours = experiment(storage, url, SPACE)
    trial = ours.ask()
    assert trial is not None
    optuna.load_study(study_name="e", storage=storage).tell(0, 0.125)
    ours.report(trial, Metric("intermediate", 0, 1.0))
    ours.tell(trial, Complete(Metric("final", 0, 1.0)))
    ours.tell(trial, Failed("exit code 1"))
    assert frozen(storage)[0].value == 0.125
    assert "Trial 0 was ended in the study by somebody else." in caplog.text


def test_the_budget_and_the_end_of_the_space(storage: Any, url: str) -> None:
    ours = experiment(storage, url, SPACE)
    for _ in range(4):
        assert ours.ask(max_trials=4) is not None
    assert ours.ask(max_trials=4) is None
    for _ in range(8):
        ours.ask()
    with pytest.raises(SearchSpaceExhausted):
        ours.ask()
    assert len(frozen(storage)) == 12


@pytest.mark.parametrize(
    "mode", [{}, {"optimize_mode": {"default": "minimize", "size": ">= 2", "ms": "maximize"}}]
)
def test_goals_without_the_tuner_are_those_of_the_tuner(mode: dict[str, Any]) -> None:
    configured = config(optimize_mode="minimize", tuner=TunerConfig("bayesian", mode))
    assert configured_goals(configured) == goals_of(configured)


def test_goals_of_a_class_that_takes_the_word_otherwise_or_is_gone() -> None:
    tuner = TunerConfig("gone:Tuner", {"optimize_mode": "upwards"})
    assert configured_goals(config(tuner=tuner)).objectives == (("default", 1.0),)


def test_a_study_that_optimizes_otherwise_is_refused(storage: Any) -> None:
    open_study(storage, config(optimize_mode="minimize"))
    with pytest.raises(ExperimentError, match="is there already, to minimize; optimize_mode is"):
        open_study(storage, config())


def test_the_quicker_storage_records_what_optunas_own_does(tmp_path: Path) -> None:
    recorded = []
    for kind in (RunnerStorage, optuna.storages.RDBStorage):
        url = f"sqlite:///{tmp_path}/{kind.__name__}.db"
        storage = optuna.storages.get_storage(kind(url))
        ours = experiment(storage, url, MIXED)
        for _ in range(3):
            ours.ask()
        recorded.append([(t.number, t.params, t.distributions) for t in frozen(storage)])
        storage.remove_session()
        storage._backend.engine.dispose()
    assert recorded[0] == recorded[1]

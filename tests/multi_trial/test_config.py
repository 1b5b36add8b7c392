"""The keywords of an experiment."""

from __future__ import annotations

import functools
import inspect
import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import optuna
import pytest

from nas_tuners import OptunaTuner, RandomTuner, RegularizedEvolutionTuner
from nas_tuners.contract.errors import ConfigError
from nas_tuners.multi_trial.config import for_trials, make_config


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def problems_of(**given: Any) -> dict[str, str]:
    with pytest.raises(ConfigError) as told:
        make_config(given, name="Net")
    assert told.value.source == "Experiment"
    return {problem.where: problem.message for problem in told.value.problems}


def test_what_is_not_given_is_as_in_a_file(tmp_path: Path) -> None:
    config = make_config({"tuner": None}, name="<lambda>")
    assert config.name == "lambda"
    assert config.tuner.name == "BayesianTuner"
    assert config.warm
    assert config.code_directory == tmp_path
    assert config.experiments_directory == tmp_path / "nas-experiments"
    assert config.command == (sys.executable, "-m", "nas_tuners.multi_trial.trial")


def test_values_of_python() -> None:
    config = make_config(
        {
            "tuner": functools.partial(
                RegularizedEvolutionTuner, population_size=5, sample_size=2
            ),
            "experiments_directory": Path("here"),
            "max_duration": timedelta(minutes=1),
            "optimize_mode": {"accuracy": "maximize", "size": "<= 5"},
            "early_stopping": "median",
        },
        name="Net",
    )
    assert config.tuner.name == "RegularizedEvolutionTuner"
    assert config.tuner.args == {"population_size": 5, "sample_size": 2}
    assert config.experiments_directory == Path.cwd() / "here"
    assert config.max_duration == 60


@pytest.mark.parametrize("tuner", ["random", RandomTuner, {"name": "random", "args": {}}])
def test_ways_to_name_a_tuner(tuner: Any) -> None:
    assert "random" in make_config({"tuner": tuner}, name="Net").tuner.name.lower()


def test_every_mistake_is_told_at_once() -> None:
    found = problems_of(
        max_trails=3,
        max_trial_number=3,
        concurrency=0,
        command="python trial.py",
        launcher="ray",
        early_stopping={"name": "median", "args": {"warmup": object}},
        tuner={"name": "randon"},
        environment={"A": object()},
    )
    assert found["max_trails"] == "unknown key; did you mean 'max_trials'?"
    assert found["max_trial_number"] == "is NNI's name: it is called max_trials here"
    assert found["concurrency"] == "must be a whole number of at least 1, got 0"
    assert found["command"] == "the evaluator is what a trial runs: leave it out"
    assert found["launcher"].startswith("trials of an experiment in Python run on this machine")
    assert found["tuner.name"].startswith("no tuner 'randon'; did you mean 'random'?")
    assert found["environment"].startswith("must be text, numbers, true or false, None, or lists")


def test_a_new_tuner_is_taken_apart() -> None:
    tuner = RegularizedEvolutionTuner(population_size=30, optimize_mode="minimize", seed=3)
    config = make_config({"tuner": tuner}, name="Net")
    assert config.tuner.name == "RegularizedEvolutionTuner"
    assert config.tuner.args == {"population_size": 30, "seed": 3}
    assert config.optimize_mode == "minimize"
    same = make_config({"tuner": tuner, "optimize_mode": "minimize"}, name="Net")
    assert same.tuner.args == config.tuner.args
    assert problems_of(tuner=tuner, optimize_mode="maximize") == {
        "tuner.args.optimize_mode": "is 'minimize' and the experiment's is 'maximize': leave it "
        "out here"
    }


class Mine(RandomTuner):
    def __init__(self, rate: float, **options: Any) -> None:
        super().__init__(**options)


@pytest.mark.parametrize(
    ("tuner", "arguments"),
    [
        (RandomTuner(seed=1), {"seed": 1}),
        (RandomTuner(), {}),
        (Mine(0.5, seed=1), {"rate": 0.5, "seed": 1}),
    ],
)
def test_the_arguments_that_a_tuner_was_made_with(
    tuner: RandomTuner, arguments: dict[str, Any]
) -> None:
    assert make_config({"tuner": tuner}, name="Net").tuner.args == arguments


def test_classes_of_tuners_keep_their_signatures() -> None:
    assert list(inspect.signature(RandomTuner).parameters) == ["optimize_mode", "seed", "dedup"]
    assert list(inspect.signature(Mine).parameters) == ["rate", "options"]


def test_tuners_that_cannot_be_recorded() -> None:
    used = RandomTuner(seed=1)
    used.update_search_space({"a": {"_type": "choice", "_value": [1, 2]}})
    used.generate_parameters(0)
    assert problems_of(tuner=used) == {
        "tuner": "this RandomTuner has had trials already: give a new one"
    }
    of_sampler = OptunaTuner(optuna.samplers.TPESampler(seed=1))
    assert (
        "by its path, such as 'optuna.samplers:TPESampler'"
        in problems_of(tuner=of_sampler)["tuner"]
    )


def test_a_sampler_that_is_made_already() -> None:
    assert problems_of(tuner=optuna.samplers.TPESampler(seed=1)) == {
        "tuner": "a TPESampler that is made already: how it was made is not known, and resuming "
        "needs that; give functools.partial(TPESampler, ...) with the same arguments"
    }
    partial = functools.partial(optuna.samplers.TPESampler, seed=1)
    assert make_config({"tuner": partial}, name="Net").tuner.args == {"seed": 1}


def test_trials_import_what_this_program_can(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", ["", "/mine", *sys.path])
    config = make_config({"environment": {"PYTHONPATH": "/given", "A": "1"}}, name="Net")
    environment = for_trials(config, ["one", "two.three"]).environment
    places = environment["PYTHONPATH"].split(os.pathsep)
    assert places[:3] == ["/given", str(Path.cwd()), "/mine"]
    assert not any(place.endswith("site-packages") for place in places)
    assert environment["NAS_TUNERS_PRELOAD"] == "one two.three"
    assert environment["A"] == "1"
    again = for_trials(for_trials(config, []), []).environment
    assert again["PYTHONPATH"] == environment["PYTHONPATH"]

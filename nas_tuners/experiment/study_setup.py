"""Makes what a configuration names: its study, its tuner, its pruner, its goals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nas_tuners.contract.errors import ConfigError, ExperimentError, Problem
from nas_tuners.contract.search_space import SearchSpace

from .configuration.config import ExperimentConfig
from .prior import Prior

if TYPE_CHECKING:
    from optuna.pruners import BasePruner
    from optuna.storages import BaseStorage
    from optuna.study import Study

    from nas_tuners.tuners._base import Tuner
    from nas_tuners.tuners._goals import Direction, Goals


def make_tuner_of(config: ExperimentConfig) -> Tuner:
    """The tuner that a configuration names.

    Raises:
        ConfigError: if there is none such, or its arguments are wrong.
    """
    from nas_tuners.tuners._registry import make_tuner

    tuner = make_tuner(
        config.tuner.name,
        config.tuner.args,
        optimize_mode=config.optimize_mode,
        seed=config.seed,
        code_directory=config.tuner.code_directory or config.code_directory,
    )
    own = config.tuner.args.get("optimize_mode", config.optimize_mode)
    if tuner.goals != goals_of(config) and own != config.optimize_mode:
        message = f"is {own!r} and the experiment's is {config.optimize_mode!r}: leave it out here"
        raise ConfigError([Problem("tuner.args.optimize_mode", message)])
    return tuner


def prepared_tuner(config: ExperimentConfig, space: SearchSpace, prior: Prior) -> Tuner:
    """The tuner as it is before the first trial.

    Raises:
        ConfigError: if it cannot be made.
        ArchitectureError: if none of the scores, or of the results, fits the space.
        TunerError: if it makes no use of scores, or fails on what it is given.
    """
    tuner = make_tuner_of(config)
    if prior.warm_start:
        tuner.warm_start(prior.warm_start)
    tuner.update_search_space(space)
    if prior.import_data:
        tuner.import_data(prior.import_data)
    return tuner


def make_pruner_of(config: ExperimentConfig) -> BasePruner | None:
    """The pruner that a configuration names, if it does.

    Raises:
        ConfigError: if there is none such, or its arguments are wrong.
    """
    from nas_tuners.pruners import make_pruner

    if config.early_stopping is None:
        return None
    return make_pruner(
        config.early_stopping.name,
        config.early_stopping.args,
        optimize_mode=main_direction(goals_of(config)),
        seed=config.seed,
        code_directory=config.code_directory,
    )


def goals_of(config: ExperimentConfig) -> Goals:
    """What an experiment is after."""
    from nas_tuners.tuners._goals import Goals

    return Goals.of(config.optimize_mode)


def main_direction(goals: Goals) -> Direction:
    """Of the first objective, which "best" goes by."""
    return "maximize" if goals.objectives[0][1] > 0 else "minimize"


def directions_of(goals: Goals) -> list[Direction]:
    """One an objective."""
    return ["maximize" if sign > 0 else "minimize" for sign in goals.signs]


def open_study(storage: BaseStorage, config: ExperimentConfig) -> Study:
    """The study of an experiment, made if it does not exist.

    Raises:
        ExperimentError: if a study of that name optimizes something else.
    """
    import optuna

    from nas_tuners.tuners._registry import without_experimental_warnings

    goals = goals_of(config)
    study = optuna.create_study(
        storage=storage,
        study_name=study_name(config),
        directions=directions_of(goals),
        load_if_exists=True,
        sampler=optuna.samplers.RandomSampler(),  # never asked
    )
    directions = [direction.name.lower() for direction in study.directions]
    if directions != directions_of(goals):
        raise ExperimentError(
            f"the study {study.study_name!r} is there already, to {' and '.join(directions)}; "
            f"optimize_mode is {config.optimize_mode}: change it, or choose another study_name"
        )
    names = [metric for metric, _ in goals.objectives]
    if names != ["default"] and study.metric_names != names:
        with without_experimental_warnings():
            study.set_metric_names(names)
    return study


def study_name(config: ExperimentConfig) -> str:
    return config.study_name or config.name

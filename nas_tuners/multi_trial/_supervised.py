"""The loop of the built-in evaluators: epochs of training, each followed by a validation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from nas_tuners.contract.errors import ConfigError, Problem, did_you_mean
from trial_api import get_trial_budget, report_intermediate_result
from trial_api.randomness import generators_of, seed_of, seeded

from ._data import data_problems, make_loader
from ._learner import Learner, Task
from ._progress import settings_of
from ._scores import Scoring
from ._training import Training, problems_of, read_training
from .evaluator import ModelClass


def check(evaluator: str, scoring: Scoring, task: Mapping[str, Any], training: Any) -> None:
    """Look at an evaluator's arguments.

    Args:
        evaluator: Its name.
        scoring: Its metrics.
        task: The arguments that make a :class:`Task`.
        training: Those of :class:`.Training`.

    Raises:
        ConfigError: with everything that is wrong.
    """
    problems = [*_task_problems(scoring, task, training), *problems_of(training, others=task)]
    if problems:
        raise ConfigError(problems, evaluator)


def evaluate(
    evaluator: str, scoring: Scoring, model_cls: ModelClass, arguments: Mapping[str, Any]
) -> dict[str, float]:
    """Train and judge a model.

    Args:
        evaluator: The name of who evaluates.
        scoring: Its metrics.
        model_cls: Makes the model.
        arguments: The evaluator's, with what was chosen.

    Raises:
        ConfigError: if what was chosen is wrong, or what should give data does not.
        TrainingError: as :func:`train`.
    """
    of_task = {"train_data", "valid_data", "criterion", "metric"}
    given = {name: value for name, value in arguments.items() if name in of_task}
    others = {name: value for name, value in arguments.items() if name not in of_task}
    training = read_training(others, evaluator)
    task = Task(**given, scoring=scoring, settings=settings_of(arguments))
    return train(model_cls, task, training)


def train(model_cls: ModelClass, task: Task, training: Training) -> dict[str, float]:
    """Train a model, and give the metrics of the last epoch.

    Each epoch has random numbers of its own seed, so a trial that goes on from its checkpoint
    finds what it would have found without the interruption.

    Raises:
        ConfigError: if what should give data does not.
        TrainingError: if the loss is not finite any more, or data and model do not fit.
    """
    with seeded(seed_of(training.seed, "data", 0)):
        train_loader = make_loader("train_data", task.train_data, training, shuffle=True)
        valid_loader = make_loader("valid_data", task.valid_data, training, shuffle=False)
    with seeded(seed_of(training.seed, "weights", 0)):
        learner = Learner(model_cls(), task, training)
    history = learner.restore()
    for metrics in history:  # an attempt's reports are its own: those of an earlier one are gone
        report_intermediate_result(metrics)
    last = get_trial_budget() or training.max_epochs
    for epoch in range(len(history), last):
        seed = seed_of(training.seed, "epoch", epoch)
        for generator in (*generators_of(train_loader), *generators_of(valid_loader)):
            generator.manual_seed(seed)
        with seeded(seed):
            loss = learner.train_epoch(train_loader, f"epoch {epoch}")
            metrics = learner.validate(valid_loader)
        history.append({"default": metrics[task.metric], **metrics, "train_loss": loss})
        learner.save(history)
        report_intermediate_result(history[-1])
    learner.finish(valid_loader)
    return history[last - 1]


def _task_problems(
    scoring: Scoring, task: Mapping[str, Any], training: Mapping[str, Any]
) -> Iterator[Problem]:
    for name in ("train_data", "valid_data"):
        yield from data_problems(name, task[name], training.get("batch_size"))
    if not callable(task["criterion"]):
        got = repr(task["criterion"])
        yield Problem("criterion", f"must be a loss or a class of losses, but got {got}")
    metric, known = task["metric"], scoring.directions
    if metric not in list(known):  # which may be asked about lists, too
        hint = did_you_mean(metric, known)
        yield Problem("metric", f"must be one of {', '.join(known)}, but got {metric!r}{hint}")

"""Evaluators, without any experiment around them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest
from torch import nn

from nas_tuners.contract.errors import ConfigError
from nas_tuners.multi_trial import Evaluator, FunctionalEvaluator, choice, uniform

LR = uniform(0, 1)


def model_class() -> nn.Module:
    return nn.Linear(1, 1)


def by_class(model_cls: Any) -> Any:
    return model_cls


def by_name(model):  # type: ignore[no-untyped-def]
    return model


def by_annotation(net: nn.Linear) -> Any:
    return net


def against_its_name(model: Callable[[], nn.Module]) -> Any:
    return model


@pytest.mark.parametrize(
    ("function", "gets_model"),
    [(by_class, False), (by_name, True), (by_annotation, True), (against_its_name, False)],
)
def test_the_first_parameter_says_what_it_gets(
    function: Callable[..., Any], gets_model: bool
) -> None:
    got = FunctionalEvaluator(function).run(model_class, {})
    assert isinstance(got, nn.Module) == gets_model
    assert gets_model or got is model_class


def test_what_is_searched_and_what_is_chosen() -> None:
    def train(model_cls: Any, lr: float, *, steps: int, batch: int = 1) -> Any:
        return lr, steps, batch

    evaluator = FunctionalEvaluator(train, lr=uniform(0, 1), steps=3)
    assert list(evaluator.choices) == ["lr"]
    assert evaluator.name == "train"
    assert evaluator.run(model_class, {"lr": 0.5}) == (0.5, 3, 1)


def test_defaults_that_are_choices_are_searched() -> None:
    def train(model_cls: Any, lr: Any = LR, steps: int = 3) -> Any:
        return lr, steps

    evaluator = FunctionalEvaluator(train)
    assert list(evaluator.choices) == ["lr"]
    assert evaluator.run(model_class, {"lr": 0.5}) == (0.5, 3)
    assert FunctionalEvaluator(train, lr=0.1).run(model_class, {}) == (0.1, 3)


def test_every_argument_that_does_not_fit_is_told_at_once() -> None:
    def train(model_cls: Any, epochs: int, learning_rate: float) -> None: ...

    with pytest.raises(ConfigError) as told:
        FunctionalEvaluator(train, lerning_rate=0.1)
    assert told.value.source == "the evaluator's function train"
    assert {problem.where: problem.message for problem in told.value.problems} == {
        "lerning_rate": "it takes no such argument; did you mean 'learning_rate'?",
        "epochs": "missing: give it to the evaluator, epochs=...",
        "learning_rate": "missing: give it to the evaluator, learning_rate=...",
    }


@pytest.mark.parametrize(
    "value",
    [
        {"lr": uniform(0, 1)},
        (0.1, choice([1, 2])),
        {"optimizer": {"betas": (0.9, uniform(0, 1))}},
        functools.partial(nn.Dropout, p=uniform(0, 1)),
    ],
)
def test_a_choice_within_an_argument(value: Any) -> None:
    with pytest.raises(ConfigError, match="options: holds a choice; only what is an argument"):
        FunctionalEvaluator(lambda model_cls, options: 1, options=value)


def test_no_function() -> None:
    with pytest.raises(ConfigError, match="evaluator: expected a function of the model, got 3"):
        FunctionalEvaluator(3)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="must take the model as its first argument"):
        FunctionalEvaluator(lambda: 1)
    with pytest.raises(ConfigError, match="lr: is the first parameter, which gets the model"):
        FunctionalEvaluator(lambda lr: 1, lr=0.1)


def test_an_evaluator_of_ones_own() -> None:
    class Doubled(Evaluator):
        def __init__(self, number: Any, offset: int) -> None:
            super().__init__(number=number, offset=offset)

        def evaluate(self, model_cls: Any, *, number: int, offset: int) -> float:
            return 2.0 * number + offset

    evaluator = Doubled(choice([1, 2]), 1)
    assert list(evaluator.choices) == ["number"]
    assert evaluator.run(model_class, {"number": 2}) == 5.0
    assert evaluator.name == "Doubled"

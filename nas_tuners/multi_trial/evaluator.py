"""What trains and judges the models of a search."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Union, final

from nas_tuners._classes import parameters_of
from nas_tuners.contract.errors import ConfigError, Problem, did_you_mean

from .choices import Choice, holds_choice, is_choice

if TYPE_CHECKING:
    from torch import nn

Result = Union[float, Mapping[str, Any], None]
"""What an evaluation gives: a number, a dict with one under ``default``; or nothing, if it has
reported its result itself."""

ModelClass = Callable[[], "nn.Module"]
"""Makes the chosen model, anew at each call."""


class Evaluator(ABC):
    """Trains and judges one model, in the process of a trial.

    A subclass hands all that :meth:`evaluate` takes, beside the model, to the constructor of this
    class. What of it is a choice (:func:`~nas_tuners.multi_trial.loguniform` and its like) is
    searched together with the model, under the argument's name, and ``evaluate`` gets what was
    chosen. Evaluators travel to other processes: they hold what data is made from, not the data.

    Args:
        arguments: What ``evaluate`` takes.

    Raises:
        ConfigError: if a choice stands within an argument, such as a dict.

    Example::

        class Steps(Evaluator):
            def __init__(self, steps, lr=loguniform(1e-4, 1e-1)):
                super().__init__(steps=steps, lr=lr)

            def evaluate(self, model_cls, *, steps, lr):
                return train(model_cls(), steps, lr)
    """

    def __init__(self, **arguments: Any) -> None:
        problems = list(choices_within(arguments))
        if problems:
            raise ConfigError(problems, type(self).__name__)
        self.arguments = arguments

    @property
    def name(self) -> str:
        """What messages call it."""
        return type(self).__name__

    @property
    def optimize_mode(self) -> str | None:
        """``"maximize"`` or ``"minimize"``, if the evaluator knows; an experiment takes it."""
        return None

    @property
    def choices(self) -> dict[str, Choice]:
        """The arguments that are searched."""
        return {name: value for name, value in self.arguments.items() if is_choice(value)}

    @final
    def run(self, model_cls: ModelClass, chosen: Mapping[str, Any]) -> Result:
        """Evaluate with what was chosen for the arguments that are searched."""
        return self.evaluate(model_cls, **(self.arguments | dict(chosen)))

    @abstractmethod
    def evaluate(self, model_cls: ModelClass, *args: Any, **arguments: Any) -> Result:
        """Train and judge the model that ``model_cls()`` makes.

        Returns:
            The result; None if it was reported by ``report_final_result``.
        """


@final
class FunctionalEvaluator(Evaluator):
    """Evaluates by a function of the user's.

    What the function's first parameter gets depends on the parameter: a model, if it is annotated
    as an ``nn.Module``, or is called ``model`` and has no annotation; else a class, that is,
    something whose call without arguments makes the model. The function returns the result, or
    reports it with ``report_final_result``; on the way it may call
    ``report_intermediate_result``.

    Args:
        function: Takes the model, and what else is given here.
        kwargs: Further arguments of the function; choices among them, and among its own defaults,
            are searched.

    Raises:
        ConfigError: with each argument that the function does not take, or lacks.

    Example::

        def train(model_cls, lr, epochs):
            model = model_cls()
            ...
            return accuracy

        FunctionalEvaluator(train, lr=loguniform(1e-4, 1e-1), epochs=10)
    """

    def __init__(self, function: Callable[..., Any], /, **kwargs: Any) -> None:
        if not callable(function):
            raise ConfigError(f"expected a function of the model, got {function!r}", "evaluator")
        problems = list(misfits(function, kwargs))
        if problems:
            raise ConfigError(problems, f"the evaluator's function {_name_of(function)}")
        defaults = {p.name: p.default for p in _evaluated_parameters(function).values()}
        searched = {name: value for name, value in defaults.items() if is_choice(value)}
        super().__init__(**{**searched, **kwargs})
        self.function = function

    @property
    def name(self) -> str:
        return _name_of(self.function)

    def evaluate(self, model_cls: ModelClass, *args: Any, **arguments: Any) -> Result:
        model = model_cls() if _takes_model(self.function) else model_cls
        result: Result = self.function(model, *args, **arguments)
        return result


def choices_within(arguments: Mapping[str, Any]) -> Iterator[Problem]:
    """Arguments in which a choice stands where it is not searched."""
    for name, value in arguments.items():
        if holds_choice(value):
            yield Problem(name, "holds a choice; only what is an argument by itself is searched")


def _name_of(function: Callable[..., Any]) -> str:
    return str(getattr(function, "__name__", type(function).__name__))


def _takes_model(function: Callable[..., Any]) -> bool:
    """Whether the first parameter is for a model, not for its class."""
    from torch import nn

    first = next(iter(_evaluated_parameters(function).values()), None)
    if first is None:
        return False
    if first.annotation is inspect.Parameter.empty or isinstance(first.annotation, str):
        return first.name == "model"
    return isinstance(first.annotation, type) and issubclass(first.annotation, nn.Module)


def _evaluated_parameters(function: Any) -> Mapping[str, inspect.Parameter]:
    """With annotations as what they name; as texts, where they name nothing."""
    try:
        return inspect.signature(function, eval_str=True).parameters
    except Exception:  # whatever the text of an annotation raises
        return parameters_of(function)


def misfits(function: Any, given: Mapping[str, Any]) -> Iterator[Problem]:
    """Arguments that a function of a model does not take, and those that it lacks."""
    takes = list(parameters_of(function).values())
    kinds = {parameter.kind for parameter in takes}
    named = {p.name: p for p in takes if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    if not takes:
        yield Problem("", "it must take the model as its first argument")
        return
    first = takes[0].name
    named.pop(first, None)
    if first in given:
        yield Problem(first, "is the first parameter, which gets the model")
    if inspect.Parameter.VAR_KEYWORD not in kinds:
        for name in given.keys() - named.keys() - {first}:
            yield Problem(name, f"it takes no such argument{did_you_mean(name, named)}")
    for name, parameter in named.items():
        if parameter.default is parameter.empty and name not in given:
            yield Problem(name, f"missing: give it to the evaluator, {name}=...")

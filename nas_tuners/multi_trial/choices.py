"""Hyper-parameters that are searched with the model, as arguments of an evaluator.

They mean what the types of the same names mean in a search-space file::

    FunctionalEvaluator(train, lr=loguniform(1e-4, 1e-1), batch_size=choice([32, 64]), epochs=3)
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Union

from nas_tuners.contract.errors import Problem, SearchSpaceError
from nas_tuners.contract.search_space import SearchSpace
from nas_tuners.contract.space_json import Number, ValueChoice

Choice = Union[ValueChoice, Number]


def choice(options: Sequence[Any]) -> Choice:
    """One of several values: numbers, strings, or whatever else JSON can hold.

    Args:
        options: The values, none of them twice; tuples come back as lists.

    Raises:
        SearchSpaceError: if they are wrong.
    """
    return _spec(choice, list(options) if isinstance(options, range) else options)


def randint(lower: int, upper: int) -> Choice:
    """A whole number from ``lower`` to below ``upper``.

    Raises:
        SearchSpaceError: unless ``lower < upper``.
    """
    return _spec(randint, [lower, upper])


def uniform(low: float, high: float) -> Choice:
    """A number between two others.

    Raises:
        SearchSpaceError: unless ``low < high``.
    """
    return _spec(uniform, [low, high])


def quniform(low: float, high: float, q: float) -> Choice:
    """A multiple of ``q`` between two numbers.

    Raises:
        SearchSpaceError: unless ``low < high`` and ``q > 0``.
    """
    return _spec(quniform, [low, high, q])


def loguniform(low: float, high: float) -> Choice:
    """A number between two others, on a logarithmic scale.

    Raises:
        SearchSpaceError: unless ``0 < low < high``.
    """
    return _spec(loguniform, [low, high])


def qloguniform(low: float, high: float, q: float) -> Choice:
    """A multiple of ``q`` between two numbers, on a logarithmic scale.

    Raises:
        SearchSpaceError: unless ``0 < low < high`` and ``q > 0``.
    """
    return _spec(qloguniform, [low, high, q])


def is_choice(value: object) -> bool:
    """Whether an argument is searched."""
    return isinstance(value, (ValueChoice, Number))


def holds_choice(value: object) -> bool:
    """Whether a choice stands somewhere within an argument, where it is not searched."""
    return any(is_choice(one) or holds_choice(one) for one in _entries(value))


def joined(model: SearchSpace, choices: Mapping[str, Choice]) -> SearchSpace:
    """The space of a model and of what is searched with it; constraints see the model's keys.

    Raises:
        SearchSpaceError: if both have a key of the same name.
    """
    twice = [Problem(key, _TWICE) for key in choices if key in model.specs]
    if twice:
        raise SearchSpaceError(twice)
    space = SearchSpace.from_specs({**model.specs, **choices}, active_if=model.active_if)
    keys = frozenset(model.specs)
    return space.with_constraints(
        replace(constraint, predicate=_OfModel(constraint.predicate, keys))
        for constraint in model.constraints
    )


def _entries(value: object) -> Iterable[Any]:
    if isinstance(value, functools.partial):
        return [*value.args, *value.keywords.values()]
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, (list, tuple)) else ()


_TWICE = "the model space has a key of this name, and the evaluator an argument; rename one"


class _OfModel:
    """A constraint of the model, asked about its part of an architecture."""

    def __init__(self, predicate: Any, keys: frozenset[str]) -> None:
        self._predicate, self._keys = predicate, keys

    def __call__(self, architecture: Mapping[str, Any]) -> Any:
        part = {key: value for key, value in architecture.items() if key in self._keys}
        return self._predicate(part)


def _spec(kind: Callable[..., Choice], value: Any) -> Choice:
    """What may be decided; the functions here are called as the types in the JSON."""
    name = kind.__name__
    [spec] = SearchSpace({name: {"_type": name, "_value": value}}).specs.values()
    assert isinstance(spec, (ValueChoice, Number))
    return spec

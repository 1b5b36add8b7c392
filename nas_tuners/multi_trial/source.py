"""Where the models of a search come from, and how they are made anew in another process."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Union

from torch import nn

from nas_tuners._classes import parameters_of
from nas_tuners.contract.constraints import Constraint
from nas_tuners.contract.errors import SearchSpaceError
from trial_api.nn.applied import ALREADY_APPLIED, is_applied
from trial_api.nn.blueprint import Blueprint, read_blueprint
from trial_api.nn.space_record import SpaceRecord, make_another, record_of

ModelSpace = Union[nn.Module, Callable[[], nn.Module]]
"""A class, an instance of one, or a function without arguments that makes a model."""


@dataclass(frozen=True)
class Source:
    """Makes the model space.

    Attributes:
        name: What it is called.
        make: Makes it: a class or a function, with the arguments of the instance that was given.
        constraints: What was added to the instance.
    """

    name: str
    make: Callable[[], nn.Module]
    constraints: tuple[Constraint, ...] = ()

    def blueprint(self) -> Blueprint:
        """The search space, and how to build of it.

        Raises:
            SearchSpaceError: if its choices contradict each other, or there are none.
        """
        blueprint = read_blueprint(self.make)
        space = blueprint.space
        if not space.specs:
            raise SearchSpaceError("the model has no choices, so there is nothing to search")
        constrained = space.with_constraints([*space.constraints, *self.constraints])
        return replace(blueprint, space=constrained)


def source_of(model_space: ModelSpace) -> Source:
    """How a model space is made anew.

    Raises:
        SearchSpaceError: if that cannot be known.
    """
    if isinstance(model_space, nn.Module):
        return _of_instance(model_space)
    if not callable(model_space):
        raise SearchSpaceError(
            "the model space must be a class, an instance of one, or a function without arguments "
            f"that makes a model, but got {model_space!r}"
        )
    name = _name_of(model_space)
    missing = [
        p.name
        for p in parameters_of(model_space).values()  # type: ignore[arg-type]
        if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]
    if missing:
        raise SearchSpaceError(
            f"{name} needs arguments ({', '.join(missing)}): give an instance, {name}(...), or a "
            "function without arguments that makes one"
        )
    return Source(name, model_space)


def taken_apart(source: Source) -> tuple[Callable[..., nn.Module], dict[str, Any]]:
    """What is called, and with which arguments, by name: those of an instance that was given."""
    partial = source.make
    if not isinstance(partial, functools.partial):
        return partial, {}
    is_ours = partial.func is _another
    make, *args = partial.args if is_ours else (partial.func, *partial.args)
    bound = inspect.signature(make).bind(*args, **partial.keywords)
    return make, dict(bound.arguments)


def _of_instance(model: nn.Module) -> Source:
    name = type(model).__name__
    record = record_of(model)
    if is_applied(model):
        raise SearchSpaceError(ALREADY_APPLIED)
    if record is None:
        raise SearchSpaceError(
            f"how this {name} was made is not known, so no trial could make it anew: decorate the "
            f"class with @model_space, or give the class, or a function that makes one"
        )
    make = functools.partial(_another, type(model), *record.args, **record.kwargs)
    return Source(name, make, _added(record.constraints, make))


def _another(cls: type[nn.Module], /, *args: Any, **kwargs: Any) -> nn.Module:
    """Models share no module that is among their arguments."""
    return make_another(cls, SpaceRecord(args, kwargs))


def _added(
    constraints: Sequence[Constraint], make: Callable[[], nn.Module]
) -> tuple[Constraint, ...]:
    """Of an instance's constraints those that its constructor does not make."""
    made = len(read_blueprint(make).space.constraints) if constraints else 0
    return tuple(constraints[made:])


def _name_of(make: Any) -> str:
    if isinstance(make, functools.partial):
        return _name_of(make.func)
    return str(getattr(make, "__name__", type(make).__name__))

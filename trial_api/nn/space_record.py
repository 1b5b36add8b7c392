"""How an instance of a model space was made, so that it can be made again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from nas_tuners.contract.constraints import Constraint
from nas_tuners.contract.search_space import SearchSpace

from ._meta import spare_copy
from .applied import is_applied
from .wrappers import is_wrapper

_RECORD = "_nas_model_space"


@dataclass
class SpaceRecord:
    """How an instance of a model space was made.

    The network of an architecture is not made again: it keeps neither arguments nor constraints,
    which may be large, or functions that cannot be pickled.

    Attributes:
        args: The constructor's arguments.
        kwargs: Those by name.
        has_values: Whether it made value choices.
        constraints: What refuses architectures: those of the constructor first.
        supernet: The space, once the model is a supernet that holds all values.
    """

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    has_values: bool = False
    constraints: list[Constraint] = field(default_factory=list)
    supernet: SearchSpace | None = None


def record_of(model: nn.Module) -> SpaceRecord | None:
    """How a model space was made; None for another model."""
    record: SpaceRecord | None = model.__dict__.get(_RECORD)
    return record


def undecided_record(model: nn.Module) -> SpaceRecord | None:
    """How a model space was made whose values are still to be chosen; None for another model."""
    record = record_of(model)
    if record is None or not record.has_values or is_applied(model):
        return None
    return record


def remember(model: nn.Module, record: SpaceRecord) -> None:
    """Keep in a model space how it was made."""
    model.__dict__[_RECORD] = record


def make_another(cls: type[nn.Module], record: SpaceRecord) -> nn.Module:
    """A model of the same arguments, with copies of the modules among them.

    So a constructor that changes a module it is given, such as a backbone, changes a copy.
    """
    args, kwargs = spare_copy((record.args, record.kwargs))
    return cls(*args, **kwargs)


def construct_anew(model: nn.Module, record: SpaceRecord) -> nn.Module:
    """Run the constructor of a model again, see :func:`unchanged_on_failure`."""
    model.__dict__.clear()
    type(model).__init__(model, *record.args, **record.kwargs)
    return model


@contextmanager
def unchanged_on_failure(model: nn.Module) -> Iterator[None]:
    """A model and the wrappers around it are as they were if what is done to them fails."""
    modules = [model]
    while is_wrapper(modules[-1]):
        modules.append(next(modules[-1].children()))
    before = [dict(module.__dict__) for module in modules]
    try:
        yield
    except BaseException:
        for module, attributes in zip(modules, before, strict=True):
            module.__dict__.clear()
            module.__dict__.update(attributes)
        raise

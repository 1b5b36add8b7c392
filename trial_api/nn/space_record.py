"""How an instance of a model space was made, so that it can be made again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from torch import nn

from nas_tuners.contract.constraints import Constraint
from nas_tuners.contract.search_space import SearchSpace

from ._meta import spare_copy

_RECORD = "_nas_model_space"


@dataclass
class SpaceRecord:
    """How an instance of a model space was made.

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
    """Run the constructor of a model again; if it fails the model is as it was."""
    before = dict(model.__dict__)
    model.__dict__.clear()
    try:
        type(model).__init__(model, *record.args, **record.kwargs)
    except BaseException:
        model.__dict__.clear()
        model.__dict__.update(before)
        raise
    return model

"""The decorators of model spaces."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from torch import nn

from trial_api.nn import model_space

from ._labels import numbered

C = TypeVar("C", bound=type[nn.Module])


def model_wrapper(cls: C) -> C:
    """:func:`trial_api.model_space`, in which choices without a label are ``model_1``, ...

    They are numbered in the order in which they are constructed; what is constructed for some
    values only should have a label.
    """
    if isinstance(cls, type):
        cls.__init__ = _numbering(cls.__init__)  # type: ignore[method-assign]
    return model_space(cls)


def basic_unit(cls: C, basic_unit_tag: bool = True) -> C:
    """The class as it is: choices may be arguments of any class."""
    return cls


def _numbering(original: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(original)
    def construct(self: nn.Module, *args: Any, **kwargs: Any) -> None:
        with numbered():
            original(self, *args, **kwargs)

    return construct

"""What architectures are applied to: a model with choices, or what builds one."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol, Union

import torch
from torch import nn

from nas_tuners.contract.errors import ArchitectureError, NasTunersError, SearchSpaceError
from nas_tuners.contract.search_space import IndexVector, SearchSpace

from ._checkpoint import load_supernet_state_dict
from ._free_builds import whole_space
from ._meta import copy_on_meta
from ._model_space import each_once, refuse_spaces_inside
from ._settle import chosen_indices, settle
from ._space import space_of
from ._tree import Site, find_choices
from .applied import ALREADY_APPLIED, is_applied
from .blueprint import Blueprint, read_blueprint
from .space_record import (
    SpaceRecord,
    construct_anew,
    make_another,
    record_of,
    remember,
    unchanged_on_failure,
    undecided_record,
)
from .space_recording import too_large
from .wrappers import is_wrapper, set_up_anew, unwrap

ModelOrFactory = Union[nn.Module, Callable[[], nn.Module]]
"""A model with choices; or a class, or a function without arguments, that makes one."""


def search_space(model: ModelOrFactory) -> SearchSpace:
    """Read the search space of a model; the model is not changed.

    Keys stand in order of definition. A choice inside a candidate of another is conditional on
    that candidate; blocks of a repeat, and what a constructor makes for some values only, on
    those.

    Args:
        model: A model with choices, wrapped (``DataParallel``, ...) or not; or a class, or a
            function without arguments, that makes one.

    Raises:
        SearchSpaceError: if choices share a key but not their form, if one's key is the path of
            another that has none, or if choices are nested under their own key.

    Example::

        space = search_space(Net)
        print(space.dumps())
    """
    return subject_of(model).space


class Subject(Protocol):
    """Something with a search space, that becomes a network.

    Attributes:
        space: What may be decided.
        is_applied: Whether that was done already.
    """

    space: SearchSpace
    is_applied: bool

    def apply(self, vector: IndexVector) -> nn.Module:
        """The plain network of an index vector."""

    def undecided(self) -> Callable[[], nn.Module]:
        """What gives a model with all choices, without memory, also after :meth:`apply`."""


def subject_of(model: ModelOrFactory) -> Subject:
    """What there is to decide about a model.

    Raises:
        SearchSpaceError: if its choices contradict each other, or it is neither a model nor
            callable.
    """
    if not isinstance(model, nn.Module):
        if not callable(model):
            raise SearchSpaceError(
                "`model` must be an nn.Module, or a class or function without arguments that "
                f"makes one, but got {model!r}"
            )
        return _ToBuild(model)
    root = unwrap(model)
    record = undecided_record(root)
    if record is not None:
        return _ToRebuild(model, record)
    refuse_spaces_inside(root, root)
    return _InPlace(model, record_of(root))


class _InPlace:
    """A model whose choices are all modules: it keeps its weights."""

    def __init__(self, model: nn.Module, record: SpaceRecord | None) -> None:
        self._model, self._record = model, record
        self._root = unwrap(model)
        self._sites: Sequence[Site] = find_choices(model)
        self.is_applied = not self._sites and is_applied(model)
        constraints = record.constraints if record and self._sites else []
        self.space = space_of(self._sites).with_constraints(constraints)

    def apply(self, vector: IndexVector) -> nn.Module:
        if not self._sites:
            return self._model
        network = settle(self._model, self._sites, chosen_indices(self.space, vector))
        if self._record is not None:
            remember(self._root, SpaceRecord((), {}, self._record.has_values))
        return network

    def undecided(self) -> Callable[[], nn.Module]:
        if too_large(self._root):
            raise ValueError("the model is too large to be copied")
        copied = copy_on_meta(self._root)
        return lambda: copied


class _ToBuild:
    """A class or function: nothing but what is chosen is ever made."""

    is_applied = False

    def __init__(self, factory: Callable[[], nn.Module]) -> None:
        _refuse_arguments(factory)
        self._factory = factory
        self._blueprint = read_blueprint(factory)
        self.space = self._blueprint.space

    def apply(self, vector: IndexVector) -> nn.Module:
        return self._blueprint.build(self._factory, vector)

    def undecided(self) -> Callable[[], nn.Module]:
        return functools.partial(whole_space, self._factory)


class _ToRebuild:
    """An instance of a model space with value choices: it is constructed anew, in place."""

    is_applied = False

    def __init__(self, model: nn.Module, record: SpaceRecord) -> None:
        self._model, self._record = model, record
        self._root = unwrap(model)
        self._make = make = functools.partial(make_another, type(self._root), record)
        with _told_of_arguments(type(self._root)):
            self._blueprint: Blueprint = read_blueprint(make)
        space = self._blueprint.space
        self.space = space.with_constraints(each_once([record.constraints, space.constraints]))

    def apply(self, vector: IndexVector) -> nn.Module:
        root = self._root
        is_supernet = self._record.supernet is not None
        weights = root.state_dict() if is_supernet else {}
        construct = functools.partial(construct_anew, root, self._record)
        with rebuilt(self._model, lambda: self._blueprint.build(construct, vector)):
            if is_supernet:
                load_supernet_state_dict(root, weights)
        return self._model

    def undecided(self) -> Callable[[], nn.Module]:
        return functools.partial(whole_space, self._make)


@contextmanager
def rebuilt(model: nn.Module, construct: Callable[[], object]) -> Iterator[None]:
    """Construct a model anew on its device, in its mode and precision, inside its wrappers.

    These are set up at the end, when it has the parameters that it keeps. If anything fails until
    then, the model is as it was.
    """
    root = unwrap(model)
    tensors = [*root.parameters(), *root.buffers()]
    mode = root.training
    device = tensors[0].device if tensors else torch.device("cpu")
    with unchanged_on_failure(model):
        with device:
            construct()
        root.to(dtype=_common_dtype(tensors))
        root.train(mode)
        yield
        for wrapper in _wrappers(model):
            set_up_anew(wrapper)


@contextmanager
def _told_of_arguments(cls: type[nn.Module]) -> Iterator[None]:
    """Say why an instance is there, but no second one."""
    try:
        yield
    except NasTunersError:
        raise
    except Exception as error:
        name = cls.__name__
        raise SearchSpaceError(
            f"{name} cannot be constructed a second time with the arguments that it got "
            f"({type(error).__name__}: {error}), because its constructor changes them or fails: "
            f"instead of an instance, pass the class or a function that makes one with new "
            f"arguments, such as lambda: {name}(Backbone())"
        ) from error


def _common_dtype(tensors: Sequence[torch.Tensor]) -> torch.dtype | None:
    """That of all numbers; None where they differ, so that somebody meant them to."""
    dtypes = {tensor.dtype for tensor in tensors}
    numbers = [dtype for dtype in dtypes if dtype.is_floating_point or dtype.is_complex]
    return numbers[0] if len(numbers) == 1 and numbers[0].is_floating_point else None


def _wrappers(model: nn.Module) -> list[nn.Module]:
    """Those around the whole model, inner ones first."""
    found: list[nn.Module] = []
    while is_wrapper(model):
        found.insert(0, model)
        model = next(model.children())
    return found


def _refuse_arguments(factory: Callable[..., nn.Module]) -> None:
    try:
        inspect.signature(factory).bind()
    except ValueError:  # a builtin does not tell
        return
    except TypeError as error:
        name = getattr(factory, "__qualname__", repr(factory))
        raise SearchSpaceError(
            f"{name} takes arguments ({error}): pass an instance, or a function that makes one "
            "with them, such as lambda: Net(10)"
        ) from error


def refuse_applied(subject: Subject) -> None:
    """Refuse a second architecture.

    Raises:
        ArchitectureError: if one was applied.
    """
    if subject.is_applied:
        raise ArchitectureError(ALREADY_APPLIED)

"""Classes whose constructor describes a space of models."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from torch import nn

from nas_tuners.contract.constraints import ATTEMPTS, Constraint, Predicate, make_constraint
from nas_tuners.contract.errors import SearchSpaceError

from ._building import DecidedBuild, FreeBuild, add_constraint, free_build, present_build
from ._tree import children
from .applied import SUPERNET_PATHS, is_applied
from .space_record import SpaceRecord, record_of, remember, undecided_record

C = TypeVar("C", bound=type[nn.Module])


def model_space(cls: C) -> C:
    """Make a class of models a model space: its constructor may use :func:`ValueChoice`.

    The constructor runs once for each architecture, and its choices are decided while it runs; so
    it must only depend on its arguments and on what they choose. An instance that is made outside
    of any search is the space itself: with the first candidate of each value, every candidate of
    each layer, the deepest repeats.

    Instances remember their constructor's arguments until an architecture is applied, and have a
    method ``constrain(fn)``: ``fn`` gets an architecture (key -> name or value) and tells whether
    it may be tried.

    Args:
        cls: The class of the whole model; parts of it need no decorator.

    Raises:
        SearchSpaceError: if it is no subclass of ``nn.Module``, or has a ``constrain`` of its own.

    Example::

        @model_space
        class Net(nn.Module):
            def __init__(self, classes=10):
                super().__init__()
                width = ValueChoice([64, 128], key="width")
                self.hidden = nn.Linear(784, width)
                self.out = nn.Linear(width, classes)


        search_space(Net)  # {"width": ...}
        apply_fixed_architecture(Net, {"width": 128})
    """
    if not (isinstance(cls, type) and issubclass(cls, nn.Module)):
        raise SearchSpaceError(f"@model_space decorates a subclass of nn.Module, but got {cls!r}")
    if getattr(cls, "constrain", _constrain) is not _constrain:
        raise SearchSpaceError(
            f"{cls.__name__} has a `constrain` of its own, which is the name of a method of model "
            "spaces; call yours something else"
        )
    original: Callable[..., None] = cls.__init__

    @functools.wraps(original)
    def construct(self: nn.Module, *args: Any, **kwargs: Any) -> None:
        build = present_build()
        if build is not None and build.root is not None:
            original(self, *args, **kwargs)  # a part of the space, or the rest of a subclass
            return
        _refuse_bare_subclass(self, cls, construct)
        record = SpaceRecord(args, kwargs)
        if build is None:
            build = FreeBuild()
            with free_build(build):
                _construct_root(build, self, original, record)
        else:
            _construct_root(build, self, original, record)

    cls.__init__ = construct  # type: ignore[method-assign]
    cls.constrain = _constrain  # type: ignore[attr-defined]
    return cls


def each_once(lists: Iterable[Iterable[Constraint]]) -> list[Constraint]:
    """The constraints of several builds; what each of them makes anew counts once."""
    found: dict[Any, Constraint] = {}
    for constraints in lists:
        times: Counter[Any] = Counter()
        for constraint in constraints:
            what = getattr(constraint.predicate, "__code__", constraint.name)
            times[what] += 1
            found.setdefault((what, times[what]), constraint)
    return list(found.values())


def refuse_spaces_inside(model: nn.Module, root: nn.Module | None) -> None:
    """Refuse a model with a part whose values were chosen before it got there.

    Args:
        model: The model.
        root: The model space that may be there: itself, or a part.

    Raises:
        SearchSpaceError: naming the part.
    """
    for path, part in _spaces(model, ""):
        if part is not root:
            outer = type(model).__name__
            raise SearchSpaceError(
                f"the model space {type(part).__name__} at {path!r} lies in a model that does not "
                f"decide its values: decorate {outer} with @model_space, and make the part in its "
                "__init__"
            )


def _spaces(module: nn.Module, path: str) -> Iterator[tuple[str, nn.Module]]:
    """The model spaces with values in a model, except for networks of an architecture."""
    if is_applied(module):
        return
    if undecided_record(module) is not None:
        yield path, module
    for _, inner, child in children(module, path):
        yield from _spaces(child, inner)


def _construct_root(
    build: FreeBuild | DecidedBuild,
    model: nn.Module,
    original: Callable[..., None],
    record: SpaceRecord,
) -> None:
    build.root = model
    original(model, *record.args, **record.kwargs)
    if isinstance(build, DecidedBuild):
        remember(model, SpaceRecord((), {}, has_values=True))
        setattr(model, SUPERNET_PATHS, {})  # also as a part of the network, nobody makes it anew
        return
    record.has_values, record.constraints = bool(build.requests), build.constraints
    remember(model, record)


def _constrain(
    self: nn.Module, predicate: Predicate, *, name: str | None = None, attempts: int = ATTEMPTS
) -> nn.Module:
    """Let tuners propose only architectures for which a function is true.

    Args:
        predicate: Takes an architecture, key -> name or plain value, active keys only.
        name: What messages call it; the function's name if not given.
        attempts: How many proposals in a row may be refused before a search gives up.

    Returns:
        The model space.

    Raises:
        SearchSpaceError: if an argument is of the wrong kind.
    """
    record = record_of(self)
    if record is None:  # under construction, or a part of what is
        add_constraint(predicate, name=name, attempts=attempts)
        return self
    number = len(record.constraints) + 1
    constraint = make_constraint(predicate, name=name, attempts=attempts, number=number)
    record.constraints.append(constraint)
    return self


def _refuse_bare_subclass(model: nn.Module, cls: type, construct: Any) -> None:
    """Refuse a subclass whose own constructor's arguments nobody would know."""
    if type(model).__init__ is not construct:
        raise SearchSpaceError(
            f"{type(model).__name__} has an __init__ of its own beside that of the model space "
            f"{cls.__name__}: decorate {type(model).__name__} with @model_space, too"
        )

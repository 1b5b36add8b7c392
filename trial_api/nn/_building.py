"""What is known while a model space is constructed: what was asked, and what is decided.

Choices ask the present build as they are constructed. A free build gives the whole space: the
first candidate of a value choice (or the one that it is told to try), all candidates of a layer
choice, the deepest repeat. A decided build gives what an architecture chose, and nothing else is
made.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Union

from torch import nn
from torch.nn.modules.module import register_module_module_registration_hook

from nas_tuners.contract.constraints import ATTEMPTS, Constraint, Predicate, make_constraint
from nas_tuners.contract.errors import ArchitectureError, Problem, SearchSpaceError
from nas_tuners.contract.space_json import ValueChoice as ValueSpec

from ._scoping import BuiltPart, Scope, Scopes, Token


@dataclass
class ValueRequest:
    """A value choice that was constructed.

    ``registered`` is the parent and name of the first module that was registered afterwards,
    which is as a rule the one that was made with the value.
    """

    token: Token
    spec: ValueSpec
    scopes: tuple[Scope, ...]
    registered: tuple[nn.Module, str] | None = None


class FreeBuild:
    """Builds the whole space, with the values that are to be tried."""

    def __init__(self, trying: Mapping[Token, int] | None = None) -> None:
        self.root: nn.Module | None = None
        self.constraints: list[Constraint] = []
        self.requests: list[ValueRequest] = []
        self.order: list[Union[ValueRequest, nn.Module]] = []
        self.owners: list[tuple[Token, nn.Module]] = []
        self._trying = trying or {}
        self._names = Scopes()
        self._unplaced: list[ValueRequest] = []

    def value(self, key: str | None, spec: ValueSpec) -> int:
        token = key or self._names.new("value", [repr(option) for option in spec.options])
        request = ValueRequest(token, spec, self._names.scopes)
        self.requests.append(request)
        self.order.append(request)
        self._unplaced.append(request)
        index = self._trying.get(token, 0)
        return index if index < len(spec.options) else 0

    def chosen(self, key: str) -> None:
        return None

    def selection(self, module: nn.Module, key: str | None, names: Sequence[str]) -> BuiltPart:
        token = key or self._names.new("layer", names)
        self.owners.append((token, module))
        return BuiltPart(None, token, self._names, self.registering)

    def note(self, choice: nn.Module) -> None:
        self.order.append(choice)

    def registering(self, parent: nn.Module, name: str, scope: Scope | None = None) -> None:
        """A module was registered: what values were asked for, or those of a scope."""
        waiting, self._unplaced = self._unplaced, []
        for request in waiting:
            if scope is None or scope in request.scopes:
                request.registered = (parent, name)
            else:
                self._unplaced.append(request)


class DecidedBuild:
    """Builds what an architecture chose.

    Args:
        keys: The keys of choices that have none of their own; ``""`` of what is no part of the
            model.
        chosen: key -> the candidates chosen; None where the key is inactive.
        specs: key -> the options of value choices.

    Attributes:
        decided: The candidates of choices (by identity) whose keys were known at construction.
    """

    def __init__(
        self,
        keys: Mapping[Token, str],
        chosen: Mapping[str, tuple[int, ...] | None],
        specs: Mapping[str, Any],
    ) -> None:
        self.root: nn.Module | None = None
        self.constraints: list[Constraint] = []
        self.decided: dict[int, tuple[int, ...]] = {}
        self._known: list[nn.Module] = []  # alive, so that no other choice gets their identities
        self._keys, self._chosen, self._specs = keys, chosen, specs
        self._names = Scopes()

    def value(self, key: str | None, spec: ValueSpec) -> int:
        token = key or self._names.new("value", [repr(option) for option in spec.options])
        key = key or self._keys.get(token, "")
        chosen = self._chosen.get(key)
        if chosen is None or self._specs[key] != spec:
            raise ArchitectureError([_unexpected(key, f"ValueChoice({list(spec.options)})")])
        return chosen[0]

    def chosen(self, key: str) -> tuple[int, ...] | None:
        return self._chosen[key] or () if key in self._chosen else None

    def selection(self, module: nn.Module, key: str | None, names: Sequence[str]) -> BuiltPart:
        token = key or self._names.new("layer", names)
        key = key or self._keys.get(token, "")
        if key in self._chosen:
            return BuiltPart(self._decide(module, key), token, self._names)
        if token in self._keys:  # no part of the model
            return BuiltPart(None, token, self._names)
        raise ArchitectureError([_unexpected(key, f"{type(module).__name__}({list(names)})")])

    def note(self, choice: nn.Module) -> None:
        if id(choice) not in self.decided:
            key = choice.key
            if isinstance(key, str) and key in self._chosen:
                self._decide(choice, key)

    def _decide(self, choice: nn.Module, key: str) -> tuple[int, ...]:
        self._known.append(choice)
        indices = self.decided[id(choice)] = self._chosen[key] or ()
        return indices


_BUILD: ContextVar[Union[FreeBuild, DecidedBuild, None]] = ContextVar("build", default=None)


def present_build() -> FreeBuild | DecidedBuild | None:
    """The build that constructors run in; None outside of model spaces."""
    return _BUILD.get()


@contextmanager
def free_build(build: FreeBuild) -> Iterator[None]:
    _watch_registrations()
    with _present(build):
        yield


@contextmanager
def decided_build(build: DecidedBuild) -> Iterator[None]:
    with _present(build):
        yield


def decided(key: str) -> tuple[int, ...] | None:
    """The candidates that the architecture under construction chose for a key.

    For modules that hold a choice and what it chooses from, so that they make only what is used.

    Returns:
        Their indices, empty if the key is inactive; None if all of the space is constructed.

    Example::

        chosen = decided("skip")
        edges = {i: make(i) for i in range(4) if chosen is None or i in chosen}
    """
    build = present_build()
    return None if build is None else build.chosen(key)


def is_decided() -> bool:
    """Whether constructors run under an architecture, of a space that was read before."""
    return isinstance(_BUILD.get(), DecidedBuild)


def select(module: nn.Module, key: str | None, names: Sequence[str]) -> BuiltPart:
    """What of a choice its constructor shall build."""
    build = present_build()
    if build is None:
        return BuiltPart(None)
    return build.selection(module, key, names)


def note_choice(choice: nn.Module) -> None:
    """Called by each choice as it is constructed, for the order of the keys."""
    build = present_build()
    if build is not None:
        build.note(choice)


def add_constraint(
    predicate: Predicate, *, name: str | None = None, attempts: int = ATTEMPTS
) -> None:
    """Let the model space under construction refuse architectures.

    For parts of a model that know which of their decisions go together, such as a cell. The whole
    space has ``constrain`` for it.

    Args:
        predicate: As of :meth:`nas_tuners.SearchSpace.constrain`.
        name: Likewise.
        attempts: Likewise.

    Raises:
        SearchSpaceError: outside the constructor of a model space, or for wrong arguments.
    """
    build = present_build()
    if build is None:
        raise SearchSpaceError(
            "a constraint belongs into the __init__ of a class decorated with @model_space, or to "
            "the whole of a model space: Net().constrain(...)"
        )
    number = len(build.constraints) + 1
    constraint = make_constraint(predicate, name=name, attempts=attempts, number=number)
    if constraint not in build.constraints:  # a part in several places has it once
        build.constraints.append(constraint)


@functools.cache
def _watch_registrations() -> None:
    """Have torch tell of each module that is registered, from now on.

    Once in a process: torch goes through its hooks when any thread registers a module, and fails
    if another thread adds or removes one meanwhile.
    """
    register_module_module_registration_hook(_registered)


def _registered(parent: nn.Module, name: str, _child: nn.Module | None) -> None:
    build = present_build()
    if isinstance(build, FreeBuild):
        build.registering(parent, name)


@contextmanager
def _present(build: FreeBuild | DecidedBuild) -> Iterator[None]:
    token = _BUILD.set(build)
    try:
        yield
    finally:
        _BUILD.reset(token)


def _unexpected(key: str, what: str) -> Problem:
    return Problem(
        key,
        f"the constructor asks for {what}, which the search space that was read does not hold "
        "here: it depends on other decisions in a way that reading did not meet. Give the choice "
        "a key and construct it always, or put what depends on it into a LayerChoice or Repeat",
    )

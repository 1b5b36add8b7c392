"""Who asks for a decision while a model space is constructed, and in which part of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar, Union

from torch import nn

T = TypeVar("T")

Token = Union[str, tuple[Any, ...]]
"""Who asks: a key, or what tells apart those without one in every build of the space."""


class Scope(NamedTuple):
    """A part of the space that is there for some candidates of a choice only."""

    owner: Token
    indices: tuple[int, ...]


@dataclass
class Scopes:
    """Tells apart those who ask without a key, equally in every build.

    By what they choose from and how many such came before in their scope: so a choice that only
    some architectures have does not shift those after it, unless they are alike.
    """

    scopes: tuple[Scope, ...] = ()
    _seen: Counter[Any] = field(default_factory=Counter)

    def new(self, kind: str, names: Sequence[str]) -> Token:
        asks = (self.scopes, kind, tuple(names))
        self._seen[asks] += 1
        return (*asks, self._seen[asks])

    def inside(self, scope: Scope, build: Callable[[], T]) -> T:
        outer, self.scopes = self.scopes, (*self.scopes, scope)
        try:
            return build()
        finally:
            self.scopes = outer


class BuiltPart:
    """What of a choice is built.

    Args:
        indices: The candidates; None for all.
        token: Of the choice.
        scopes: What else is constructed in its candidates; None outside of builds.
        registering: Told where candidates are put; None if nobody asks.
    """

    __slots__ = ("_registering", "_scopes", "_token", "indices")

    def __init__(
        self,
        indices: tuple[int, ...] | None,
        token: Token = "",
        scopes: Scopes | None = None,
        registering: Callable[[nn.Module, str, Scope], None] | None = None,
    ) -> None:
        self.indices, self._token, self._scopes = indices, token, scopes
        self._registering = registering

    def contains(self, index: int) -> bool:
        return self.indices is None or index in self.indices

    def among(self, count: int) -> Sequence[int]:
        """The candidates that are built, of so many."""
        return range(count) if self.indices is None else self.indices

    def make(self, needed: tuple[int, ...], build: Callable[[], T]) -> T:
        """What a function constructs for some candidates."""
        if self._scopes is None:
            return build()
        return self._scopes.inside(Scope(self._token, needed), build)

    def place(self, index: int, parent: nn.Module, name: str) -> None:
        """Tell where a candidate was put, as torch does of modules that it registers."""
        if self._registering is not None:
            self._registering(parent, name, Scope(self._token, (index,)))

"""The mutables of a model as a tree of scopes, in order of definition."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn

from ..nn._scope import MutableScope
from ..nn._tree import Choice, children, is_choice


@dataclass(frozen=True)
class MutableTree:
    """A mutable and the mutables inside it. The root has no mutable of its own.

    Iteration gives the choices, not the scopes: each key once, its first choice in order of
    definition.
    """

    mutable: MutableScope | Choice | None
    children: tuple[MutableTree, ...] = ()

    def __iter__(self) -> Iterator[Choice]:
        first: dict[str | None, Choice] = {}
        for choice in self.choices():
            first.setdefault(choice.key, choice)
        return iter(first.values())

    def __len__(self) -> int:
        return len({choice.key for choice in self.choices()})

    def choices(self) -> Iterator[Choice]:
        """Every choice, also those whose key came before."""
        if self.mutable is not None and is_choice(self.mutable):
            yield self.mutable
        for child in self.children:
            yield from child.choices()

    def scopes(self) -> Iterator[MutableScope]:
        if isinstance(self.mutable, MutableScope):
            yield self.mutable
        for child in self.children:
            yield from child.scopes()


def mutable_tree(model: nn.Module) -> MutableTree:
    """The tree of a model; a module that is reached by several paths counts once."""
    if isinstance(model, MutableScope) or is_choice(model):
        return MutableTree(None, (MutableTree(model, _inside(model, {id(model)})),))
    return MutableTree(None, _inside(model, {id(model)}))


def _inside(module: nn.Module, seen: set[int]) -> tuple[MutableTree, ...]:
    found: list[MutableTree] = []
    for _, _, child in children(module, ""):
        if id(child) in seen:
            continue
        seen.add(id(child))
        inner = _inside(child, seen)
        if isinstance(child, MutableScope) or is_choice(child):
            found.append(MutableTree(child, inner))
        else:
            found += inner
    return tuple(found)

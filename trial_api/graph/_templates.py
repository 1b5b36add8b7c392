"""Parts of a model that are built alike."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping
from typing import Any

from torch import nn

from ..nn._binding import Bindable
from ..nn._layer_choice import LayerChoice
from ..nn._scope import MutableScope
from ._module_tree import ModuleTree

_SMALLEST = 3  # modules inside a repeated block without choices


def templates(tree: ModuleTree, keys: Mapping[int, str]) -> list[dict[str, Any]]:
    """Groups of modules that are built alike: the outermost ones, in order of definition.

    Modules with choices are alike if they have the same class, and the same names inside, up to
    choices with the same keys and the same candidates. Layers around the choices may differ, as
    those do that bring the inputs of a cell to its width. Modules without choices are alike if
    all inside has the same names and classes. Sizes never count.

    Args:
        tree: The modules.
        keys: Of the choices among them, by the choice's id.
    """
    looks = _Looks(tree, keys)
    groups: dict[int, list[int]] = defaultdict(list)
    for number in range(len(tree.entries)):
        if looks.counts(number):
            groups[looks.of[number]].append(number)
    chosen: set[int] = set()
    found = []
    by_depth = sorted(groups.values(), key=lambda group: len(tree.entries[group[0]].path))
    for group in by_depth:
        alone = [n for n in group if chosen.isdisjoint(tree.entries[n].path)]
        if len(alone) > 1:
            chosen.update(alone)
            found.append(alone)
    return [{"name": _name(tree, group), "modules": group} for group in sorted(found)]


class _Looks:
    """What each module looks like, as numbers: equal ones look alike.

    Attributes:
        of: A number an entry.
    """

    def __init__(self, tree: ModuleTree, keys: Mapping[int, str]) -> None:
        self._tree, self._keys = tree, keys
        self._known: dict[Hashable, int] = {}
        size = len(tree.entries)
        self.of = [0] * size
        self._full = [0] * size
        self._chooses = [False] * size
        self._sizes = [1] * size
        for number in reversed(range(size)):  # children stand behind their parents
            self._look(number)

    def counts(self, number: int) -> bool:
        """Whether an entry can be one of a group."""
        entry = self._tree.entries[number]
        if entry.parent is None or isinstance(entry.module, Bindable):
            return False
        above = [self._tree.entries[one].module for one in entry.path[:-1]]
        if any(isinstance(module, LayerChoice) for module in above):
            return False
        if type(entry.module).__module__.startswith("torch.nn.modules."):
            return False
        return self._chooses[number] or self._sizes[number] > _SMALLEST

    def _look(self, number: int) -> None:
        entry, inner = self._tree.entries[number], self._tree.children[number]
        key = self._keys.get(id(entry.module))
        kind = type(entry.module)
        self._chooses[number] = key is not None or any(self._chooses[n] for n in inner.values())
        self._sizes[number] += sum(self._sizes[n] for n in inner.values())
        self._full[number] = self._number(
            (kind, key, tuple((name, self._full[n]) for name, n in inner.items()))
        )
        if key is not None or not self._chooses[number]:
            self.of[number] = self._full[number]
            return
        parts = [(name, self.of[n] if self._chooses[n] else None) for name, n in inner.items()]
        self.of[number] = self._number((kind, tuple(parts)))

    def _number(self, look: Hashable) -> int:
        return self._known.setdefault(look, len(self._known))


def _name(tree: ModuleTree, group: list[int]) -> str:
    """The key that all of them have as scopes, else their class."""
    modules: list[nn.Module] = [tree.entries[number].module for number in group]
    keys = {module.key if isinstance(module, MutableScope) else None for module in modules}
    key = keys.pop()
    return key if key is not None and not keys else type(modules[0]).__name__

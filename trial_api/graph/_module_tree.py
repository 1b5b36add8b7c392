"""The modules of a model as a list, parents first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn
from torch.nn.parameter import is_lazy

from ..nn._binding import Bindable
from ..nn._tree import children
from ..nn._value_decision import ValueDecisions
from ..nn.wrappers import unwrap

LONGEST_TEXT = 300


@dataclass(frozen=True)
class Entry:
    """A module at one of its places.

    Attributes:
        parent: The entry that it is a child of; None of the model.
        name: Its name there.
        module: The user's module, without wrappers.
        path: The entries from the model to this one.
    """

    parent: int | None
    name: str
    module: nn.Module
    path: tuple[int, ...]


class ModuleTree:
    """Every place of every module; wrappers, and what decides values, are no places.

    Args:
        root: The model, without wrappers around it.

    Attributes:
        entries: The places.
        places: Those of a module, by its id.
        children: Those inside each place, by name.
        parameters: How many numbers each holds, with all inside; what is shared counts once.
    """

    def __init__(self, root: nn.Module) -> None:
        self.entries: list[Entry] = []
        self.places: dict[int, list[int]] = defaultdict(list)
        self.children: list[dict[str, int]] = []
        self._add(root, None, "")
        self.parameters = self._parameter_counts()

    def place(self, numbers: Sequence[int], scope: int | None, calls: Mapping[int, int]) -> int:
        """Which of its places a module is called at, from another.

        Args:
            numbers: The module's places.
            scope: The entry of the module that calls it.
            calls: How often each was called so far; of two places that are equally near, the one
                that was called less.
        """
        if len(numbers) == 1 or scope is None:
            return numbers[0]
        around = self.entries[scope].path
        return max(
            numbers,
            key=lambda number: (_common(self.entries[number].path, around), -calls[number]),
        )

    def to_json(self) -> tuple[list[dict[str, Any]], list[str]]:
        """What the graph file tells of the modules, and the texts that it refers to."""
        texts: dict[str, int] = {}
        modules = []
        for entry, count in zip(self.entries, self.parameters, strict=True):
            one: dict[str, Any] = {
                "parent": entry.parent,
                "name": entry.name,
                "type": type(entry.module).__name__,
                "params": count,
            }
            text = _text(entry.module)
            if text:
                one["text"] = texts.setdefault(text, len(texts))
            modules.append(one)
        return modules, list(texts)

    def _add(self, module: nn.Module, parent: int | None, name: str) -> None:
        number = len(self.entries)
        path = (number,) if parent is None else (*self.entries[parent].path, number)
        self.entries.append(Entry(parent, name, module, path))
        self.children.append({})
        self.places[id(module)].append(number)
        if parent is not None:
            self.children[parent][name] = number
        for child_name, _, child in children(module, ""):
            inner = unwrap(child)
            if not isinstance(inner, ValueDecisions):
                self._add(inner, number, child_name)

    def _parameter_counts(self) -> list[int]:
        held: list[dict[int, int]] = [{} for _ in self.entries]
        for number in reversed(range(len(self.entries))):
            entry = self.entries[number]
            held[number] |= {
                id(parameter): parameter.numel()
                for parameter in entry.module._parameters.values()
                if parameter is not None and not is_lazy(parameter)
            }
            if entry.parent is not None:
                held[entry.parent] |= held[number]
        return [sum(sizes.values()) for sizes in held]


def _common(path: Sequence[int], other: Sequence[int]) -> int:
    """How many entries two paths share."""
    for depth, (one, two) in enumerate(zip(path, other, strict=False)):
        if one != two:
            return depth
    return min(len(path), len(other))


def _text(module: nn.Module) -> str:
    if isinstance(module, Bindable):  # whose key may only be its path, and stands elsewhere
        return f"reduction={module.reduction!r}" if hasattr(module, "reduction") else ""
    try:
        text = str(module.extra_repr())
    except Exception:  # it is the user's, and only describes
        return ""
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 3]}..."

"""A graph of the schema ``nas-graph/1`` with what is asked of it at hand, and its cells."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

_CONTAINERS = {"ModuleList", "ModuleDict", "Sequential"}
_LEAST = 4  # choices in a cell: with fewer it is a layer of something larger


@dataclass(frozen=True)
class Cell:
    """What is drawn at once.

    Attributes:
        name: To tell it from others.
        module: The module that is drawn.
        instances: All modules that are built alike.
        keys: Of the choices in it.
    """

    name: str
    module: int
    instances: Sequence[int]
    keys: Sequence[str]


class Supernet:
    """An index over a graph that :func:`~..recorded.graph_file.read_graph` has checked.

    Attributes:
        graph: The graph.
        nodes_of: For each module its calls, and the functions in its own forward.
        into: For each node the edges that end in it.
        out_of: For each node the edges that begin in it.
        choice_of: Module -> key and place, for those that are choices.
        end: For each module the index after the last one in it.
    """

    def __init__(self, graph: dict[str, Any]) -> None:
        self.graph = graph
        self.modules: list[dict[str, Any]] = graph["modules"]
        self.nodes: list[dict[str, Any]] = graph["nodes"]
        self.choices: dict[str, Any] = graph["choices"]
        self.nodes_of: list[list[int]] = [[] for _ in self.modules]
        self.into: list[list[list[int]]] = [[] for _ in self.nodes]
        self.out_of: list[list[list[int]]] = [[] for _ in self.nodes]
        for index, node in enumerate(self.nodes):
            if "module" in node:
                self.nodes_of[node["module"]].append(index)
        for edge in graph["edges"]:
            self.out_of[edge[0]].append(edge)
            self.into[edge[1]].append(edge)
        self.choice_of: dict[int, tuple[str, int]] = {
            place["module"]: (key, number)
            for key, choice in self.choices.items()
            for number, place in enumerate(choice["places"])
        }
        self.end = list(range(1, len(self.modules) + 1))
        for index in range(len(self.modules) - 1, 0, -1):
            parent = self.modules[index]["parent"]
            self.end[parent] = max(self.end[parent], self.end[index])

    def is_inside(self, module: int, outer: int) -> bool:
        """Whether a module is another or lies in it."""
        return outer <= module < self.end[outer]

    def trail(self, module: int) -> list[int]:
        """The model, ..., the module."""
        found = [module]
        while (parent := self.modules[found[-1]]["parent"]) is not None:
            found.append(parent)
        return found[::-1]

    def path(self, module: int) -> str:
        return ".".join(self.modules[index]["name"] for index in self.trail(module)[1:])

    def keys_inside(self, module: int) -> list[str]:
        """Keys of the choices in a module, each once, in the order of the modules."""
        within = range(module, self.end[module])
        return list(dict.fromkeys(self.choice_of[i][0] for i in within if i in self.choice_of))

    @cached_property
    def cells(self) -> list[Cell]:
        """What is repeated and has choices, single modules that look like it, and all the rest."""
        cells = []
        for template in self.graph["templates"]:
            members = template["modules"]
            keys = self.keys_inside(members[0])
            if keys:
                cells.append(Cell(template["name"], members[0], members, keys))
        known = {key for cell in cells for key in cell.keys}
        for module in self._single_cells([cell.module for cell in cells], known):
            keys = self.keys_inside(module)
            cells.append(Cell(_common_prefix(keys) or self._title(module), module, [module], keys))
            known |= set(keys)
        left = [key for key, c in self.choices.items() if key not in known and c["places"]]
        if left:
            module = self._nearest_common(left)
            cells.append(Cell(self._title(module), module, [module], left))
        return [replace(cell, name=_distinct(cells, number)) for number, cell in enumerate(cells)]

    def _title(self, module: int) -> str:
        return f"{self.modules[module]['type']} {self.path(module)}".rstrip()

    def _single_cells(self, templates: Sequence[int], known: set[str]) -> list[int]:
        """Modules of the templates' classes, and classes of which several have own choices."""
        types = {self.modules[module]["type"] for module in templates}
        slots = [s for c in self.choices.values() for p in c["places"] for s in p["slots"]]
        no_cells = {slot.get("module") for slot in slots} | set(self.choice_of)
        found: dict[str, list[int]] = {}
        for index, module in enumerate(self.modules):
            kind = module["type"]
            if index == 0 or index in no_cells or kind in _CONTAINERS:
                continue
            keys = self.keys_inside(index)
            if len(keys) >= (1 if kind in types else _LEAST) and known.isdisjoint(keys):
                found.setdefault(kind, []).append(index)
        cells = sorted(
            index
            for kind, indices in found.items()
            if kind in types or len(indices) > 1
            for index in indices
        )
        outer: list[int] = []
        for index in cells:
            if not outer or not self.is_inside(index, outer[-1]):
                outer.append(index)
        return outer

    def _nearest_common(self, keys: Sequence[str]) -> int:
        """The innermost module around all places of some keys."""
        common: list[int] | None = None
        for key in keys:
            for place in self.choices[key]["places"]:
                here = self.trail(place["module"])
                here = here[:-1] or here
                if common is None:
                    common = here
                common = [a for a, b in zip(common, here, strict=False) if a == b]
        return common[-1] if common else 0


def _distinct(cells: Sequence[Cell], number: int) -> str:
    """A cell's name; of several with the same, with what its keys begin with, or a number."""
    cell = cells[number]
    alike = [other for other in cells if other.name == cell.name]
    if len(alike) == 1:
        return cell.name
    prefix = _common_prefix(cell.keys)
    return f"{cell.name} {prefix or alike.index(cell) + 1}"


def _common_prefix(keys: Sequence[str]) -> str:
    """``normal_n2_p0, normal_n3_p1`` -> ``normal``"""
    prefix = keys[0]
    for key in keys:
        while not key.startswith(prefix):
            prefix = prefix[:-1]
    return re.sub(r"[._-]?[^._-]*$", "", prefix) if len(keys) > 1 else ""

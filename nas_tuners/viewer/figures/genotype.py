"""A cell as papers draw it: states, and between them what can be chosen.

``page/graph/genotype.js`` is the same for the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from .contraction import Operation, Vertex, contracted
from .supernet import Cell, Supernet

_INSTANCES = 32  # of a cell that are looked at
_LISTS = {"ModuleList", "ModuleDict"}


@dataclass(frozen=True)
class State:
    """A tensor of a cell.

    Attributes:
        name: As in papers: ``c_{k-1}``, ``0``, ``c_{k}``.
        kind: ``"input"``, ``"node"``, ``"output"`` or ``"junction"``, which is an input choice on
            the way to one operation.
    """

    name: str
    kind: str


@dataclass(frozen=True)
class Edge:
    """What leads from one state to another.

    Attributes:
        start, end: The places of the states.
        op: The layer choice on the way.
        slot: Key and number, where it is an input of an input choice.
        bypass: Whether its end takes the operation's input, too.
    """

    start: int
    end: int
    op: Operation | None = None
    slot: tuple[str, int] | None = None
    bypass: bool = False


@dataclass(frozen=True)
class Genotype:
    """A cell's drawing.

    Attributes:
        states: In the order of execution.
        edges: By their ends.
        rest: Keys that the drawing does not show.
    """

    states: Sequence[State]
    edges: Sequence[Edge]
    rest: Sequence[str]


def genotype_of(supernet: Supernet, cell: Cell) -> Genotype:
    """The drawing of a cell, with all that can be chosen."""
    module = _clearest(supernet, cell)
    vertices = _apart(supernet, module, contracted(supernet, module))
    places = {vertex: place for place, vertex in enumerate(vertices)}
    edges = [
        Edge(places[link.start], places[vertex], link.op, link.slot, link.bypass)
        for vertex in vertices
        for link in vertex.ins
    ]
    edges.sort(key=_order)
    shown = {key for edge in edges if edge.op for key in (edge.op.key, *edge.op.nested)}
    shown |= {edge.slot[0] for edge in edges if edge.slot}
    states = _named(supernet, module, vertices, cell)
    return Genotype(states, edges, [key for key in cell.keys if key not in shown])


def chosen_only(full: Genotype, chosen: Mapping[str, Sequence[int]]) -> Genotype:
    """What is left of a drawing when inputs are chosen; an input choice of one input goes, too."""
    edges = [
        edge
        for edge in full.edges
        if not (edge.slot and edge.slot[0] in chosen and edge.slot[1] not in chosen[edge.slot[0]])
    ]
    skipped = set()
    for place, state in enumerate(full.states):
        into = [edge for edge in edges if edge.end == place]
        out = [edge for edge in edges if edge.start == place]
        if state.kind != "junction" or not out or len(into) > 1:
            continue
        skipped.add(place)
        edges = [edge for edge in edges if edge.end != place and edge is not out[0]]
        for before in into:
            edges.append(replace(out[0], start=before.start, slot=out[0].slot or before.slot))
    kept = [place for place in range(len(full.states)) if place not in skipped]
    moved = {place: number for number, place in enumerate(kept)}
    left = [replace(edge, start=moved[edge.start], end=moved[edge.end]) for edge in edges]
    return Genotype([full.states[place] for place in kept], sorted(left, key=_order), full.rest)


def _order(edge: Edge) -> tuple[int, ...]:
    slot = edge.slot[1] if edge.slot else 0
    return edge.end, edge.start, slot, edge.op.module if edge.op else 0


def _clearest(supernet: Supernet, cell: Cell) -> int:
    """The instance that tells its inputs best: of the first one they may be the same."""
    module = cell.module
    if len(cell.instances) < 2:
        while supernet.modules[module]["type"] in _LISTS and module:
            module = supernet.modules[module]["parent"]  # a list of modules does not run
        return module
    instances = cell.instances[:_INSTANCES]
    return max(instances, key=_inputs(supernet, instances).__getitem__)


def _inputs(supernet: Supernet, modules: Sequence[int]) -> dict[int, int]:
    """How many different nodes outside each module is fed by."""
    inputs: dict[int, set[int]] = {module: set() for module in modules}
    for edge in supernet.graph["edges"]:
        start, end = (supernet.nodes[node].get("module") for node in edge[:2])
        for module, found in inputs.items():
            ends = end is not None and supernet.is_inside(end, module)
            if ends and (start is None or not supernet.is_inside(start, module)):
                found.add(edge[0])
    return {module: len(found) for module, found in inputs.items()}


def _apart(supernet: Supernet, module: int, vertices: list[Vertex]) -> list[Vertex]:
    """The first of several cells may get one state for two: its ways in are drawn as in others."""
    inputs = [vertex for vertex in vertices if vertex.kind == "input"]
    if len(inputs) != 1 or len(inputs[0].outs) != 2:
        return vertices
    ways = list(inputs[0].outs)
    if any(way.op or way.slot for way in ways) or not all(_passes(way.end) for way in ways):
        return vertices
    if 2 not in _inputs(supernet, _siblings(supernet, module)).values():
        return vertices
    for way in ways:
        way.end.kind = "input"
        way.end.ins.clear()
    return [vertex for vertex in vertices if vertex is not inputs[0]]


def _passes(vertex: Vertex) -> bool:
    return len(vertex.ins) == 1 and vertex.kind == "plain" and not vertex.output


def _named(supernet: Supernet, module: int, vertices: Sequence[Vertex], cell: Cell) -> list[State]:
    kinds = [_kind(vertex) for vertex in vertices]
    repeated = len(cell.instances) > 1 or bool(_siblings(supernet, module))
    n_inputs, n_outputs = kinds.count("input"), kinds.count("output")
    as_in_papers = repeated and n_inputs == 2
    seen: dict[str, int] = {}
    states = []
    for vertex, kind in zip(vertices, kinds, strict=True):
        number = seen[kind] = seen.get(kind, -1) + 1
        if kind == "node":
            name = str(number)
        elif kind == "junction":
            name = ""
        elif kind == "output":
            several = f"output {number + 1}" if n_outputs > 1 else "output"
            name = "c_{k}" if as_in_papers and n_outputs == 1 else several
        elif as_in_papers:
            name = f"c_{{k-{2 - number}}}"
        elif not repeated:
            name = _producer(supernet, module, vertex.id)
        else:
            name = f"input {number + 1}" if n_inputs > 1 else "input"
        states.append(State(name, kind))
    return states


def _kind(vertex: Vertex) -> str:
    if vertex.kind == "input":
        return "input"
    if vertex.output:
        return "output"
    alone = vertex.kind == "select" and len(vertex.outs) == 1
    if alone and next(iter(vertex.outs)).op and not any(link.op for link in vertex.ins):
        return "junction"
    return "node"


def _siblings(supernet: Supernet, module: int) -> list[int]:
    """Other modules of the class beside it."""
    this = supernet.modules[module]
    if this["parent"] is None:
        return []
    return [
        index
        for index, other in enumerate(supernet.modules)
        if index != module and other["parent"] == this["parent"] and other["type"] == this["type"]
    ]


def _producer(supernet: Supernet, module: int, index: int) -> str:
    """What makes an input, by the name of the part of the model that it is."""
    node = supernet.nodes[index]
    if node["kind"] == "input":
        return node.get("name") or "input"
    made = supernet.modules[node["module"]]
    around = supernet.path(supernet.modules[module]["parent"] or 0)
    path = supernet.path(node["module"])
    parts = (path[len(around) + 1 :] if around and path.startswith(f"{around}.") else path).split(
        "."
    )
    count = 2 if len(parts) > 1 and parts[1].isdecimal() and parts[0] != "stem" else 1
    return ".".join(parts[:count]) or node.get("op", "") or made["type"]

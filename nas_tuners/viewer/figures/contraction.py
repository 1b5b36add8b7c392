"""The part of a graph that lies in a module, reduced to decisions and to what merges.

``page/graph/contraction.js`` is the same for the page; a change here belongs there too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from .supernet import Supernet

_SUMS = {"add", "iadd", "radd", "sum"}


@dataclass(frozen=True)
class Operation:
    """A layer choice on the way from one state to another.

    Attributes:
        key: What decides it.
        module: Where it stands.
        place: Which of its key's places that is.
        nested: Keys of choices inside of it.
    """

    key: str
    module: int
    place: int
    nested: tuple[str, ...] = ()


@dataclass(eq=False)
class Link:
    """What leads from one vertex to another.

    Attributes:
        start: Where it begins.
        end: Where it ends.
        op: The layer choice on the way.
        slot: Key and number, where it is an input of an input choice.
        bypass: Whether its end takes the layer choice's input, too.
    """

    start: Vertex
    end: Vertex
    op: Operation | None = None
    slot: tuple[str, int] | None = None
    bypass: bool = False


@dataclass(eq=False)
class Vertex:
    """What is left of some nodes.

    Attributes:
        id: The first of these nodes.
        kind: ``"input"``, ``"layer"``, ``"select"`` (an input choice) or ``"plain"``.
        key: Of the input or layer choice.
        adds: Whether it is a sum.
        output: Whether something outside takes it.
        ins, outs: Its links, in the order in which they came up.
    """

    id: int
    kind: str
    key: str | None = None
    adds: bool = False
    output: bool = False
    ins: dict[Link, None] = field(default_factory=dict)
    outs: dict[Link, None] = field(default_factory=dict)


_Net = dict[int, Vertex]


def contracted(supernet: Supernet, module: int) -> list[Vertex]:
    """What is left of a module, in the order of execution."""
    net = _built(supernet, module)
    _prune(net)
    vertices = [net[id] for id in sorted(net)]
    changed = True
    while changed:
        changed = False
        for vertex in vertices:
            if vertex.id in net and _reduce(net, vertex):
                changed = True
    return [vertex for vertex in vertices if vertex.id in net]


def _built(supernet: Supernet, module: int) -> _Net:
    """All of a module, without the insides of its layer choices."""
    hidden = _hidden_nodes(supernet, module)
    net: _Net = {}

    def is_inside(node: int) -> bool:
        holder = supernet.nodes[node].get("module")
        return holder is not None and supernet.is_inside(holder, module)

    def at(node: int) -> Vertex:
        if node not in net:
            net[node] = _vertex(supernet, node, inside=is_inside(node))
        return net[node]

    for index in range(len(supernet.nodes)):
        if not is_inside(index) or index in hidden:
            continue
        vertex = at(index)
        op = _operation(supernet, index) if vertex.kind == "layer" else None
        around = hidden if vertex.kind == "layer" else None
        for source, number in _sources(supernet, index, around):
            slot = (str(vertex.key), number or 0) if vertex.kind == "select" else None
            if source not in hidden:
                _link(at(source), vertex, op=op, slot=slot)
        vertex.output = any(not is_inside(edge[1]) for edge in supernet.out_of[index])
    return net


def _vertex(supernet: Supernet, index: int, *, inside: bool) -> Vertex:
    node = supernet.nodes[index]
    if not inside:
        return Vertex(index, "input")
    if node["kind"] == "choice":
        is_input = supernet.choices[node["key"]]["kind"] == "input"
        return Vertex(index, "select" if is_input else "layer", key=node["key"])
    adds = node["kind"] == "op" and node["op"].strip("_") in _SUMS
    return Vertex(index, "plain", adds=adds)


def _hidden_nodes(supernet: Supernet, module: int) -> set[int]:
    """Nodes inside of layer choices, but for those at which their candidates come together."""
    hidden: set[int] = set()
    at = module
    while at < supernet.end[module]:
        key, _ = supernet.choice_of.get(at, ("", 0))
        if not key or supernet.choices[key]["kind"] != "layer":
            at += 1
            continue
        for inner in range(at, supernet.end[at]):
            for node in supernet.nodes_of[inner]:
                if inner != at or supernet.nodes[node]["kind"] != "choice":
                    hidden.add(node)
        at = supernet.end[at]
    return hidden


def _sources(
    supernet: Supernet, node: int, hidden: set[int] | None
) -> list[tuple[int, int | None]]:
    """What a node takes, with slots; for a layer choice what its hidden candidates take."""
    if hidden is None:
        edges = supernet.into[node]
        found = [(edge[0], edge[2] if len(edge) > 2 else None) for edge in edges]
        return sorted(found, key=lambda source: source[0])
    seen: dict[int, None] = {}
    behind: set[int] = set()
    waiting = [node]
    while waiting:
        for edge in supernet.into[waiting.pop()]:
            source = edge[0]
            if source not in hidden:
                seen[source] = None
            elif source not in behind:
                behind.add(source)
                waiting.append(source)
    return [(source, None) for source in sorted(seen)]


def _operation(supernet: Supernet, index: int) -> Operation:
    node = supernet.nodes[index]
    module = node["module"]
    inside = range(module + 1, supernet.end[module])
    keys = (supernet.choice_of[at][0] for at in inside if at in supernet.choice_of)
    nested = tuple(dict.fromkeys(key for key in keys if key != node["key"]))
    _, place = supernet.choice_of.get(module, ("", 0))
    return Operation(node["key"], module, place, nested)


def _link(start: Vertex, end: Vertex, **fields: Any) -> None:
    made = Link(start, end, **fields)
    start.outs[made] = None
    end.ins[made] = None


def _unlink(link: Link) -> None:
    link.start.outs.pop(link, None)
    link.end.ins.pop(link, None)


def _drop(net: _Net, vertex: Vertex) -> None:
    for link in [*vertex.ins, *vertex.outs]:
        _unlink(link)
    del net[vertex.id]


def _prune(net: _Net) -> None:
    """Without what comes from no input and what leads neither out nor to a choice."""
    vertices = list(net.values())
    if not any(vertex.output for vertex in vertices):
        for vertex in vertices:
            vertex.output = vertex.kind != "input" and not vertex.outs
    inputs = [vertex for vertex in vertices if vertex.kind == "input"]
    aims = [vertex for vertex in vertices if vertex.output or vertex.key is not None]
    fed = _reached(inputs, forward=True) if inputs else set(vertices)
    used = _reached(aims, forward=False)
    for vertex in vertices:
        if vertex not in fed or vertex not in used:
            _drop(net, vertex)


def _reached(starts: Iterable[Vertex], *, forward: bool) -> set[Vertex]:
    waiting = list(starts)
    found = set(waiting)
    while waiting:
        vertex = waiting.pop()
        for link in vertex.outs if forward else vertex.ins:
            beside = link.end if forward else link.start
            if beside not in found:
                found.add(beside)
                waiting.append(beside)
    return found


def _reduce(net: _Net, vertex: Vertex) -> bool:
    """Whether something was simplified at a vertex."""
    if vertex.kind == "input":
        return False
    fewer = _without_twins(vertex)
    if len(vertex.ins) == 1 and vertex.kind != "select":
        [only] = vertex.ins
        if _into_link(net, vertex, only) or _into_predecessor(net, vertex, only):
            return True
    return _absorbed(net, vertex) or fewer


def _without_twins(vertex: Vertex) -> bool:
    """Links that bring the same as another one of the same source go."""
    fewer = False
    first: dict[Vertex, list[Link]] = {}
    for link in sorted(vertex.ins, key=lambda link: link.op is None):
        if link.slot:
            continue
        known = first.setdefault(link.start, [])
        if known and link.op is None and (len(known) == 1 or known[0].op is None):
            known[0].bypass = known[0].op is not None
        elif not any(one.op and link.op and one.op.module == link.op.module for one in known):
            known.append(link)
            continue
        _unlink(link)
        fewer = True
    return fewer


def _into_link(net: _Net, vertex: Vertex, before: Link) -> bool:
    """A vertex with one link in and one out becomes a part of the link."""
    if len(vertex.outs) != 1 or vertex.output:
        return False
    [after] = vertex.outs
    if before.op and after.op:
        return False
    _drop(net, vertex)
    bypass = before.bypass or after.bypass
    _link(before.start, after.end, op=before.op or after.op, slot=after.slot, bypass=bypass)
    return True


def _into_predecessor(net: _Net, vertex: Vertex, before: Link) -> bool:
    """A vertex that only passes on a state is that state. Ways into the module stay apart."""
    start = before.start
    if before.op or (start.kind == "input" and (len(start.outs) > 1 or vertex.output)):
        return False
    after = list(vertex.outs)
    _drop(net, vertex)
    for link in after:
        _link(start, link.end, op=link.op, slot=link.slot, bypass=link.bypass)
    start.output = start.output or vertex.output
    return True


def _absorbed(net: _Net, vertex: Vertex) -> bool:
    """A part of a sum is the sum itself, if the sum takes decisions or the part takes none."""
    if vertex.output or len(vertex.outs) != 1:
        return False
    [after] = vertex.outs
    if after.op or after.slot or not after.end.adds:
        return False
    if not (vertex.adds or vertex.kind == "select"):
        return False
    others = [link for link in after.end.ins if link is not after]
    if not any(map(_decides, others)) and any(map(_decides, vertex.ins)):
        return False
    if vertex.kind == "select" and any(link.op for link in vertex.ins):
        return False
    before = [replace(link) for link in vertex.ins]
    _drop(net, vertex)
    for link in before:
        _link(link.start, after.end, op=link.op, slot=link.slot, bypass=link.bypass)
    return True


def _decides(link: Link) -> bool:
    return link.op is not None or link.slot is not None

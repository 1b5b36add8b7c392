"""What flows where in NNI's graph: through choices, and without constants and lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .graph_nodes import MAX_EDGES
from .nni_ops import Op, Path, order_of

_CALLS = {"prim::PythonOp", "prim::CallFunction", "prim::CallMethod", "prim::If", "prim::Loop"}
_SIZES = {"aten::size", "aten::Int", "aten::ScalarImplicit", "aten::len", "aten::detach"}
_REDUCTIONS = {"aten::stack", "aten::sum", "aten::cat"}
_LIST = "prim::ListConstruct"
_SOURCES = 64  # that an operation has through lists of lists


@dataclass
class Slot:
    """A candidate of a choice: what brings it, and the scope of its module, if it has one."""

    sources: list[int]
    child: str = ""


@dataclass
class Call:
    """One call of a choice."""

    node: int
    path: Path
    slots: list[Slot]


@dataclass
class Flow:
    """Nodes as in our schema (with paths in place of modules), and who takes from whom."""

    nodes: list[dict[str, Any]] = field(default_factory=list)
    paths: list[Path] = field(default_factory=list)
    edges: dict[tuple[int, ...], None] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)

    def add(self, path: Path, node: dict[str, Any], sources: Iterable[int] = ()) -> int:
        self.nodes.append(node)
        self.paths.append(path)
        for source in sources:
            if len(self.edges) <= MAX_EDGES:  # one more than are shown, which is then said
                self.edges[source, len(self.nodes) - 1] = None
        return len(self.nodes) - 1

    def sort(self) -> None:
        """Number the nodes anew, so that edges lead to larger numbers."""
        inputs: list[list[int]] = [[] for _ in self.nodes]
        for edge in self.edges:
            inputs[edge[1]].append(edge[0])
        order, backward = order_of(inputs)
        rank = {old: new for new, old in enumerate(order)}
        self.nodes = [self.nodes[old] for old in order]
        self.paths = [self.paths[old] for old in order]
        kept = [edge for edge in self.edges if (edge[0], edge[1]) not in backward]
        moved = sorted((rank[edge[0]], rank[edge[1]], *edge[2:]) for edge in kept)
        self.edges = dict.fromkeys(moved)
        for call in self.calls:
            call.node = rank[call.node]
            for slot in call.slots:
                slot.sources = [rank[source] for source in slot.sources]


def flow_of(ops: Sequence[Op], choices: Mapping[Path, tuple[str, bool]]) -> Flow:
    """The flow of operations that stand in order.

    Args:
        ops: Of the file.
        choices: Path of a choice -> its key, and whether it is a layer choice.
    """
    flow = Flow()
    sources: list[list[int]] = []  # for each operation, the nodes that stand for its output
    slots: dict[int, int] = {}  # node of a choice -> how many candidates it has
    for op in ops:
        taken = _union(sources[place] for place in op.inputs)
        choice = choices.get(op.path)
        if op.kind == "IO Node":
            sources.append(_input_or_output(flow, op, taken))
        elif choice and op.kind == _LIST and taken:
            node = flow.add(op.path, _node("choice", op.shapes, key=choice[0]))
            found = [Slot(list(sources[place])) for place in op.inputs]
            _connect(flow, Call(node, op.path, found), layer=choice[1])
            slots[node] = len(found)
            sources.append([node])
        elif choice and op.kind in _REDUCTIONS and len(taken) == 1 and taken[0] in slots:
            if op.shapes:
                flow.nodes[taken[0]]["shapes"] = op.shapes[:1]
            sources.append(taken)
        elif not taken or _is_plumbing(op):
            sources.append(taken)
        else:
            named = op.kind.rpartition("::")[2]
            node = flow.add(op.path, _node("op", op.shapes, op=named, text=op.text), taken)
            sources.append([node])
    _infer_by_children(flow, {path: key for path, (key, layer) in choices.items() if layer})
    flow.sort()
    return flow


def _input_or_output(flow: Flow, op: Op, taken: list[int]) -> list[int]:
    kind = "output" if op.inputs or op.path[:1] == ("output",) else "input"
    if kind == "output" and not taken:
        return []
    return [flow.add((), _node(kind, op.shapes, name=op.name), taken)]


def _connect(flow: Flow, call: Call, *, layer: bool) -> None:
    """Edges into a choice. A candidate that does nothing becomes a node of its own."""
    depth = len(call.path)
    taken: set[str] = set()
    for number, slot in enumerate(call.slots):
        inner = [flow.paths[s] for s in slot.sources]
        scopes = [path[depth] for path in inner if path[:depth] == call.path and path[depth:]]
        if layer and (not scopes or scopes[0] in taken) and slot.sources:
            shapes = flow.nodes[slot.sources[0]]["shapes"]
            slot.child = f"Identity[{number}]"
            slot.sources = [
                flow.add((*call.path, slot.child), _node("module", shapes), slot.sources)
            ]
        elif layer and scopes:
            slot.child = scopes[0]
        taken.add(slot.child)
        for source in slot.sources:
            flow.edges[source, call.node, number] = None
    flow.calls.append(call)


def _infer_by_children(flow: Flow, layers: Mapping[Path, str]) -> None:
    """Calls of layer choices whose candidates no list brings together: one slot a child."""
    known = {call.path for call in flow.calls}
    missing = {path: key for path, key in layers.items() if path not in known}
    if not missing:
        return
    leaving: dict[Path, list[tuple[int, ...]]] = {}
    for edge in flow.edges:
        path = _choice_around(flow.paths[edge[0]], missing)
        if path is not None and flow.paths[edge[1]][: len(path)] != path:
            leaving.setdefault(path, []).append(edge)
    for path, edges in leaving.items():
        children: dict[str, list[int]] = {}
        for source in sorted({edge[0] for edge in edges}):
            children.setdefault(flow.paths[source][len(path)], []).append(source)
        shapes = flow.nodes[edges[0][0]]["shapes"]
        node = flow.add(path, _node("choice", shapes, key=missing[path]))
        slots = [Slot(found, child) for child, found in sorted(children.items(), key=_by_number)]
        for edge in edges:
            del flow.edges[edge]
            flow.edges[(node, edge[1], *edge[2:])] = None
        for number, slot in enumerate(slots):
            for source in slot.sources:
                flow.edges[source, node, number] = None
        flow.calls.append(Call(node, path, slots))


def _choice_around(path: Path, choices: Mapping[Path, str]) -> Path | None:
    for length in range(len(path)):
        if path[:length] in choices:
            return path[:length]
    return None


def _by_number(item: tuple[str, list[int]]) -> tuple[int, str]:
    name = item[0].rpartition("[")[2].removesuffix("]")
    return (int(name) if name.isdecimal() and len(name) < 9 else 10**9, "")


def _is_plumbing(op: Op) -> bool:
    return op.kind in _SIZES or (op.kind.startswith("prim::") and op.kind not in _CALLS)


def _node(kind: str, shapes: list[list[int]], **fields: Any) -> dict[str, Any]:
    return {"kind": kind, **fields, "shapes": shapes}


def _union(lists: Iterable[list[int]]) -> list[int]:
    return list(dict.fromkeys(place for places in lists for place in places))[:_SOURCES]

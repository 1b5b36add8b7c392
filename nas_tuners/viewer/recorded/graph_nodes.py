"""The nodes and edges of a graph, checked: every index exists, and edges lead forward."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .graph_modules import Tree
from .graph_values import count_of, is_index
from .problems import Problems, clean_text, shown

MAX_NODES = 50_000
MAX_EDGES = 250_000

_KINDS = ("input", "module", "op", "choice", "output")
_SHAPES = 16  # outputs of one node
_DIMS = 16


def clean_nodes(
    given: list[Any], tree: Tree, choices: Mapping[str, Mapping[str, Any]], problems: Problems
) -> list[dict[str, Any]]:
    """The nodes by the index they have in the file: the first ones, if they are too many.

    What is wrong stays as an unknown operation, so that indices hold.
    """
    if len(given) > MAX_NODES:
        problems.note("nodes", f"{len(given):,} nodes: the first {MAX_NODES:,} are shown")
    return [
        _node(entry, f"nodes[{i}]", tree, choices, problems)
        for i, entry in enumerate(given[:MAX_NODES])
    ]


def clean_edges(
    given: list[Any],
    nodes: list[dict[str, Any]],
    n_given: int,
    choices: Mapping[str, Mapping[str, Any]],
    problems: Problems,
) -> list[list[int]]:
    """The edges between nodes that are shown, each once.

    An edge that does not lead to a later node would close a circle, or contradict the order in
    which the nodes ran; it is left out.
    """
    found: dict[tuple[int, ...], None] = {}
    for i, edge in enumerate(given):
        if not (isinstance(edge, list) and 2 <= len(edge) <= 3 and _known(edge, n_given)):
            problems.note(f"edges[{i}]", "two nodes of the graph were expected; left out")
            continue
        start, end = edge[0], edge[1]
        if start >= end:
            what = f"it leads back from node {start} to node {end}; left out"
            problems.note(f"edges[{i}]", what, kind="back edge")
        elif end < len(nodes):
            if len(found) == MAX_EDGES:
                problems.note("edges", f"{len(given):,} edges: the first {MAX_EDGES:,} are shown")
                break
            slot = _slot(edge, nodes[end], choices, f"edges[{i}]", problems)
            found[(start, end, *slot)] = None
    return [list(edge) for edge in found]


def clean_shape(value: Any) -> list[int]:
    """The sizes of a tensor; none for what is no shape."""
    if isinstance(value, list) and len(value) <= _DIMS:
        sizes = [count_of(size) for size in value]
        if None not in sizes:
            return [size for size in sizes if size is not None]
    return []


def _node(
    given: Any,
    where: str,
    tree: Tree,
    choices: Mapping[str, Mapping[str, Any]],
    problems: Problems,
) -> dict[str, Any]:
    unknown = {"kind": "op", "op": "?", "module": 0, "shapes": []}
    if not isinstance(given, Mapping):
        problems.note(where, "it is not an object; shown as unknown")
        return unknown
    kind = given.get("kind")
    if kind not in _KINDS:
        problems.note(
            where, f"its kind, {shown(kind)}, is not known; shown as unknown", kind="kind"
        )
        return unknown
    node: dict[str, Any] = {"kind": kind}
    if kind in ("module", "op", "choice"):
        holder = tree.holder(given.get("module"))
        if holder is None:
            what = f"there is no module {shown(given.get('module'))}; shown within the model"
            problems.note(where, what, kind="module")
        node["module"] = holder or 0
    if kind == "op":
        node["op"] = _text(given.get("op"), "?")
    elif kind == "choice":
        key = _text(given.get("key"), "")
        if key not in choices:
            problems.note(where, f"there is no choice {shown(key)}; shown as unknown", kind="key")
            return {**unknown, "module": node["module"]}
        node["key"] = key
    elif kind in ("input", "output") and isinstance(given.get("name"), str):
        node["name"] = _text(given["name"], "")
    node["shapes"] = _shapes(given.get("shapes"), where, problems)
    flops = count_of(given.get("flops"))
    if flops:
        node["flops"] = flops
    return node


def _shapes(given: Any, where: str, problems: Problems) -> list[list[int]]:
    if isinstance(given, list) and all(isinstance(shape, list) for shape in given):
        shapes = [clean_shape(shape) for shape in given[:_SHAPES]]
        if all(len(a) == len(b) for a, b in zip(shapes, given, strict=False)):
            return shapes
    if given is not None:
        problems.note(where, "its shapes must be lists of sizes; left out")
    return []


def _slot(
    edge: list[Any],
    end: Mapping[str, Any],
    choices: Mapping[str, Mapping[str, Any]],
    where: str,
    problems: Problems,
) -> tuple[int, ...]:
    """The candidate's number, of an edge into a choice that has one."""
    if len(edge) < 3 or end["kind"] != "choice":
        return ()
    if is_index(edge[2], len(choices[end["key"]]["names"])):
        return (edge[2],)
    what = f"the choice {shown(end['key'])} has no candidate {shown(edge[2])}; shown without it"
    return problems.note(where, what, kind="slot") or ()


def _known(edge: list[Any], n_nodes: int) -> bool:
    return is_index(edge[0], n_nodes) and is_index(edge[1], n_nodes)


def _text(value: Any, default: str) -> str:
    return clean_text(value) if isinstance(value, str) and value else default

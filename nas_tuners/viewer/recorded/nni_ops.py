"""The operations of NNI's ``graph.json``: a ``GraphDef`` of TensorBoard as JSON."""

from __future__ import annotations

import base64
import binascii
import heapq
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .graph_values import list_of
from .problems import Problems, shown

Path = tuple[str, ...]
"""A module by the scopes from the model's on, which has the empty path."""

_MODULE = re.compile(r"(.*)\[(.*)\]", re.DOTALL)
_PARAMETER = re.compile(r"\bname\s*:\s*(\w+)")
_BUFFERS = ("running_mean", "running_var", "num_batches_tracked")
_DIMS = 16


@dataclass
class Op:
    """One node of the file.

    Attributes:
        kind: Its operation: ``aten::relu``, ``prim::Constant``, ``IO Node``.
        path: The module in whose forward it stands.
        name: Its name without the scopes.
        inputs: The places of what it takes, in order.
        shapes: Of its outputs.
        text: Its attributes.
    """

    kind: str
    path: Path
    name: str
    inputs: list[int] = field(default_factory=list)
    shapes: list[list[int]] = field(default_factory=list)
    text: str = ""


def read_ops(content: Mapping[str, Any], root: str, problems: Problems) -> list[Op]:
    """The operations, each after what it takes; what would close a circle is not taken."""
    ops: list[Op] = []
    places: dict[str, int] = {}
    wanted: list[list[str]] = []
    for i, entry in enumerate(list_of(content, "node", problems)):
        name = entry.get("name") if isinstance(entry, Mapping) else None
        if not isinstance(name, str) or name in places:
            problems.note(f"node[{i}]", "it has no name of its own; left out")
            continue
        places[name] = len(ops)
        given = entry.get("input")
        wanted.append([n for n in given if isinstance(n, str)] if isinstance(given, list) else [])
        ops.append(_op(name, entry, root))
    for op, names in zip(ops, wanted, strict=True):
        op.inputs = [places[name] for name in names if name in places]
        for name in names:
            if name not in places:
                what = f"there is no node {shown(name)} to take; left out"
                problems.note(f"node {shown(op.name)}", what, kind="input of no node")
    return _sorted(ops, problems)


def type_and_name(scope: str) -> tuple[str, str]:
    """``Conv2d[0]`` -> ``("Conv2d", "0")``; what is no module is its own type and name."""
    found = _MODULE.fullmatch(scope)
    return (found[1], found[2]) if found else (scope, scope)


def parameters_of(ops: Sequence[Op]) -> dict[Path, int]:
    """How many numbers the parameters of each module have, by the shapes that are known."""
    sizes: dict[tuple[Path, str], int] = {}
    for op in ops:
        found = _PARAMETER.search(op.text) if op.kind == "prim::GetAttr" else None
        if found and op.shapes and found[1] not in _BUFFERS:
            path = op.path
            while path and not _MODULE.fullmatch(path[-1]):
                path = path[:-1]
            sizes[path, found[1]] = math.prod(op.shapes[0])
    total: dict[Path, int] = {}
    for (path, _), size in sizes.items():
        for length in range(len(path) + 1):
            total[path[:length]] = total.get(path[:length], 0) + size
    return total


def order_of(inputs: Sequence[Sequence[int]]) -> tuple[list[int], set[tuple[int, int]]]:
    """Places such that each stands after its inputs, and else as given; and inputs in the way.

    Where a circle stops everything, the first place that waits goes ahead of what it waits for.
    """
    waiting = [len(set(taken)) for taken in inputs]
    takers: list[list[int]] = [[] for _ in inputs]
    for place, taken in enumerate(inputs):
        for source in set(taken):
            takers[source].append(place)
    ready = [place for place, count in enumerate(waiting) if not count]
    heapq.heapify(ready)
    order: list[int] = []
    rank: dict[int, int] = {}
    first = 0
    while len(order) < len(inputs):
        while not ready:
            if first not in rank:
                ready = [first]
                waiting[first] = 0
            first += 1
        place = heapq.heappop(ready)
        if place in rank:
            continue
        rank[place] = len(order)
        order.append(place)
        for taker in takers[place]:
            waiting[taker] -= 1
            if waiting[taker] == 0:
                heapq.heappush(ready, taker)
    backward = {
        (source, place)
        for place, taken in enumerate(inputs)
        for source in taken
        if rank[source] >= rank[place]
    }
    return order, backward


def _sorted(ops: list[Op], problems: Problems) -> list[Op]:
    order, backward = order_of([op.inputs for op in ops])
    for source, place in sorted(backward)[:1]:
        what = (
            f"{len(backward):,} inputs close circles, the first one {shown(ops[source].name)} "
            f"of {shown(ops[place].name)}; left out"
        )
        problems.note("node", what)
    rank = {old: new for new, old in enumerate(order)}
    for place, op in enumerate(ops):
        op.inputs = [rank[source] for source in op.inputs if (source, place) not in backward]
    return [ops[place] for place in order]


def _op(name: str, entry: Mapping[str, Any], root: str) -> Op:
    scopes = tuple(name.split("/"))
    path = scopes[1:-1] if scopes[0] == root else scopes[:-1]
    kind = entry.get("op")
    attributes = entry.get("attr")
    attributes = attributes if isinstance(attributes, Mapping) else {}
    return Op(
        kind=kind if isinstance(kind, str) else "?",
        path=path,
        name=scopes[-1],
        shapes=_shapes(_inside(attributes, "_output_shapes", "list", "shape")),
        text=_text(_inside(attributes, "attr", "s")),
    )


def _shapes(given: Any) -> list[list[int]]:
    shapes = []
    for shape in given if isinstance(given, list) else []:
        dims = _inside(shape, "dim")
        sizes = [_inside(dim, "size") for dim in dims] if isinstance(dims, list) else []
        if len(sizes) <= _DIMS and all(isinstance(size, (str, int)) for size in sizes):
            texts = [str(size) for size in sizes]
            if all(text.isascii() and text.isdigit() and len(text) < 16 for text in texts):
                shapes.append([int(text) for text in texts])
    return shapes


def _text(given: Any) -> str:
    if not isinstance(given, str):
        return ""
    try:
        text = base64.b64decode(given, validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return given
    return " ".join(text.strip().removeprefix("{").removesuffix("}").split())


def _inside(value: Any, *fields: str) -> Any:
    for name in fields:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value

"""The graphs of NAS-Bench-101: which of them are cells, and how wide their vertices are."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

Edge = tuple[int, int]


@dataclass(frozen=True)
class CellRules:
    """What an architecture must keep to: a constraint of the search space.

    Attributes:
        key: Of the cell.
        max_num_nodes: Input and output included.
        max_num_edges: After pruning.
    """

    key: str
    max_num_nodes: int
    max_num_edges: int

    def __call__(self, architecture: Mapping[str, Any]) -> bool:
        edges = [
            edge
            for edge in all_edges(self.max_num_nodes)
            if architecture.get(edge_key(self.key, edge), False)
        ]
        return not self.objection(edges)

    def objection(self, edges: Collection[Edge]) -> str:
        """Why a graph is no cell; empty if it is one."""
        kept = pruned(edges, self.max_num_nodes)
        if not kept:
            return "its edges do not connect the input with the output"
        if len(kept) > self.max_num_edges:
            return f"it has {len(kept)} edges, of at most {self.max_num_edges}"
        return ""


def edge_key(key: str, edge: Edge) -> str:
    source, target = edge
    return f"{key}/edge_{source}_{target}"


def all_edges(count: int) -> list[Edge]:
    """Every edge from a vertex to a later one."""
    return list(combinations(range(count), 2))


def pruned(edges: Collection[Edge], count: int) -> list[Edge]:
    """The edges that lie on a path from the first to the last of the vertices."""
    from_input, to_output = {0}, {count - 1}
    for source, target in sorted(edges):
        if source in from_input:
            from_input.add(target)
    for source, target in sorted(edges, reverse=True):
        if target in to_output:
            to_output.add(source)
    return sorted(edge for edge in edges if edge[0] in from_input and edge[1] in to_output)


def vertex_channels(edges: Collection[Edge], count: int, out_features: int) -> dict[int, int]:
    """How wide the inner vertices of a pruned graph are.

    Those before the output share its channels, the first of them with one more where they do not
    divide; another one is as wide as the widest that reads it.
    """
    last = count - 1
    ends = sorted(source for source, target in edges if target == last and source)
    channels = {
        vertex: out_features // len(ends) + (number < out_features % len(ends))
        for number, vertex in enumerate(ends)
    }
    inner = {source for source, _ in edges if source}
    for vertex in sorted(inner - set(ends), reverse=True):
        channels[vertex] = max(channels[target] for source, target in edges if source == vertex)
    return channels

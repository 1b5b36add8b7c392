"""A small directed graph in layers from left to right, with room for a label on each edge."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

_SWEEPS = 12


@dataclass(frozen=True)
class Layering:
    """Where things stand.

    Attributes:
        vertices: Layer and row of each vertex.
        routes: For each edge the layers and rows on its way, its ends left out.
        labels: For each edge the layer and row of its label, which is one of its way.
        n_layers: The number of layers; vertices stand in even ones.
        n_rows: How many rows the layers take.
    """

    vertices: Sequence[tuple[int, float]]
    routes: Sequence[Sequence[tuple[int, float]]]
    labels: Sequence[tuple[int, float]]
    n_layers: int
    n_rows: float


def layered(n: int, edges: Sequence[tuple[int, int]]) -> Layering:
    """The layering of vertices 0..n-1; every edge leads to a larger number.

    A vertex stands two layers behind the last one that leads to it (longest path), so that each
    edge has a place on its way; rows follow the means of neighbours (Sugiyama et al. 1981).
    """
    layer = [0] * n
    for start, end in sorted(edges, key=lambda edge: edge[1]):
        layer[end] = max(layer[end], layer[start] + 2)
    last = max(layer, default=0)
    leading = {start for start, _ in edges}
    layer = [at if v in leading or not at else last for v, at in enumerate(layer)]
    places = list(layer)  # of vertices, then of points on the ways of edges
    ways: list[list[int]] = []
    neighbours: list[tuple[int, int]] = []
    for start, end in edges:
        way = list(range(len(places), len(places) + layer[end] - layer[start] - 1))
        places += range(layer[start] + 1, layer[end])
        ways.append(way)
        stops = [start, *way, end]
        neighbours += pairwise(stops)
    rows = _rows(places, neighbours, _orders(places, neighbours))
    low = min(rows, default=0.0)
    rows = [row - low for row in rows]

    def at(point: int) -> tuple[int, float]:
        return places[point], rows[point]

    return Layering(
        vertices=[at(vertex) for vertex in range(n)],
        routes=[[at(point) for point in way] for way in ways],
        labels=[at(_middle(way)) for way in ways],
        n_layers=last + 1,
        n_rows=max(rows, default=0.0) + 1,
    )


def _middle(way: Sequence[int]) -> int:
    """The point for the label: next to the middle, between two layers of vertices."""
    return way[(len(way) - 1) // 2 // 2 * 2]


def _orders(places: Sequence[int], neighbours: Sequence[tuple[int, int]]) -> list[list[int]]:
    """The points of each layer from top to bottom: of some sweeps the one with least crossings."""
    layers: list[list[int]] = [[] for _ in range(max(places, default=-1) + 1)]
    for point, layer in enumerate(places):
        layers[layer].append(point)
    before: dict[int, list[int]] = {}
    after: dict[int, list[int]] = {}
    for a, b in neighbours:
        after.setdefault(a, []).append(b)
        before.setdefault(b, []).append(a)
    best, fewest = [list(layer) for layer in layers], _crossings(layers, after)
    for sweep in range(_SWEEPS):
        forward = sweep % 2 == 0
        beside = before if forward else after
        in_turn = layers if forward else layers[::-1]
        for fixed, points in pairwise(in_turn):
            rank = {point: row for row, point in enumerate(fixed)}
            own = {point: float(row) for row, point in enumerate(points)}
            means = {
                point: _mean([rank[p] for p in beside[point]]) if point in beside else own[point]
                for point in points
            }
            points.sort(key=means.__getitem__)
        crossings = _crossings(layers, after)
        if crossings < fewest:
            best, fewest = [list(layer) for layer in layers], crossings
    return best


def _crossings(layers: Sequence[Sequence[int]], after: dict[int, list[int]]) -> int:
    count = 0
    for layer, following in pairwise(layers):
        rank = {point: row for row, point in enumerate(following)}
        ends: list[int] = []
        for point in layer:
            targets = [rank[target] for target in after.get(point, ())]
            count += sum(len(ends) - bisect_right(ends, target) for target in targets)
            for target in targets:
                insort(ends, target)
    return count


def _rows(
    places: Sequence[int], neighbours: Sequence[tuple[int, int]], orders: Sequence[Sequence[int]]
) -> list[float]:
    """Rows at least one apart, near the means of the neighbours' rows."""
    beside: list[list[int]] = [[] for _ in places]
    for a, b in neighbours:
        beside[a].append(b)
        beside[b].append(a)
    rows = [0.0] * len(places)
    for order in orders:
        for number, point in enumerate(order):
            rows[point] = number - (len(order) - 1) / 2
    for _ in range(_SWEEPS):
        for order in orders:
            wanted = [_mean([rows[p] for p in beside[point] or [point]]) for point in order]
            for point, row in zip(order, _apart(wanted), strict=True):
                rows[point] = row
    return rows


def _apart(wanted: Sequence[float]) -> list[float]:
    """The nearest rows, by least squares, that keep their order and are one apart."""
    groups: list[tuple[float, int]] = []  # mean of (wanted row - its place in the order), and size
    for place, row in enumerate(wanted):
        mean, size = row - place, 1
        while groups and groups[-1][0] > mean:
            other, others = groups.pop()
            mean = (mean * size + other * others) / (size + others)
            size += others
        groups.append((mean, size))
    flat = [mean for mean, size in groups for _ in range(size)]
    return [mean + place for place, mean in enumerate(flat)]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)

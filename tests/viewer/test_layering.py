from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas_tuners.viewer.figures.layering import _apart, layered


def test_a_chain_is_a_straight_line() -> None:
    found = layered(3, [(0, 1), (1, 2)])
    assert found.vertices == [(0, 0.0), (2, 0.0), (4, 0.0)]
    assert found.routes == [[(1, 0.0)], [(3, 0.0)]]
    assert found.labels == [(1, 0.0), (3, 0.0)]
    assert (found.n_layers, found.n_rows) == (5, 1.0)


def test_a_long_edge_goes_round_what_stands_between() -> None:
    found = layered(3, [(0, 1), (1, 2), (0, 2)])
    assert found.vertices[2][0] == 4
    [way] = found.routes[2:]
    assert [layer for layer, _ in way] == [1, 2, 3]
    assert abs(way[1][1] - found.vertices[1][1]) >= 1


def test_parallel_edges_have_labels_of_their_own() -> None:
    found = layered(2, [(0, 1), (0, 1), (0, 1)])
    assert len(set(found.labels)) == 3


def test_nothing_and_lone_vertices() -> None:
    assert layered(0, []).vertices == []
    assert len(set(layered(3, []).vertices)) == 3


def test_rows_are_one_apart_and_near_what_is_wanted() -> None:
    assert _apart([0.0, 5.0]) == [0.0, 5.0]
    assert _apart([0.0, 0.0]) == [-0.5, 0.5]
    assert _apart([1.0, 0.0, 0.0]) == pytest.approx([-2 / 3, 1 / 3, 4 / 3])


@st.composite
def _graphs(draw: st.DrawFn) -> tuple[int, list[tuple[int, int]]]:
    n = draw(st.integers(2, 9))
    pairs = st.tuples(st.integers(0, n - 2), st.integers(1, n - 1)).filter(lambda p: p[0] < p[1])
    return n, draw(st.lists(pairs, max_size=20))


@settings(deadline=None)
@given(_graphs())
def test_edges_lead_right_and_nothing_overlaps(graph: tuple[int, list[tuple[int, int]]]) -> None:
    n, edges = graph
    found = layered(n, edges)
    for (start, end), way, label in zip(edges, found.routes, found.labels, strict=True):
        stops = [found.vertices[start], *way, found.vertices[end]]
        assert all(b[0] == a[0] + 1 for a, b in pairwise(stops))
        assert label in way
        assert label[0] % 2 == 1
    points = [*found.vertices, *(point for way in found.routes for point in way)]
    for layer in range(found.n_layers):
        rows = sorted(row for at, row in points if at == layer)
        assert all(b - a > 0.999 for a, b in pairwise(rows))
        assert all(-1e-9 <= row <= found.n_rows - 1 + 1e-9 for row in rows)
    assert layered(n, edges) == found

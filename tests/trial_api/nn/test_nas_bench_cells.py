"""The cells of NAS-Bench-101 and NAS-Bench-201, of any operations."""

from __future__ import annotations

import pickle
from functools import partial
from itertools import permutations, product
from random import Random
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from nas_tuners.contract.architecture import to_architecture
from nas_tuners.contract.errors import ArchitectureError, SearchSpaceError
from trial_api import (
    NasBench101Cell,
    NasBench201Cell,
    apply_fixed_architecture,
    model_space,
    search_space,
)
from trial_api.mutators import FixedMutator, SoftmaxMutator
from trial_api.nn._nas_bench_101_graph import CellRules, all_edges, pruned, vertex_channels

Edges = list[tuple[int, int]]


def square(width: int) -> nn.Module:
    return nn.Linear(width, width)


def tanh(_width: int) -> nn.Module:
    return nn.Tanh()


@model_space
class Net(nn.Module):
    def __init__(self, nodes: int = 5, edges: int = 6, out: int = 7, cells: int = 1) -> None:
        super().__init__()
        self.cells = nn.Sequential()
        for number in range(cells):
            self.cells.append(
                NasBench101Cell(
                    {"linear": square, "tanh": tanh},
                    out if number else 3,
                    out,
                    nn.Linear,
                    max_num_nodes=nodes,
                    max_num_edges=edges,
                    key="cell",
                )
            )

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.cells(x)
        return output


def architecture_of(edges: Edges, operations: list[str], nodes: int) -> dict[str, Any]:
    chosen: dict[str, Any] = {
        f"cell/edge_{source}_{target}": (source, target) in edges
        for source, target in all_edges(nodes)
    }
    return chosen | {f"cell/op_{number}": name for number, name in enumerate(operations, 1)}


def test_the_space_is_a_boolean_for_each_edge_and_an_operation_for_each_vertex() -> None:
    space = search_space(Net)
    assert space.size == 2**10 * 2**3
    content = space.to_dict()
    assert content["cell/op_2"] == {"_type": "choice", "_value": ["linear", "tanh"]}
    assert {key for key in content if "edge" in key} == {
        f"cell/edge_{source}_{target}" for source, target in all_edges(5)
    }
    assert [constraint.name for constraint in space.constraints] == ["the rules of 'cell'"]


def test_the_first_architecture_is_a_chain() -> None:
    space = search_space(Net)
    first = next(space.enumerate())
    assert space.fits(first)
    network = apply_fixed_architecture(Net, to_architecture(space, first))
    assert network.cells[0].edges == [(0, 1), (1, 2), (2, 3), (3, 4)]


def test_cells_with_one_key_have_one_constraint() -> None:
    space = search_space(partial(Net, cells=3))
    assert len(space.constraints) == 1
    assert len(space.specs) == 13


def reachable(edges: Edges, start: int) -> set[int]:
    found = {start}
    while True:
        more = found | {target for source, target in edges if source in found}
        if more == found:
            return found
        found = more


def test_rules_and_pruning_against_their_definition() -> None:
    rng = Random(0)
    every = all_edges(6)
    for _ in range(500):
        edges = [edge for edge in every if rng.random() < 0.4]
        back = [(target, source) for source, target in edges]
        alive = reachable(edges, 0) & reachable(back, 5)
        kept = [(source, target) for source, target in edges if {source, target} <= alive]
        assert pruned(edges, 6) == kept
        rules = CellRules("cell", 6, 7)
        is_cell = bool(kept) and len(kept) <= 7
        assert rules(architecture_of(edges, [], 6)) == is_cell


def canonical(edges: Edges, labels: dict[int, int]) -> tuple[Any, ...]:
    """The same for isomorphic graphs of labelled vertices."""
    vertices = sorted({vertex for edge in edges for vertex in edge})
    inner = vertices[1:-1]
    forms = []
    for order in permutations(inner):
        place = {vertex: number for number, vertex in enumerate([0, *order, vertices[-1]])}
        moved = sorted((place[source], place[target]) for source, target in edges)
        forms.append((tuple(labels[vertex] for vertex in order), tuple(moved)))
    return min(forms)


def count_cells(nodes: int) -> int:
    """How many different cells of three operations there are."""
    cells = set()
    every = all_edges(nodes)
    graphs = {
        tuple(pruned([edge for edge, there in zip(every, mask, strict=True) if there], nodes))
        for mask in product([False, True], repeat=len(every))
    }
    for graph in graphs:
        if 0 < len(graph) <= 9:
            inner = sorted({source for source, _ in graph} - {0})
            for labels in product(range(3), repeat=len(inner)):
                named = dict(zip(inner, labels, strict=True))
                cells.add(canonical(list(graph), named))
    return len(cells)


@pytest.mark.parametrize(
    ("nodes", "published"),
    [
        (2, 1),
        (3, 1 + 6),
        (4, 1 + 6 + 84),
        (5, 1 + 6 + 84 + 2441),
        pytest.param(6, 1 + 6 + 84 + 2441 + 62_010, marks=pytest.mark.extended),
    ],
)
def test_as_many_cells_as_nas_bench_101_has(nodes: int, published: int) -> None:
    """Of its 423,624 cells, 62,010 have six vertices, 2,441 five, 84 four, 6 three, one two."""
    assert count_cells(nodes) == published


@pytest.mark.parametrize(
    ("edges", "out", "expected"),
    [
        ([(0, 1), (1, 4)], 7, {1: 7}),
        ([(0, 1), (0, 2), (0, 3), (1, 4), (2, 4), (3, 4)], 7, {1: 3, 2: 2, 3: 2}),
        ([(0, 1), (1, 2), (1, 3), (2, 4), (3, 4)], 7, {1: 4, 2: 4, 3: 3}),
        ([(0, 1), (1, 3), (0, 2), (2, 4), (3, 4)], 7, {1: 3, 2: 4, 3: 3}),
        ([(0, 4)], 7, {}),
    ],
)
def test_the_channels_of_the_output_are_shared(
    edges: Edges, out: int, expected: dict[int, int]
) -> None:
    assert vertex_channels(edges, 5, out) == expected


def test_a_cell_against_its_formula() -> None:
    edges = [(0, 1), (1, 2), (0, 2), (1, 3), (2, 4), (3, 4), (0, 4)]
    architecture = architecture_of(edges, ["linear", "tanh", "linear"], 5)
    cell = apply_fixed_architecture(partial(Net, edges=7), architecture).double().cells[0]
    x = torch.randn(2, 3, dtype=torch.float64)
    projected = {name: layer(x) for name, layer in cell.projections.items()}
    one = cell.operations["1"](projected["1"])  # 4 features: the widest of those that read it
    two = torch.tanh(one + projected["2"])  # 4 features
    three = cell.operations["3"](one[:, :3])
    expected = torch.cat([two, three], dim=1) + projected["4"]
    torch.testing.assert_close(cell(x), expected)


@pytest.mark.parametrize("seed", range(10))
def test_random_cells_run_and_every_layer_is_used(seed: int) -> None:
    build = partial(Net, 6, 7, cells=2)
    space = search_space(build)
    architecture = to_architecture(space, space.sample_fitting(Random(seed)))
    network = apply_fixed_architecture(build(), architecture)
    again = apply_fixed_architecture(build, architecture)
    assert repr(again) == repr(network)
    assert pickle.loads(pickle.dumps(network)).cells[0].edges == network.cells[0].edges
    output = network(torch.randn(2, 3))
    assert output.shape == (2, 7)
    output.square().sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


@pytest.mark.parametrize(
    ("edges", "reason"),
    [
        ([(0, 1), (1, 2)], "its edges do not connect the input with the output"),
        (all_edges(5), "it has 10 edges, of at most 6"),
    ],
)
def test_what_is_no_cell_is_refused(edges: Edges, reason: str) -> None:
    with pytest.raises(ArchitectureError, match=f"cell: .*{reason}"):
        apply_fixed_architecture(Net, architecture_of(edges, ["tanh"] * 3, 5))


def test_wrong_arguments_of_a_101_cell_are_named() -> None:
    with pytest.raises(SearchSpaceError) as caught:
        NasBench101Cell({"a": nn.Linear(1, 1)}, 0, 4, nn.Linear, key="")
    message = str(caught.value)
    assert "candidate 'a' must be a function that makes a module, but got Linear" in message
    assert "`in_features` must be a whole number >= 1, but got 0" in message
    assert "`out_features` must be a whole number >= 5, but got 4" in message
    assert "`key` must be a non-empty string" in message
    with pytest.raises(SearchSpaceError, match="belongs into the __init__ of a class decorated"):
        NasBench101Cell([square], 1, 5, nn.Linear)


def cell_201(**more: Any) -> NasBench201Cell:
    candidates = {"linear": nn.Linear, "free": partial(nn.Linear, bias=False)}
    return NasBench201Cell(candidates, 3, 5, **{"key": "cell", **more}).double()


def test_the_keys_of_a_201_cell_are_its_edges() -> None:
    edges = ["0->1", "0->2", "1->2", "0->3", "1->3", "2->3"]
    space = search_space(cell_201())
    assert list(space.specs) == [f"cell/{edge}" for edge in edges]
    assert space.size == 2**6
    assert search_space(cell_201(num_tensors=3, key=None)).size == 2**3


@pytest.mark.parametrize("seed", range(3))
def test_a_tensor_is_the_sum_of_operations_on_those_before(seed: int) -> None:
    space = search_space(cell_201)
    architecture = to_architecture(space, space.sample(Random(seed)))
    cell = cell_201()
    mutator = FixedMutator(cell, architecture)
    mutator.reset()
    x = torch.randn(2, 3, dtype=torch.float64)
    expected = cell(x)
    mutator.remove()
    edges = apply_fixed_architecture(cell, architecture).edges
    one = edges["0->1"](x)
    two = edges["0->2"](x) + edges["1->2"](one)
    three = edges["0->3"](x) + edges["1->3"](one) + edges["2->3"](two)
    torch.testing.assert_close(expected, three)
    lazily = apply_fixed_architecture(cell_201, architecture)
    lazily.load_state_dict(cell.state_dict())
    torch.testing.assert_close(lazily(x), expected)


def test_a_201_cell_mixes() -> None:
    cell = cell_201()
    mutator = SoftmaxMutator(cell).double()
    mutator.reset()
    cell(torch.randn(2, 3, dtype=torch.float64)).square().sum().backward()
    assert all(parameter.grad is not None for parameter in [*cell.parameters()])
    assert all(parameter.grad is not None for parameter in mutator.parameters())


def test_wrong_arguments_of_a_201_cell_are_named() -> None:
    with pytest.raises(SearchSpaceError) as caught:
        NasBench201Cell([], 1.5, 2, 1)  # type: ignore[arg-type]
    message = str(caught.value)
    assert "`op_candidates` must be a non-empty list or dict, but got []" in message
    assert "`in_features` must be a whole number >= 1, but got 1.5" in message
    assert "`num_tensors` must be a whole number >= 2, but got 1" in message

"""FLOPs and parameters, against the profiler's of each part alone."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from search_spaces import darts, enas_micro, nas_bench_201
from tests.trial_api.graph.kit import flops_alone, inside, path, recorded, slots_of
from trial_api import (
    LayerChoice,
    NasBench201Cell,
    SuperKernelConv2d,
    apply_fixed_architecture,
    profile,
)
from trial_api.nn._super_kernel import standalone


def candidates() -> dict[str, nn.Module]:
    return {
        "conv": nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU()),
        "separable": nn.Sequential(
            nn.Conv2d(4, 4, 5, padding=2, groups=4, bias=False), nn.Conv2d(4, 4, 1)
        ),
        "transposed": nn.ConvTranspose2d(4, 4, 3, padding=1),
        "functions": Products(),
        "nothing": nn.Identity(),
    }


class Products(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(6, 6))

    def forward(self, x: Tensor) -> Tensor:
        return torch.einsum("nchw,wv->nchv", x @ self.weight, self.weight)


def test_each_candidate_costs_what_it_costs_alone() -> None:
    choice = LayerChoice(candidates(), key="c")
    graph = recorded(nn.Sequential(nn.Conv2d(3, 4, 1), choice), torch.zeros(2, 3, 6, 6))

    for slot, candidate in zip(slots_of(graph, "c"), choice, strict=True):
        alone = profile(candidate, torch.zeros(2, 4, 6, 6))
        assert (slot["flops"], slot["params"]) == (alone.flops, alone.parameters)
        assert slot["shape"] == [2, 4, 6, 6]
    assert graph["flops"] == sum(s["flops"] for s in slots_of(graph, "c")) + 2 * 2 * 3 * 4 * 36


def sequences() -> dict[str, tuple[nn.Module, Any]]:
    x = torch.zeros(2, 5, 8)
    return {
        "attention": (nn.MultiheadAttention(8, 2, batch_first=True), (x, x, x)),
        "encoder": (nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), (x,)),
        "lstm": (nn.LSTM(8, 8, num_layers=2, bidirectional=True), (x,)),
        "unfold": (nn.Conv1d(5, 5, 3), (x,)),
    }


@pytest.mark.parametrize("name", sequences())
def test_a_layer_costs_what_the_profiler_says(name: str) -> None:
    layer, inputs = sequences()[name]
    graph = recorded(layer, inputs)
    alone = profile(layer, inputs)
    assert (graph["flops"], graph["parameters"]) == (alone.flops, alone.parameters)
    assert alone.flops > 0


def test_each_kernel_of_a_superkernel_costs_what_it_costs_alone() -> None:
    choice = SuperKernelConv2d(3, 4, (3, 5, 7), skippable=True, key="k")
    graph = recorded(choice, torch.zeros(2, 3, 8, 8))

    assert [slot["flops"] for slot in slots_of(graph, "k")] == [
        flops_alone(standalone(candidate), (2, 3, 8, 8)) for candidate in choice
    ]
    assert [slot["params"] for slot in slots_of(graph, "k")] == [
        profile(standalone(candidate), torch.zeros(2, 3, 8, 8)).parameters for candidate in choice
    ]
    assert graph["parameters"] == sum(p.numel() for p in choice.parameters()), "counted once"


def test_parameters_of_every_module_count_what_is_shared_once() -> None:
    shared = nn.Linear(3, 3)
    model = nn.ModuleDict(
        {"a": nn.Sequential(shared, nn.Linear(3, 3)), "b": nn.Sequential(shared, shared)}
    )
    model["a"][1].weight = shared.weight
    graph = recorded(nn.Sequential(*model.values()), torch.zeros(2, 3))

    by_path = {path(graph, n): one["params"] for n, one in enumerate(graph["modules"])}
    assert by_path == {
        "": 15,
        "0": 15,
        "0.0": 12,
        "0.1": 12,
        "1": 12,
        "1.0": 12,
        "1.1": 12,
    }


def _first(space: dict[str, Any]) -> dict[str, Any]:
    """Of each layer its third candidate, of inputs the last ones."""
    return {
        key: spec["_value"][2 % len(spec["_value"])]
        if spec["_type"] == "layer_choice"
        else spec["_value"]["candidates"][-(spec["_value"]["n_chosen"] or 1) :]
        for key, spec in space.items()
    }


def chosen_flops(graph: dict[str, Any], architecture: dict[str, Any]) -> int:
    """Of the nodes that run under an architecture: those that the output is made of."""
    into: dict[int, list[list[int]]] = {}
    for edge in graph["edges"]:
        into.setdefault(edge[1], []).append(edge)
    needed, waiting = set(), [len(graph["nodes"]) - 1]
    while waiting:
        number = waiting.pop()
        if number in needed:
            continue
        needed.add(number)
        node = graph["nodes"][number]
        for edge in into.get(number, []):
            if node["kind"] == "choice":
                choice = graph["choices"][node["key"]]
                chosen = architecture[node["key"]]
                names = chosen if isinstance(chosen, list) else [chosen]
                if choice["names"][edge[2]] not in names:
                    continue
            waiting.append(edge[0])
    return sum(graph["nodes"][number].get("flops", 0) for number in needed)


X = torch.zeros(2, 3, 16, 16)


@pytest.fixture(scope="module")
def small_darts() -> tuple[nn.Module, dict[str, Any]]:
    """A network of cells, which no test changes, and its graph."""
    model = darts(channels=4, cells=3)
    return model, recorded(model, X)


def _check_nodes_of_an_architecture(model: nn.Module, graph: dict[str, Any]) -> None:
    architecture = _first(graph["search_space"])
    network = apply_fixed_architecture(copy.deepcopy(model), architecture)
    alone = profile(network, X)
    assert chosen_flops(graph, architecture) == alone.flops
    plain = recorded(network, X)
    assert (plain["flops"], plain["parameters"]) == (alone.flops, alone.parameters)


def test_the_nodes_of_an_architecture_cost_what_its_network_costs(
    small_darts: tuple[nn.Module, dict[str, Any]],
) -> None:
    _check_nodes_of_an_architecture(*small_darts)
    cells = nas_bench_201(channels=4, cells=1)
    _check_nodes_of_an_architecture(cells, recorded(cells, X))


def test_candidates_in_cells_cost_what_they_cost_alone(
    small_darts: tuple[nn.Module, dict[str, Any]],
) -> None:
    model, graph = small_darts
    modules = dict(model.named_modules())
    checked = 0
    for choice in graph["choices"].values():
        for place in choice["places"] if choice["kind"] == "layer" else []:
            within = _nodes_in(graph, place["module"])
            read = {a for a, b, *_ in graph["edges"] if b in within and a not in within}
            shape = graph["nodes"][min(read)]["shapes"][0]
            for slot in place["slots"]:
                candidate = modules[path(graph, slot["module"])]
                assert slot["flops"] == flops_alone(candidate, shape)
                assert slot["params"] == sum(p.numel() for p in candidate.parameters())
                checked += 1
    assert checked == 3 * 14 * 8


def _nodes_in(graph: dict[str, Any], module: int) -> set[int]:
    return {
        number
        for number, node in enumerate(graph["nodes"])
        if "module" in node and inside(graph, node["module"], module)
    }


def test_a_cell_of_functions_costs_the_sum_of_its_edges() -> None:
    cell = NasBench201Cell({"linear": nn.Linear, "again": nn.Linear}, 3, 3, key="cell")
    graph = recorded(cell, torch.zeros(2, 3))
    assert graph["flops"] == 6 * 2 * (2 * 2 * 3 * 3)


def test_the_loose_ends_of_a_mixture_are_all_read() -> None:
    """In ENAS's cells, the output reads what no node takes: in a supernet, every state."""
    model = enas_micro(channels=4, cells=3, nodes=3)
    graph = recorded(model, torch.zeros(2, 3, 16, 16))
    ends = [
        number
        for number, node in enumerate(graph["nodes"])
        if node.get("op") == "cat" and path(graph, node["module"]) == "cells.0.output"
    ]
    read = [sum(edge[1] == number for edge in graph["edges"]) for number in ends]
    assert max(read) == 5

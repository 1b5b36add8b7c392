"""The cell space of NAS-Bench-101 against the paper and its data set."""

from __future__ import annotations

import copy
from functools import partial
from random import Random
from typing import Any

import pytest
import torch
from torch import nn

from nas_tuners import RandomTuner
from nas_tuners.contract.architecture import to_architecture
from nas_tuners.contract.errors import ArchitectureError, SearchSpaceError
from search_spaces import nas_bench_101
from trial_api import NasBench101Cell, apply_fixed_architecture, search_space
from trial_api.nn._nas_bench_101_graph import all_edges

OPERATIONS = {"3": "conv3x3-bn-relu", "1": "conv1x1-bn-relu", "p": "maxpool3x3"}
EXAMPLE = "01 02 03 04 16 26 36 45 56"
"""The edges of the cell that the data set's authors show in their README."""


def architecture(edges: str, operations: str) -> dict[str, Any]:
    """From pairs of vertices, and a letter for each vertex between input and output."""
    chosen: dict[str, Any] = {
        f"cell/edge_{source}_{target}": f"{source}{target}" in edges.split()
        for source, target in all_edges(len(operations) + 2)
    }
    names = enumerate(operations, 1)
    return chosen | {f"cell/op_{number}": OPERATIONS[letter] for number, letter in names}


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def on_no_device(chosen: dict[str, Any]) -> nn.Module:
    with torch.device("meta"):
        return apply_fixed_architecture(nas_bench_101, chosen)


def test_the_space_is_that_of_the_paper() -> None:
    """Section 2.2: 21 possible edges, three operations for each of five vertices."""
    space = search_space(nas_bench_101)
    assert space.size == 2**21 * 3**5
    assert len(space.constraints) == 1


@pytest.mark.parametrize(
    ("edges", "operations", "published"),
    [
        (EXAMPLE, "31p33", 2_694_282),
        ("01 12 13 14 16 26 36 46", "ppppp", 227_274),
        ("01 12 23 34 45 56 02 03 04", "33333", 49_979_274),
    ],
)
def test_networks_have_their_published_sizes(edges: str, operations: str, published: int) -> None:
    """The example, the smallest and the largest of the data set."""
    assert parameters(on_no_device(architecture(edges, operations))) == published


def test_a_cell_that_is_a_projection_in_closed_form() -> None:
    """1x1 convolutions of the widths, two numbers a channel, stem and classifier."""
    widths = [(128, 128)] * 3 + [(128, 256), *[(256, 256)] * 2] + [(256, 512), *[(512, 512)] * 2]
    cells = sum(inputs * outputs + 2 * outputs for inputs, outputs in widths)
    ends = (27 * 128 + 2 * 128) + (512 * 10 + 10)
    assert parameters(on_no_device(architecture("06", "33333"))) == cells + ends


def test_what_is_on_no_path_is_not_there() -> None:
    chosen = on_no_device(architecture(EXAMPLE.replace("56", ""), "31p33"))
    without = on_no_device(architecture("01 02 03 16 26 36", "31pp1"))
    assert repr(chosen) == repr(without)


def test_stacks_halve_the_resolution_and_double_the_channels() -> None:
    network = apply_fixed_architecture(
        partial(nas_bench_101, 8, 2, in_channels=1), architecture(EXAMPLE, "31p33")
    )
    shapes = []
    for module in network.modules():
        if isinstance(module, NasBench101Cell):
            module.register_forward_hook(lambda *call: shapes.append(tuple(call[2].shape[1:])))
    assert network(torch.randn(2, 1, 9, 8)).shape == (2, 10)
    assert shapes == [(8, 9, 8)] * 2 + [(16, 5, 4)] * 2 + [(32, 3, 2)] * 2


def test_tuners_propose_cells_only() -> None:
    build = partial(nas_bench_101, 6, 1, in_channels=1)
    tuner = RandomTuner(seed=0)
    tuner.update_search_space(search_space(build))
    for number in range(6):
        network = apply_fixed_architecture(build, tuner.generate_parameters(number))
        assert network(torch.randn(2, 1, 5, 4)).shape == (2, 10)


def test_an_instance_becomes_the_network_of_its_function() -> None:
    build = partial(nas_bench_101, 6, 1, nodes=5, edges=6)
    space = search_space(build)
    for seed in range(3):
        chosen = to_architecture(space, space.sample_fitting(Random(seed)))
        instance = copy.deepcopy(build())
        assert repr(apply_fixed_architecture(instance, chosen)) == repr(
            apply_fixed_architecture(build, chosen)
        )


def test_too_many_edges_are_refused() -> None:
    chosen = architecture("01 02 03 04 05 06 16 26 36 46 56", "33333")
    with pytest.raises(ArchitectureError, match="cell: this is no cell: it has 11 edges, of at"):
        apply_fixed_architecture(partial(nas_bench_101, 8, 1), chosen)


def test_wrong_sizes_are_named() -> None:
    with pytest.raises(SearchSpaceError, match="cells: must be a whole number > 0, but got 0"):
        nas_bench_101(cells=0)
    message = r"`2 <= nodes <= channels \+ 2` must hold, but got \(nodes=7, channels=4\)"
    with pytest.raises(SearchSpaceError, match=message):
        nas_bench_101(channels=4)

"""The cell space of ENAS against its definition."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from search_spaces import enas_micro, set_drop_path
from tests.search_spaces.cells import images, sampled, tiny
from trial_api import apply_fixed_architecture, search_space
from trial_api.mutators import SoftmaxMutator

OPERATIONS = ["sep_conv_3x3", "sep_conv_5x5", "avg_pool_3x3", "max_pool_3x3", "identity"]

INPUTS = [(0, 1), (2, 2), (1, 0)]
"""The states that three nodes take, cell inputs first; so 3 and 4 are taken by none."""


def architecture() -> dict[str, Any]:
    chosen: dict[str, Any] = {}
    for kind in ("normal", "reduce"):
        for node, (x, y) in enumerate(INPUTS):
            key = f"{kind}_node{node}"
            chosen |= {f"{key}_x_input": [x], f"{key}_y_input": [y]}
            chosen |= {f"{key}_x_op": node, f"{key}_y_op": "identity"}
    return chosen


def test_a_node_chooses_among_the_inputs_and_the_nodes_before_it() -> None:
    content = search_space(enas_micro(channels=2)).to_dict()
    assert len(content) == 2 * 5 * 4
    for kind in ("normal", "reduce"):
        names = [f"{kind}_before", f"{kind}_last"]
        for node in range(5):
            for side in "xy":
                key = f"{kind}_node{node}_{side}"
                inputs = {"candidates": names, "n_chosen": 1}
                assert content[f"{key}_input"]["_value"] == inputs
                assert content[f"{key}_op"]["_value"] == OPERATIONS
            names = [*names, f"{kind}_node{node}"]


def test_the_number_of_architectures() -> None:
    """Two operations and two of i + 2 inputs for each of the five nodes, for two cells."""
    assert search_space(enas_micro(channels=2)).size == (5**5 * math.factorial(6)) ** 4


def test_a_cell_projects_its_loose_ends() -> None:
    model = tiny("enas_micro", nodes=3).eval()
    cell = model.cells[0]
    apply_fixed_architecture(model, architecture())
    x, y = images(2, 12, 6, 6), images(2, 12, 6, 6).flip(0)
    states = [cell.before(x), cell.last(y)]
    for node, (one, two) in zip(cell.nodes, INPUTS, strict=True):
        states.append(node.x_op(states[one]) + states[two])
    loose = torch.cat([states[3], states[4]], dim=1).relu()
    weight = cell.output.weight[:, 3 * 4 :]  # of the last two of five states of four channels
    expected = cell.output.norm(torch.einsum("oi,nihw->nohw", weight[:, :, 0, 0], loose))
    torch.testing.assert_close(cell(x, y), expected)


@pytest.mark.parametrize("taken", [(0, 0), (1, 1)])
def test_an_input_that_no_node_takes_is_a_loose_end(taken: tuple[int, int]) -> None:
    model = tiny("enas_micro", number=2)  # one cell of one node
    chosen = {"reduce_node0_x_input": [taken[0]], "reduce_node0_y_input": [taken[1]]}
    operations = {"reduce_node0_x_op": "identity", "reduce_node0_y_op": "identity"}
    apply_fixed_architecture(model, {**chosen, **operations})
    used: list[Any] = []
    model.cells[0].output.register_forward_pre_hook(lambda _, inputs: used.append(inputs[1]))
    model(images())
    assert used == [[1 - taken[0], 2]]


def test_in_a_mixture_all_states_are_loose_ends() -> None:
    model = tiny("enas_micro")
    mutator = SoftmaxMutator(model).double()
    mutator.reset()
    used: list[Any] = []
    for cell in model.cells:
        cell.output.register_forward_pre_hook(lambda _, inputs: used.append(inputs[1]))
    model(images())
    assert used == [list(range(7))] * 3


def test_cells_halve_the_resolution_and_double_the_channels_at_the_thirds() -> None:
    network = sampled(tiny("enas_micro", cells=8), seed=0)
    shapes: list[tuple[int, ...]] = []
    for cell in network.cells:
        cell.register_forward_hook(lambda *call: shapes.append(tuple(call[2].shape[1:])))
    network(images(2, 1, 16, 15))
    assert shapes == [(4, 16, 15)] * 2 + [(8, 8, 8)] * 3 + [(16, 4, 4)] * 3


def test_drop_path_is_random_in_training_alone() -> None:
    network = sampled(tiny("enas_micro"), seed=1)
    set_drop_path(network, 0.5)
    torch.manual_seed(0)
    assert not torch.equal(network(images()), network(images()))
    assert torch.equal(network.eval()(images()), network(images()))


def test_two_identities_are_never_dropped() -> None:
    model = tiny("enas_micro", nodes=1)
    operations = dict.fromkeys(search_space(model).specs, "identity")
    inputs = {key: [0] for key in operations if key.endswith("_input")}
    network = apply_fixed_architecture(model, {**operations, **inputs})
    plain: Tensor = network(images())
    set_drop_path(network, 0.9)
    torch.testing.assert_close(network(images()), plain)
    assert isinstance(network.cells[0].nodes[0].x_op, nn.Identity)

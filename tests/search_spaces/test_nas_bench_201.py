"""The space of NAS-Bench-201 against its table and against the definition of its cell."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from nas_tuners.bench import data_folder
from search_spaces import nas_bench_201
from search_spaces._nas_bench_201 import EDGES, NasBench201Cell
from trial_api import apply_fixed_architecture, search_space

TABLE = data_folder().resolve() / "nasbench201_cifar10.npz"  # before tests clear the environment
OPERATIONS = ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"]

needs_data = pytest.mark.skipif(
    not TABLE.is_file(), reason=f"no published table {TABLE} (set NAS_TUNERS_DATA)"
)


def published(operations: np.ndarray) -> nn.Module:
    """The network of a row, without memory for its weights."""
    with torch.device("meta"):
        model = nas_bench_201()
    return apply_fixed_architecture(model, dict(zip(EDGES, operations.tolist(), strict=True)))


def test_the_keys_and_their_order_are_those_of_the_table() -> None:
    space = search_space(nas_bench_201(channels=2, cells=1))
    edges = ["0->1", "0->2", "1->2", "0->3", "1->3", "2->3"]
    layers = {edge: {"_type": "layer_choice", "_value": OPERATIONS} for edge in edges}
    assert json.dumps(space.to_dict()) == json.dumps(layers)
    assert space.size == 15_625


@needs_data
def test_networks_have_as_many_parameters_as_the_table_says() -> None:
    table = np.load(TABLE, allow_pickle=False)
    counts, first = np.unique(table["params_cifar10"], return_index=True)
    assert len(counts) == 28
    for row, count in zip(first, counts, strict=True):
        network = published(table["ops"][row])
        assert sum(parameter.numel() for parameter in network.parameters()) == count


@needs_data
@pytest.mark.parametrize("row", [0, 1, 5000, 15_000])
def test_networks_cost_the_operations_that_the_table_says(row: int) -> None:
    table = np.load(TABLE, allow_pickle=False)
    with FlopCounterMode(display=False) as counter:
        published(table["ops"][row])(torch.empty(2, 3, 32, 32, device="meta"))
    multiply_adds = counter.get_total_flops() / 2 / 2e6
    assert multiply_adds == pytest.approx(table["mflops_cifar10"][row], abs=1e-4)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize(("inputs", "outputs"), [(4, 4), (3, 5), (5, 1), (1, 2)])
def test_every_operation_fits_any_channels_and_stride(
    operation: str, stride: int, inputs: int, outputs: int
) -> None:
    cell = NasBench201Cell(inputs, outputs, stride).double()
    apply_fixed_architecture(cell, dict.fromkeys(EDGES, operation))
    x = torch.randn(2, inputs, 7, 10, dtype=torch.float64, requires_grad=True)
    y = cell(x)
    assert y.shape == (2, outputs, -(-7 // stride), -(-10 // stride))
    assert y.isfinite().all()
    if operation == "none":
        assert not y.any()
    else:
        y.square().sum().backward()
        assert x.grad is not None
        assert x.grad.isfinite().all()


def test_a_node_is_the_sum_of_its_edges() -> None:
    cell = NasBench201Cell(3, 3).double().eval()
    chosen = [3, 2, 4, 1, 3, 2]
    apply_fixed_architecture(cell, dict(zip(EDGES, chosen, strict=True)))
    edges = cell.edges
    x = torch.randn(2, 3, 6, 6, dtype=torch.float64)
    one = edges["0->1"](x)
    two = edges["0->2"](x) + edges["1->2"](one)
    three = edges["0->3"](x) + edges["1->3"](one) + edges["2->3"](two)
    torch.testing.assert_close(cell(x), three)


def test_stages_halve_the_resolution_and_double_the_channels() -> None:
    model = nas_bench_201(channels=4, cells=2, in_channels=1)
    apply_fixed_architecture(model, dict.fromkeys(EDGES, 1))
    shapes = []
    for module in model.modules():
        if isinstance(module, NasBench201Cell):
            module.register_forward_hook(lambda *call: shapes.append(tuple(call[2].shape[1:])))
    model(torch.randn(2, 1, 9, 8))
    assert shapes == [(4, 9, 8)] * 2 + [(8, 5, 4)] * 2 + [(16, 3, 2)] * 2

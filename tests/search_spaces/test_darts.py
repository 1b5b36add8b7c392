"""The cell space of DARTS against the paper and its published network."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from search_spaces import DartsNetwork, darts, set_drop_path
from tests.search_spaces.cells import connected, images, sample, sampled, tiny
from trial_api import LayerChoice, apply_fixed_architecture, search_space
from trial_api.mutators import FixedMutator

OPERATIONS = [
    "none",
    "max_pool_3x3",
    "avg_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
    "dil_conv_5x5",
]

PUBLISHED = {
    "normal": "sep3:0 sep3:1  sep3:0 sep3:1  sep3:1 skip:0  skip:0 dil3:2",
    "reduce": "max3:0 max3:1  skip:2 max3:1  max3:0 skip:2  skip:2 max3:1",
}
"""The cells that the authors released as found by their second-order method: two edges a node."""

LONG = {"sep3": "sep_conv_3x3", "dil3": "dil_conv_3x3", "max3": "max_pool_3x3"}


def published() -> dict[str, Any]:
    """The published cells as an architecture; edges that are not taken have no operation."""
    architecture: dict[str, Any] = dict.fromkeys(search_space(darts(2, 3)).specs, "none")
    for kind, text in PUBLISHED.items():
        edges = [edge.split(":") for edge in text.split()]
        for number in range(4):
            node, pair = f"{kind}_n{number + 2}", edges[2 * number : 2 * number + 2]
            architecture[f"{node}_switch"] = sorted(int(source) for _, source in pair)
            for name, source in pair:
                architecture[f"{node}_p{source}"] = LONG.get(name, "skip_connect")
    return architecture


def test_the_keys_are_14_edges_and_4_switches_of_each_cell() -> None:
    content = search_space(darts(channels=2)).to_dict()
    for kind in ("normal", "reduce"):
        edges = [f"{kind}_n{node}_p{source}" for node in range(2, 6) for source in range(node)]
        switches = [f"{kind}_n{node}_switch" for node in range(2, 6)]
        assert {key for key in content if key.startswith(kind)} == {*edges, *switches}
        for node in range(2, 6):
            assert content[f"{kind}_n{node}_switch"]["_value"] == {
                "candidates": [f"{kind}_n{node}_p{source}" for source in range(node)],
                "n_chosen": 2,
            }
        assert all(content[edge]["_value"] == OPERATIONS for edge in edges)
    assert len(content) == 36


def test_the_number_of_architectures() -> None:
    pairs = math.prod(math.comb(node, 2) for node in range(2, 6))
    assert search_space(darts(channels=2)).size == (8**14 * pairs) ** 2


def test_the_published_network_has_its_published_size() -> None:
    """3.3 million parameters, by the authors' log 3.349342."""
    with torch.device("meta"):
        model = darts(channels=36, cells=20, affine=True, auxiliary=True)
    network = apply_fixed_architecture(model, published())
    counts = {name: p.numel() for name, p in network.named_parameters()}
    assert sum(n for name, n in counts.items() if "auxiliary" not in name) == 3_349_342


def test_edges_that_are_left_out_are_gone() -> None:
    network = apply_fixed_architecture(tiny("darts", cells=3), published())
    for cell in network.cells:
        text = PUBLISHED[cell.key].split()
        taken = {f"{cell.key}_n{2 + i // 2}_p{text[i][-1]}" for i in range(8)}
        assert {name for name in cell.choices if "switch" not in name} == taken


def test_a_supernet_runs_the_taken_edges_only() -> None:
    model = tiny("darts", cells=3)
    ran: list[str] = []
    for module in model.modules():
        if isinstance(module, LayerChoice):
            module.register_forward_hook(lambda module, *_: ran.append(module.key))
    mutator = FixedMutator(model, published())
    mutator.reset()
    model(images())
    expected = [
        f"{cell.key}_n{2 + index // 2}_p{edge[-1]}"
        for cell in model.cells
        for index, edge in enumerate(PUBLISHED[cell.key].split())
    ]
    assert sorted(ran) == sorted(expected)


def test_a_cell_is_the_sum_of_two_edges_a_node() -> None:
    model = tiny("darts", cells=3).eval()
    cell = model.cells[0]
    apply_fixed_architecture(model, published())
    x, y = images(2, 12, 8, 8), images(2, 12, 8, 8).flip(0)
    states = [cell.before(x), cell.last(y)]
    for node in range(2, 6):
        edges = {name: edge for name, edge in cell.choices.items() if f"_n{node}_p" in name}
        parts = [edge(states[int(name[-1])]) for name, edge in edges.items()]
        assert len(parts) == 2
        states.append(parts[0] + parts[1])
    torch.testing.assert_close(cell(x, y), torch.cat(states[2:], dim=1))


def test_the_class_and_the_function_are_the_same() -> None:
    torch.manual_seed(3)
    by_function = darts(2, 3, 5, 2, in_channels=1, affine=True, auxiliary=True, drop_path=0.2)
    torch.manual_seed(3)
    by_class = DartsNetwork(2, 3, 5, 2, in_channels=1, affine=True, auxiliary=True, drop_path=0.2)
    assert isinstance(by_function, DartsNetwork)
    assert repr(by_function) == repr(by_class)
    pairs = zip(by_function.parameters(), by_class.parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


def test_only_the_stem_scales_and_shifts_in_search() -> None:
    names = {name for name, _ in darts(2, 3).named_parameters() if name.endswith("bias")}
    assert names == {"stem.1.bias", "classifier.bias"}
    pools = darts(2, 3, affine=True).cells[0].choices["normal_n2_p0"]["max_pool_3x3"]
    assert list(pools.parameters()) == [], "a pool never does"


def test_drop_path_changes_training_alone_and_can_be_set() -> None:
    network = sampled(tiny("darts", number=1), seed=1)
    x = images()
    trained, evaluated = network(x), network.eval()(x)
    set_drop_path(network, 0.5)
    assert torch.equal(network(x), evaluated)
    network.train()
    assert not torch.allclose(network(x), trained)
    set_drop_path(network, 0.0)
    torch.testing.assert_close(network(x), trained)


def test_missing_connections_give_finite_logits() -> None:
    architecture = sample(tiny("darts"), 0)
    nothing = {
        key: chosen if key.endswith("_switch") else "none" for key, chosen in architecture.items()
    }
    assert connected(nothing) != nothing
    network = apply_fixed_architecture(tiny("darts"), nothing)
    logits = network(images())
    assert torch.equal(logits, network.classifier.bias.expand_as(logits))


@pytest.mark.parametrize("cells", [1, 2, 3, 8])
def test_cells_at_the_thirds_reduce(cells: int) -> None:
    network = sampled(tiny("darts", cells=cells), seed=0)
    shapes: list[tuple[int, ...]] = []
    for cell in network.cells:
        cell.register_forward_hook(lambda *call: shapes.append(tuple(call[2].shape[1:])))
    network(images(2, 1, 16, 16))
    reductions = {cells // 3, 2 * cells // 3}
    halvings = [sum(place <= index for place in reductions) for index in range(cells)]
    assert shapes == [(16 * 2**n, 16 // 2**n, 16 // 2**n) for n in halvings]

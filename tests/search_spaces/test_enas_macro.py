"""The space of whole networks of ENAS against its definition."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from search_spaces import enas_macro
from search_spaces._operations import FactorizedReduce
from tests.search_spaces.cells import images, tiny
from trial_api import apply_fixed_architecture, search_space
from trial_api.mutators import FixedMutator

OPERATIONS = [
    "conv_3x3",
    "conv_5x5",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "avg_pool_3x3",
    "max_pool_3x3",
]


def with_skips(layers: int, **skips: list[int]) -> dict[str, Any]:
    """3x3 convolutions, with the given skip connections: ``layer<i>=[...]``."""
    chosen: dict[str, Any] = {f"layer{index}_op": "conv_3x3" for index in range(layers)}
    chosen |= {f"layer{index}_skip": [] for index in range(1, layers)}
    return {**chosen, **{f"{name}_skip": taken for name, taken in skips.items()}}


def reductions_of(network: nn.Module) -> set[str]:
    return {
        name.removeprefix("reductions.")
        for name, module in network.named_modules()
        if isinstance(module, FactorizedReduce)
    }


def test_every_layer_may_add_any_of_the_earlier_ones() -> None:
    content = search_space(enas_macro(channels=2)).to_dict()
    for index in range(12):
        assert content[f"layer{index}_op"]["_value"] == OPERATIONS
        if index:
            earlier = [f"layer{number}" for number in range(index)]
            expected = {"candidates": earlier, "n_chosen": None}
            assert content[f"layer{index}_skip"]["_value"] == expected
    assert len(content) == 12 + 11


def test_the_number_of_architectures_is_that_of_the_paper() -> None:
    size = search_space(enas_macro(channels=2)).size
    assert size == 6**12 * 2**66
    assert f"{size:.1e}" == "1.6e+29"


def test_skip_connections_are_added_before_the_normalization() -> None:
    network = tiny("enas_macro", layers=2).eval()
    apply_fixed_architecture(network, with_skips(2, layer1=[0]))
    layer = network.layers[1]
    x = images(2, 4, 6, 6)
    torch.testing.assert_close(layer(x, {"layer0": x}), layer.norm(layer.operation(x) + x))


@pytest.mark.parametrize("index", [0, 1])
def test_a_layer_without_skip_connections_is_its_operation(index: int) -> None:
    network = tiny("enas_macro", layers=2).eval()
    apply_fixed_architecture(network, with_skips(2))
    layer = network.layers[index]
    x = images(2, 4, 6, 6)
    torch.testing.assert_close(layer(x, {"layer0": x}), layer.norm(layer.operation(x)))


def test_a_layer_does_not_change_its_input() -> None:
    network = tiny("enas_macro", layers=2)
    apply_fixed_architecture(network, with_skips(2, layer1=[0]))
    x = images(2, 4, 6, 6)
    before = x.clone()
    network.layers[1](x, {"layer0": x})
    assert torch.equal(x, before)


@pytest.mark.parametrize(
    ("skips", "kept"),
    [
        ({}, {"2.layer1", "4.layer3"}),
        ({"layer1": [0]}, {"2.layer1", "4.layer3"}),
        ({"layer3": [0, 2]}, {"2.layer0", "2.layer1", "4.layer3"}),
        ({"layer5": [0, 4]}, {"2.layer0", "2.layer1", "4.layer0", "4.layer3"}),
        ({"layer4": [2]}, {"2.layer1", "4.layer2", "4.layer3"}),
    ],
)
def test_only_reductions_that_are_taken_run_and_stay(
    skips: dict[str, list[int]], kept: set[str]
) -> None:
    supernet = tiny("enas_macro", layers=6)
    assert len(reductions_of(supernet)) == 2 + 4
    ran: set[str] = set()
    for name in reductions_of(supernet):
        reduction = supernet.get_submodule(f"reductions.{name}")
        reduction.register_forward_hook(lambda *_, name=name: ran.add(name))
    mutator = FixedMutator(supernet, with_skips(6, **skips))
    mutator.reset()
    supernet(images())
    assert ran == kept
    mutator.remove()
    assert reductions_of(apply_fixed_architecture(supernet, with_skips(6, **skips))) == kept


@pytest.mark.parametrize(("layers", "halved"), [(1, 0), (2, 1), (3, 2), (6, 2), (12, 2)])
def test_the_resolution_is_halved_at_the_thirds(layers: int, halved: int) -> None:
    network = tiny("enas_macro", layers=layers)
    apply_fixed_architecture(network, with_skips(layers))
    shapes: list[tuple[int, ...]] = []
    for layer in network.layers:
        layer.register_forward_hook(lambda *call: shapes.append(tuple(call[2].shape[1:])))
    network(images(2, 1, 16, 16))
    places = {layers // 3, 2 * layers // 3} - {0}
    sizes = [16 // 2 ** sum(place <= index for place in places) for index in range(layers)]
    assert shapes == [(4, size, size) for size in sizes]
    assert sizes[-1] == 16 // 2**halved


def test_dropout_is_before_the_classifier() -> None:
    network = tiny("enas_macro", number=2, dropout=0.5)
    apply_fixed_architecture(network, with_skips(1))
    assert network.dropout.p == 0.5
    torch.manual_seed(0)
    outputs = {tuple(network(images())[0].tolist()) for _ in range(20)}
    assert len(outputs) == 2, "its only feature is there or not"

"""The space of networks for tables."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import nn

from nas_tuners.contract.errors import SearchSpaceError
from search_spaces import tabular_mlp
from tests.search_spaces.chains import saved_space
from trial_api import apply_fixed_architecture, search_space

tiny = partial(tabular_mlp, 5, 3, widths=(8, 12, 16))

PLAIN: dict[str, Any] = {
    "width": 8,
    "dropout": 0.0,
    "depth": 2,
    "normalization": "none",
    "activation": "relu",
    "shortcut": "none",
    "block1_width": 12,
    "block2_width": 16,
}


def of(**chosen: Any) -> nn.Module:
    torch.manual_seed(0)
    return apply_fixed_architecture(tiny, PLAIN | chosen)


def linears(network: nn.Module) -> list[nn.Linear]:
    return [module for module in network.modules() if isinstance(module, nn.Linear)]


def test_the_space_is_that_of_the_file() -> None:
    space = search_space(tabular_mlp)
    shared = 4 * 4 * 3 * 4 * 2  # width, dropout, normalization, activation, shortcut
    assert space.size == shared * (4 + 4**2 + 4**3 + 4**4)
    assert space.active_if["block3_width"] == {"depth": (2, 3)}
    assert saved_space("tabular_mlp") == space.dumps()


def test_without_shortcut_and_norm_it_is_a_multilayer_perceptron() -> None:
    network, x = of().eval(), torch.randn(4, 5)
    layers = linears(network)
    assert [layer.out_features for layer in layers] == [8, 12, 8, 16, 8, 3]
    expected = layers[0](x)
    for _, layer in pairwise(layers):
        expected = layer(torch.relu(expected))
    torch.testing.assert_close(network(x), expected)


def test_a_shortcut_adds_the_input_of_each_block() -> None:
    network, x = of(shortcut="identity").eval(), torch.randn(4, 8)
    for block in network.blocks:
        torch.testing.assert_close(block(x), x + block.layers(x))


@pytest.mark.parametrize(
    ("chosen", "kind", "count"),
    [
        ({"normalization": "batch"}, nn.BatchNorm1d, 3),
        ({"normalization": "layer"}, nn.LayerNorm, 3),
        ({"activation": "gelu"}, nn.GELU, 5),
        ({"depth": 1}, nn.ReLU, 3),
    ],
)
def test_what_is_chosen_stands_everywhere(
    chosen: dict[str, Any], kind: type[nn.Module], count: int
) -> None:
    architecture = PLAIN | chosen
    if architecture["depth"] == 1:
        del architecture["block2_width"]
    network = apply_fixed_architecture(tiny, architecture)
    assert sum(isinstance(module, kind) for module in network.modules()) == count


def test_dropout_is_that_of_the_architecture() -> None:
    drops = [module.p for module in of(dropout=0.25).modules() if isinstance(module, nn.Dropout)]
    assert drops == [0.25, 0.25]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"features": 0}, "features: must be a whole number > 0, but got 0"),
        ({"widths": (8, 0)}, r"widths: must be whole numbers > 0, but got \[8, 0\]"),
        ({"dropouts": (0.0, 1.0)}, "`0 <= dropouts < 1` must hold, but got 1.0"),
        ({"depth": (3, 1)}, "`depth` must be"),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(SearchSpaceError, match=message):
        tabular_mlp(**arguments)

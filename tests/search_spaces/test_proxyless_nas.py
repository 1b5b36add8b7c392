"""The space of ProxylessNAS against the paper and the network that its authors published."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from torch import nn

from nas_tuners.contract.errors import SearchSpaceError
from search_spaces import Stage, proxyless_nas
from tests.search_spaces.chains import (
    TINY,
    check_copies,
    check_mixture,
    check_training_step,
    multiply_adds,
    names,
    of,
    published,
    sampled,
    saved_space,
    stage_shapes,
    tiny,
    tiny_images,
)
from trial_api import search_space

MOBILE = names("""
    mb3_k5 mb3_k3 zero zero
    mb3_k7 mb3_k3 mb3_k5 mb3_k5
    mb6_k7 mb3_k5 mb3_k5 mb3_k5
    mb6_k5 mb3_k5 mb3_k5 mb3_k5
    mb6_k7 mb6_k7 mb3_k7 mb3_k7
    mb6_k7
""")
"""The authors' network for mobile phones."""

CONVOLUTIONS = ["mb3_k3", "mb6_k3", "mb3_k5", "mb6_k5", "mb3_k7", "mb6_k7"]


@pytest.mark.parametrize("shape", TINY)
@pytest.mark.parametrize("seed", range(3))
def test_any_architecture_trains_at_any_size(shape: str, seed: int) -> None:
    check_training_step(sampled(tiny(proxyless_nas, shape), seed), tiny_images(shape))


@pytest.mark.parametrize("shape", TINY)
def test_candidates_mix(shape: str) -> None:
    check_mixture(tiny(proxyless_nas, shape), tiny_images(shape))


def test_copies_are_the_same() -> None:
    check_copies(tiny(proxyless_nas, "small image"), tiny_images("small image"))


def test_the_space_is_that_of_the_paper_and_of_the_file() -> None:
    with torch.device("meta"):
        space = search_space(proxyless_nas())
    candidates = [entry["_value"] for entry in space.to_dict().values()]
    assert len(candidates) == 21
    assert space.size == 6**6 * 7**15
    assert candidates[0] == CONVOLUTIONS
    assert candidates[1] == [*CONVOLUTIONS, "zero"]
    assert saved_space("proxyless_nas") == space.dumps()


def test_the_published_network_has_its_published_cost() -> None:
    network = published(proxyless_nas, MOBILE)
    assert multiply_adds(network) == pytest.approx(320, rel=0.01)
    assert sum(map(torch.numel, network.parameters())) == pytest.approx(4.1e6, rel=0.01)


def test_stages_have_the_shapes_of_a_mobile_net() -> None:
    shapes = stage_shapes(published(proxyless_nas, MOBILE), ends=[0, 4, 8, 12, 16, 20, 21])
    assert [shape[0] for shape in shapes] == [16, 32, 40, 80, 96, 192, 320]
    assert [shape[1:] for shape in shapes] == [(n, n) for n in (112, 56, 28, 14, 14, 7, 7)]


def test_zero_leaves_the_block_out() -> None:
    model = proxyless_nas(1, 3, stages=[Stage(4, 2)], first_channels=4, last_channels=8)
    network = of(model, ["zero", "zero"])
    x = torch.randn(2, 4, 5, 5)
    assert torch.equal(network.blocks[1:](x), x)


def test_a_block_that_keeps_the_shape_adds_its_input() -> None:
    model = proxyless_nas(1, 3, stages=[Stage(4, 1)], first_channels=4, last_channels=8)
    block = of(model, ["mb3_k7"]).eval().blocks[1]
    x = torch.randn(2, 4, 5, 5)
    assert torch.equal(block(x), x + block.layer(x))
    assert not torch.equal(block(x), x)


def test_the_first_block_has_no_expansion_and_the_others_end_linearly() -> None:
    model = proxyless_nas(1, 3, stages=[Stage(4, 1, 2)], last_channels=8)
    first, second = of(model, ["mb3_k5"]).blocks
    convolution, activated = ["Conv2d", "BatchNorm2d"], ["Conv2d", "BatchNorm2d", "ReLU6"]
    assert _kinds(first) == [*activated, *convolution]
    assert _kinds(second) == [*activated, *activated, *convolution]


def _kinds(block: nn.Module) -> list[str]:
    return [type(layer).__name__ for layer in block.modules() if not list(layer.children())]


def test_every_wrong_size_is_named() -> None:
    with pytest.raises(SearchSpaceError) as caught:
        proxyless_nas(0, True, stages=[Stage(8, 0), (4, 1, 0)])
    assert str(caught.value).splitlines() == [
        "proxyless_nas: 4 problems",
        "  - in_channels: must be a whole number > 0, but got 0",
        "  - classes: must be a whole number > 0, but got True",
        "  - stages[0].blocks: must be a whole number > 0, but got 0",
        "  - stages[1].stride: must be a whole number > 0, but got 0",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"stages": []}, "proxyless_nas: stages: must hold at least one Stage, but got none"),
        (
            {"stages": [Stage(8, 1), 16]},
            "proxyless_nas: stages[1]: must be Stage(channels, blocks, stride), but got 16",
        ),
        ({"dropout": 1.5}, "`0 <= dropout < 1` must hold, but got 1.5"),
    ],
)
def test_other_wrong_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(SearchSpaceError, match=re.escape(message)):
        proxyless_nas(1, 3, **arguments)

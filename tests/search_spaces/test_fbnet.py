"""The space of FBNet against the paper and the networks that its authors published."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from nas_tuners.contract.errors import SearchSpaceError
from search_spaces import Stage, fbnet
from search_spaces._mobile_blocks import ChannelShuffle
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

FBNET_A = names("""
    skip
    k3_e3 k3_e1 skip skip
    k5_e6 k3_e3 k5_e1 k3_e3
    k5_e6 k5_e3 k5_e1_g2 k5_e6
    k3_e6 k5_e1_g2 k5_e1 k3_e1_g2
    k5_e6 k5_e6 k5_e3 k5_e6
    k5_e6
""")
FBNET_B = names("""
    k3_e1
    k3_e6 k5_e1 k3_e1 k3_e1
    k5_e6 k5_e3 k3_e6 k5_e6
    k5_e6 k5_e1 skip k5_e3
    k5_e6 k3_e1 k5_e1 k5_e3
    k5_e6 k5_e1 k5_e6 k5_e6
    k3_e6
""")
FBNET_C = names("""
    k3_e1
    k3_e6 skip k3_e1 k3_e1
    k5_e6 k5_e3 k5_e6 k3_e6
    k5_e6 k5_e3 k5_e6 k5_e6
    k5_e6 k5_e6 k5_e6 k5_e3
    k5_e6 k5_e6 k5_e6 k5_e6
    k3_e6
""")

BLOCKS = ["k3_e1", "k3_e1_g2", "k3_e3", "k3_e6", "k5_e1", "k5_e1_g2", "k5_e3", "k5_e6"]


@pytest.mark.parametrize("shape", TINY)
@pytest.mark.parametrize("seed", range(3))
def test_any_architecture_trains_at_any_size(shape: str, seed: int) -> None:
    check_training_step(sampled(tiny(fbnet, shape), seed), tiny_images(shape))


@pytest.mark.parametrize("shape", TINY)
def test_candidates_mix(shape: str) -> None:
    check_mixture(tiny(fbnet, shape), tiny_images(shape))


def test_copies_are_the_same() -> None:
    check_copies(tiny(fbnet, "small image"), tiny_images("small image"))


def test_the_space_is_that_of_the_paper_and_of_the_file() -> None:
    with torch.device("meta"):
        space = search_space(fbnet())
    candidates = [entry["_value"] for entry in space.to_dict().values()]
    assert len(candidates) == 22
    assert space.size == 9**16 * 8**6
    assert space.size == pytest.approx(9**22, rel=0.51), "the paper counts 9 everywhere"
    assert candidates[0] == [*BLOCKS, "skip"]
    assert candidates[1] == BLOCKS
    assert saved_space("fbnet") == space.dumps()


@pytest.mark.parametrize(
    ("architecture", "millions"), [(FBNET_A, 249), (FBNET_B, 295), (FBNET_C, 375)]
)
def test_published_networks_have_their_published_cost(
    architecture: list[str], millions: float
) -> None:
    """The paper's counts; the width of its last convolution is not the same in all of them."""
    assert multiply_adds(published(fbnet, architecture)) == pytest.approx(millions, rel=0.03)


def test_stages_have_the_shapes_of_table_1() -> None:
    shapes = stage_shapes(published(fbnet, FBNET_A), ends=[0, 4, 8, 12, 16, 20, 21])
    assert [shape[0] for shape in shapes] == [16, 24, 32, 64, 112, 184, 352]
    assert [shape[1:] for shape in shapes] == [(n, n) for n in (112, 56, 28, 14, 14, 7, 7)]


def test_skip_hands_the_input_on() -> None:
    network = of(fbnet(1, 3, stages=[Stage(4, 2)], stem_channels=4), ["skip", "skip"])
    x = torch.randn(2, 4, 5, 5)
    assert network.blocks(x) is x


@pytest.mark.parametrize("name", BLOCKS)
def test_a_block_that_keeps_the_shape_adds_its_input(name: str) -> None:
    block = of(fbnet(1, 3, stages=[Stage(4, 1)], stem_channels=4), [name]).eval().blocks[0]
    x = torch.randn(2, 4, 5, 5)
    assert torch.equal(block(x), x + block.layer(x))


def test_candidates_are_those_that_fit() -> None:
    model = fbnet(1, 3, stages=[Stage(6, 1), Stage(5, 2)], stem_channels=6)
    candidates = [entry["_value"] for entry in search_space(model).to_dict().values()]
    without_groups = [name for name in BLOCKS if not name.endswith("g2")]
    assert candidates == [[*BLOCKS, "skip"], without_groups, [*without_groups, "skip"]]


def test_groups_are_shuffled_between_the_grouped_convolutions() -> None:
    block = of(fbnet(1, 3, stages=[Stage(4, 1)], stem_channels=4), ["k5_e1_g2"]).blocks[0]
    convolutions = [layer for layer in block.modules() if isinstance(layer, nn.Conv2d)]
    assert [conv.groups for conv in convolutions] == [2, 4, 2]
    assert [conv.kernel_size for conv in convolutions] == [(1, 1), (5, 5), (1, 1)]
    (shuffle,) = (layer for layer in block.modules() if isinstance(layer, ChannelShuffle))
    channels = torch.arange(6.0).view(1, 6, 1, 1)
    assert shuffle(channels).flatten().tolist() == [0, 3, 1, 4, 2, 5]


def test_every_wrong_size_is_named() -> None:
    with pytest.raises(SearchSpaceError) as caught:
        fbnet(3, 0, stages=[Stage(0, 1)], last_channels=2.5)
    assert str(caught.value).splitlines() == [
        "fbnet: 3 problems",
        "  - classes: must be a whole number > 0, but got 0",
        "  - last_channels: must be a whole number > 0, but got 2.5",
        "  - stages[0].channels: must be a whole number > 0, but got 0",
    ]

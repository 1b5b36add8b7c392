"""The space of Single Path One-Shot against the paper and the networks that were published."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from nas_tuners.contract.errors import SearchSpaceError
from search_spaces import Stage, shufflenet
from tests.search_spaces.chains import (
    TINY,
    check_copies,
    check_mixture,
    check_training_step,
    multiply_adds,
    of,
    published,
    sampled,
    saved_space,
    stage_shapes,
    tiny,
    tiny_images,
)
from trial_api import search_space

BLOCK_SEARCH = [0, 0, 3, 1, 1, 1, 0, 0, 2, 0, 2, 1, 1, 0, 2, 0, 2, 1, 3, 2]
"""The blocks of the paper's network, which it counts at 319 million multiply-adds."""

RELEASED = [2, 1, 0, 1, 2, 0, 2, 0, 2, 0, 2, 3, 0, 0, 0, 0, 3, 2, 3, 3]
"""The blocks of the authors' released network, counted at 323 million."""


@pytest.mark.parametrize("shape", TINY)
@pytest.mark.parametrize("seed", range(3))
def test_any_architecture_trains_at_any_size(shape: str, seed: int) -> None:
    check_training_step(sampled(tiny(shufflenet, shape), seed), tiny_images(shape))


@pytest.mark.parametrize("shape", TINY)
def test_candidates_mix(shape: str) -> None:
    check_mixture(tiny(shufflenet, shape), tiny_images(shape))


def test_copies_are_the_same() -> None:
    check_copies(tiny(shufflenet, "small image"), tiny_images("small image"))


def test_the_space_is_that_of_the_paper_and_of_the_file() -> None:
    with torch.device("meta"):
        space = search_space(shufflenet())
    assert len(space.specs) == 20
    assert space.size == 4**20
    assert {tuple(entry["_value"]) for entry in space.to_dict().values()} == {
        ("shuffle_3x3", "shuffle_5x5", "shuffle_7x7", "xception_3x3")
    }
    assert saved_space("shufflenet") == space.dumps()


@pytest.mark.parametrize(("blocks", "millions"), [(BLOCK_SEARCH, 319), (RELEASED, 323)])
def test_published_networks_have_their_published_cost(blocks: list[int], millions: float) -> None:
    assert multiply_adds(published(shufflenet, blocks)) == pytest.approx(millions, abs=0.5)


def test_stages_have_the_shapes_of_the_paper() -> None:
    shapes = stage_shapes(published(shufflenet, RELEASED), ends=[3, 7, 15, 19])
    assert shapes == [(64, 56, 56), (160, 28, 28), (320, 14, 14), (640, 7, 7)]


@pytest.mark.parametrize("channels", [6, 7])
@pytest.mark.parametrize("candidate", range(4))
def test_a_block_that_keeps_the_shape_hands_half_of_the_channels_on(
    channels: int, candidate: int
) -> None:
    model = shufflenet(1, 3, stages=[Stage(channels, 1)], stem_channels=channels)
    block = of(model, [candidate]).blocks[0]
    x = torch.randn(2, channels, 5, 5)
    even = x[:, ::2]
    handed_on, changed = block(x).tensor_split([even.shape[1]], dim=1)
    assert torch.equal(handed_on, even)
    assert torch.equal(changed, block.main(x[:, 1::2]))


def test_kernels_are_those_of_the_names() -> None:
    model = shufflenet(1, 3, stages=[Stage(8, 1, 2)], stem_channels=4)
    kernels = {
        name: [conv.kernel_size[0] for conv in block.modules() if isinstance(conv, nn.Conv2d)]
        for name, block in model.blocks[0].named_children()
    }
    assert kernels == {
        "shuffle_3x3": [3, 1, 1, 3, 1],
        "shuffle_5x5": [5, 1, 1, 5, 1],
        "shuffle_7x7": [7, 1, 1, 7, 1],
        "xception_3x3": [3, 1, 3, 1, 3, 1, 3, 1],
    }


def test_a_single_channel_cannot_be_split() -> None:
    message = r"shufflenet: stages\[0\]\.channels: must be 2 or more: blocks split them, but got 1"
    with pytest.raises(SearchSpaceError, match=message):
        shufflenet(stages=[Stage(1, 1)])

"""The space of vision transformers against published networks and written-out attention."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from torch import nn

from nas_tuners.contract.errors import SearchSpaceError
from search_spaces import vision_transformer
from search_spaces._vision_transformer import Attention
from tests.search_spaces.chains import saved_space
from trial_api import apply_fixed_architecture, profile, search_space

imagenet = partial(vision_transformer, classes=1000, image_size=224, patch_size=16)
tiny = partial(vision_transformer, 1, 3, image_size=8, widths=(16, 24), depth=(1, 3), heads=(1, 2))


def architecture(width: int, blocks: list[tuple[int, float]]) -> dict[str, Any]:
    """Heads and ratio of each block."""
    chosen: dict[str, Any] = {"width": width, "depth": len(blocks)}
    for number, (heads, ratio) in enumerate(blocks, 1):
        chosen |= {f"block{number}_heads": heads, f"block{number}_ratio": ratio}
    return chosen


def parameters_of(width: int, blocks: list[tuple[int, float]]) -> int:
    """The count by hand: a transformer on 14 x 14 patches of 16 x 16 pixels, 1000 classes."""
    embedding = (3 * 16 * 16 + 1) * width + (14 * 14 + 1) * width
    total = embedding + 2 * width + (width + 1) * 1000
    for heads, ratio in blocks:
        channels, inner = 64 * heads, int(ratio * width)
        attention = 3 * (width + 1) * channels + (channels + 1) * width
        total += 4 * width + attention + (width + 1) * inner + (inner + 1) * width
    return total


def test_deit_tiny_has_its_published_cost() -> None:
    """5,717,416 parameters, of which 192 are a class token besides its position."""
    build = partial(imagenet, widths=(192, 240), depth=(12, 14), heads=(3, 4), ratios=(3.5, 4))
    blocks = [(3, 4.0)] * 12
    with torch.device("meta"):
        network = apply_fixed_architecture(build, architecture(192, blocks))
        cost = profile(network, input_size=(1, 3, 224, 224))
    assert cost.parameters == parameters_of(192, blocks) == 5_717_416 - 192
    assert cost.multiply_adds / 1e9 == pytest.approx(1.25, abs=0.01)


def test_the_space_of_autoformer_tiny() -> None:
    build = partial(
        imagenet, widths=(192, 216, 240), depth=(12, 14), heads=(3, 4), ratios=(3.5, 4)
    )
    assert search_space(build).size == 3 * (4**12 + 4**13 + 4**14)
    blocks = [(3, 3.5), (4, 4.0)] * 6 + [(3, 4.0)]
    with torch.device("meta"):
        network = apply_fixed_architecture(build, architecture(216, blocks))
    assert sum(map(torch.numel, network.parameters())) == parameters_of(216, blocks)


def test_the_space_is_that_of_the_file() -> None:
    space = search_space(vision_transformer)
    assert space.size == 3 * sum(9**depth for depth in range(4, 9))
    assert space.active_if["block5_heads"] == {"depth": (1, 2, 3, 4)}
    assert saved_space("vision_transformer") == space.dumps()


@pytest.mark.parametrize("heads", [1, 3])
def test_attention_is_that_of_torch(heads: int) -> None:
    ours = Attention(12, heads).double()
    theirs = nn.MultiheadAttention(64 * heads, heads, batch_first=True).double()
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.eye(64 * heads).repeat(3, 1))
        theirs.in_proj_bias.zero_()
    x = torch.randn(2, 5, 12, dtype=torch.float64)
    theirs.out_proj = nn.Linear(64 * heads, 12).double()
    theirs.out_proj.load_state_dict(ours.out.state_dict())
    mixed, _ = theirs(ours.query(x), ours.key(x), ours.value(x))
    torch.testing.assert_close(ours(x), mixed)


def test_a_network_has_the_chosen_sizes() -> None:
    network = apply_fixed_architecture(tiny, architecture(24, [(2, 3), (1, 4)]))
    assert len(network.blocks) == 2
    assert network.blocks[0].attention.query.weight.shape == (128, 24)
    assert network.blocks[1].attention.out.weight.shape == (24, 64)
    assert [block.mlp[0].out_features for block in network.blocks] == [72, 96]
    assert network.embedding.positions.weight.shape == (5, 24)


def test_the_class_token_sees_all_patches_and_their_places() -> None:
    network = apply_fixed_architecture(tiny, architecture(16, [(1, 2)])).eval()
    image = torch.randn(1, 1, 8, 8)
    swapped = image.roll(4, dims=3)  # the same patches elsewhere
    assert not torch.allclose(network(image), network(swapped))
    nn.init.zeros_(network.embedding.positions.weight)
    torch.testing.assert_close(network(image), network(swapped))


def test_every_wrong_candidate_is_named() -> None:
    with pytest.raises(SearchSpaceError) as caught:
        vision_transformer(image_size=30, widths=(0, 8), heads=(1.5,), ratios=(-1,))  # type: ignore[arg-type]
    assert str(caught.value).splitlines() == [
        "vision_transformer: 4 problems",
        "  - widths: must be whole numbers > 0, but got [0, 8]",
        "  - heads: must be whole numbers > 0, but got [1.5]",
        "  - ratios: must be above 0, but got [-1]",
        "  - image_size: must be a multiple of `patch_size` 4, but got 30",
    ]
    with pytest.raises(SearchSpaceError, match="patch_size: must be a whole number > 0"):
        vision_transformer(patch_size=0)

"""The space around MobileNetV3 against the paper and the networks that were published."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest
import torch
from torch import nn

from nas_tuners.contract.errors import SearchSpaceError
from search_spaces import MobileStage, mobilenet_v3
from search_spaces._mobilenet_v3 import SqueezeExcite, _eightfold
from tests.search_spaces.chains import saved_space
from trial_api import apply_fixed_architecture, profile, search_space

Table = Sequence[Sequence[tuple[int, float]]]
"""Kernel and expansion of each block, a stage a row."""

LARGE: Table = [
    [(3, 4), (3, 3)],
    [(5, 3), (5, 3), (5, 3)],
    [(3, 6), (3, 2.5), (3, 2.3), (3, 2.3)],
    [(3, 6), (3, 6)],
    [(5, 6), (5, 6), (5, 6)],
]
"""Table 1 of the paper, with its inner channels over the input channels."""

SMALL: Table = [
    [(3, 4.5), (3, 3.67)],
    [(5, 4), (5, 6), (5, 6)],
    [(5, 3), (5, 3)],
    [(5, 6), (5, 6), (5, 6)],
]
"""Table 2 of the paper."""

large = partial(mobilenet_v3, expansions=(2.3, 2.5, 3, 4, 6))
small = partial(
    mobilenet_v3,
    first=MobileStage(16, (1, 1), 2, squeeze=True),
    stages=[
        MobileStage(24, (2, 4), 2),
        MobileStage(40, (2, 4), 2, squeeze=True, activation="hardswish"),
        MobileStage(48, (2, 4), 1, squeeze=True, activation="hardswish"),
        MobileStage(96, (2, 4), 2, squeeze=True, activation="hardswish"),
    ],
    expansions=(3, 3.67, 4, 4.5, 6),
    last_channels=576,
    features=1024,
)

TINY = [MobileStage(8, (1, 2), 2, squeeze=True), MobileStage(12, (1, 3), activation="hardswish")]
tiny = partial(mobilenet_v3, 1, 3, stages=TINY, last_channels=10, features=12)


def architecture(table: Table) -> dict[str, Any]:
    chosen: dict[str, Any] = {}
    for i, blocks in enumerate(table, 1):
        chosen[f"stage{i}_depth"] = len(blocks)
        for j, (kernel, expansion) in enumerate(blocks, 1):
            chosen[f"stage{i}_block{j}_kernel"] = kernel
            chosen[f"stage{i}_block{j}_expansion"] = expansion
    return chosen


def of(build: Callable[[], nn.Module], table: Table) -> nn.Module:
    return apply_fixed_architecture(build, architecture(table))


@pytest.mark.parametrize(
    ("build", "table", "parameters", "millions"),
    [(large, LARGE, 5_483_032, 216.6), (small, SMALL, 2_542_856, 56.5)],
    ids=["large", "small"],
)
def test_published_networks_have_their_published_cost(
    build: Callable[[], nn.Module], table: Table, parameters: int, millions: float
) -> None:
    """The counts of the implementation in torchvision."""
    with torch.device("meta"):
        cost = profile(of(build, table), input_size=(1, 3, 224, 224))
    assert cost.parameters == parameters
    assert cost.multiply_adds / 1e6 == pytest.approx(millions, abs=0.05)


def test_the_space_is_that_of_once_for_all_and_of_the_file() -> None:
    space = search_space(mobilenet_v3)
    blocks = 3 * 3
    assert space.size == (blocks**2 + blocks**3 + blocks**4) ** 5
    assert space.active_if["stage2_block3_kernel"] == {"stage2_depth": (1, 2)}
    assert space.active_if["stage2_block4_expansion"] == {"stage2_depth": (2,)}
    assert saved_space("mobilenet_v3") == space.dumps()


def test_stages_have_the_shapes_of_the_paper() -> None:
    with torch.device("meta"):
        network = of(large, LARGE)
        x, shapes = torch.empty(1, 3, 224, 224), []
        for stage in (network.stem, network.first, *network.stages, network.last):
            x = stage(x)
            shapes.append(tuple(x.shape[1:]))
    assert [channels for channels, *_ in shapes] == [16, 16, 24, 40, 80, 112, 160, 960]
    assert [size for *_, size in shapes] == [112, 112, 56, 28, 14, 14, 7, 7]


def test_a_block_is_what_was_chosen() -> None:
    network = of(tiny, [[(7, 6)], [(5, 3), (3, 4)]])
    assert [len(stage) for stage in network.stages] == [1, 2]
    first, last = network.stages[0][0], network.stages[1][1]
    expand, depthwise, squeeze, project = first
    assert expand[0].weight.shape == (96, 16, 1, 1)  # 6 * 16
    assert (depthwise[0].kernel_size, depthwise[0].stride) == ((7, 7), (2, 2))
    assert isinstance(squeeze, SqueezeExcite)
    assert project[0].weight.shape == (8, 96, 1, 1)
    kinds = [type(module) for module in last.modules() if not list(module.children())]
    plain = [nn.Conv2d, nn.BatchNorm2d]
    assert kinds == [*plain, nn.Hardswish, *plain, nn.Hardswish, *plain]


def test_a_block_that_keeps_the_shape_adds_its_input() -> None:
    block = of(tiny, [[(3, 3)], [(5, 3), (3, 4)]]).eval().stages[1][1]
    x = torch.randn(2, 12, 5, 5)
    assert torch.equal(block(x), x + block.layer(x))
    assert not torch.equal(block(x), x)


def test_squeeze_and_excite_scales_channels_by_what_the_image_holds() -> None:
    layer = SqueezeExcite(12)
    x = torch.randn(2, 12, 5, 5)
    weights = (layer(x) / x).flatten(2)
    torch.testing.assert_close(weights, weights[:, :, :1].expand_as(weights))
    means = x.flatten(2).mean(2) @ layer.reduce.weight.flatten(1).T + layer.reduce.bias
    scores = means.clamp(min=0) @ layer.expand.weight.flatten(1).T + layer.expand.bias
    torch.testing.assert_close(weights[:, :, 0], (scores / 6 + 0.5).clamp(0, 1))


@pytest.mark.parametrize(
    ("width", "expected"), [(184.0, 184), (88.08, 88), (18.0, 24), (30.0, 32), (1.0, 8)]
)
def test_widths_are_multiples_of_eight(width: float, expected: int) -> None:
    assert _eightfold(width) == expected


def test_every_wrong_stage_and_candidate_is_named() -> None:
    with pytest.raises(SearchSpaceError) as caught:
        mobilenet_v3(
            first=MobileStage(0, (1, 1)),
            stages=[(8, 2), MobileStage(8, (2, 1), 0, activation="reul")],  # type: ignore[list-item]
            kernels=(3, 4),
            expansions=(0,),
        )
    assert str(caught.value).splitlines() == [
        "mobilenet_v3: 7 problems",
        "  - first.channels: must be a whole number > 0, but got 0",
        "  - kernels: must be odd numbers > 0, but got [3, 4]",
        "  - expansions: must be above 0, but got [0]",
        "  - stages[0]: must be a MobileStage(channels, depth, ...), but got (8, 2)",
        "  - stages[1].stride: must be a whole number > 0, but got 0",
        "  - stages[1].depth: must be (least, most) with 1 <= least <= most, but got (2, 1)",
        "  - stages[1].activation: must be one of 'relu', 'hardswish', but got 'reul'; "
        "did you mean 'relu'?",
    ]


def test_other_wrong_arguments() -> None:
    with pytest.raises(SearchSpaceError, match="stages: must hold at least one MobileStage"):
        mobilenet_v3(stages=[])
    with pytest.raises(SearchSpaceError, match="classes: must be a whole number > 0, but got 0"):
        mobilenet_v3(classes=0)
    with pytest.raises(SearchSpaceError, match="`0 <= dropout < 1` must hold, but got 1"):
        mobilenet_v3(dropout=1)

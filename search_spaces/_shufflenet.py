"""The space of Single Path One-Shot: a ShuffleNetV2 whose blocks choose their layers."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn

from nas_tuners.contract.errors import Problem, SearchSpaceError
from trial_api import LayerChoice

from ._chain import Chain
from ._mobile_blocks import (
    Place,
    Stage,
    classifier_chain,
    conv_bn,
    depthwise,
    places,
    read_stages,
)
from ._operations import Operation

STAGES = (Stage(64, 4, 2), Stage(160, 4, 2), Stage(320, 8, 2), Stage(640, 4, 2))
KERNELS = (3, 5, 7)


def shufflenet(
    in_channels: int = 3,
    classes: int = 1000,
    *,
    stages: Sequence[Sequence[int]] = STAGES,
    stem_channels: int = 16,
    stem_stride: int = 2,
    last_channels: int = 1024,
    dropout: float = 0.0,
) -> nn.Sequential:
    """The space of building blocks of Single Path One-Shot, as a supernet.

    Each block is a :class:`~trial_api.LayerChoice` of four: ShuffleNetV2 blocks with a kernel of
    3, 5 or 7 (``"shuffle_3x3"``, ...) and one with three depthwise convolutions
    (``"xception_3x3"``). With the default stages there are 20 keys and 4^20 architectures.

    Guo, Zhang, Mu, Heng, Liu, Wei, Sun: Single Path One-Shot Neural Architecture Search with
    Uniform Sampling, ECCV 2020 (https://arxiv.org/abs/1904.00420), section 4. The blocks are
    those of Ma, Zhang, Zheng, Sun: ShuffleNet V2, ECCV 2018 (https://arxiv.org/abs/1807.11164),
    section 3.

    Args:
        in_channels: Of the images.
        classes: Of the classifier.
        stages: Width (2 or more), number of blocks and first stride of each stage, as
            :class:`Stage` or ``(channels, blocks, stride)``.
        stem_channels: Of the first convolution.
        stem_stride: Of the first convolution; 1 suits small images.
        last_channels: Of the 1x1 convolution before the classifier.
        dropout: Before the classifier.

    Returns:
        The supernet; its choices have the keys ``"stage<i>_block<j>"``.

    Raises:
        SearchSpaceError: with every size that is no whole number or too small.

    Shape:
        (n, in_channels, height, width) to (n, classes).

    Example::

        model = shufflenet(1, 10, stages=[Stage(8, 2), Stage(16, 2, 2)], stem_stride=1)
    """
    sizes = {
        "in_channels": in_channels,
        "classes": classes,
        "stem_channels": stem_channels,
        "stem_stride": stem_stride,
        "last_channels": last_channels,
    }
    chain = read_stages("shufflenet", stages, **sizes)
    _require_halves(chain)
    return Chain(partial(_layers, chain, dropout=dropout, **sizes))


def _layers(
    chain: Sequence[Stage],
    *,
    in_channels: int,
    classes: int,
    stem_channels: int,
    stem_stride: int,
    last_channels: int,
    dropout: float,
) -> OrderedDict[str, nn.Module]:
    stem = conv_bn(in_channels, stem_channels, 3, stride=stem_stride, activation=nn.ReLU)
    blocks = [_searched_block(place) for place in places(chain, stem_channels)]
    last = conv_bn(chain[-1].channels, last_channels, activation=nn.ReLU)
    return classifier_chain(stem, blocks, last, nn.Linear(last_channels, classes), dropout)


class _ShuffleBlock(nn.Module):
    """Two branches side by side.

    A block that keeps the shape hands half of the channels on. Taking every other channel both
    splits them and shuffles what the block before has concatenated. Another block gives all
    channels to both branches.
    """

    def __init__(self, place: Place, kernel: int, *, xception: bool = False) -> None:
        super().__init__()
        main = _xception if xception else _separable
        self.splits = place.keeps_shape
        if self.splits:
            handed_on = place.inputs - place.inputs // 2
            main_inputs = place.inputs // 2
            self.side: nn.Module = nn.Identity()
        else:
            # The bound matters only where a stage is less than twice as wide as its input.
            handed_on = min(place.inputs, place.outputs // 2)
            main_inputs = place.inputs
            self.side = _side_branch(place.inputs, handed_on, kernel, place.stride)
        inner, outputs = place.outputs // 2, place.outputs - handed_on
        self.main = main(main_inputs, inner, outputs, kernel, place.stride)

    def forward(self, x: Tensor) -> Tensor:
        side, main = (x[:, ::2], x[:, 1::2]) if self.splits else (x, x)
        return torch.cat([self.side(side), self.main(main)], dim=1)


def _require_halves(stages: Sequence[Stage]) -> None:
    problems = [
        Problem(f"stages[{number}].channels", "must be 2 or more: blocks split them, but got 1")
        for number, stage in enumerate(stages)
        if stage.channels == 1
    ]
    if problems:
        raise SearchSpaceError(problems, "shufflenet")


def _searched_block(place: Place) -> LayerChoice:
    candidates: dict[str, Operation] = {
        f"shuffle_{kernel}x{kernel}": partial(_ShuffleBlock, place, kernel) for kernel in KERNELS
    }
    candidates["xception_3x3"] = partial(_ShuffleBlock, place, 3, xception=True)
    return LayerChoice(candidates, key=place.key)


def _side_branch(inputs: int, outputs: int, kernel: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        depthwise(inputs, kernel, stride=stride), conv_bn(inputs, outputs, activation=nn.ReLU)
    )


def _separable(inputs: int, inner: int, outputs: int, kernel: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        conv_bn(inputs, inner, activation=nn.ReLU),
        depthwise(inner, kernel, stride=stride),
        conv_bn(inner, outputs, activation=nn.ReLU),
    )


def _xception(inputs: int, inner: int, outputs: int, kernel: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        depthwise(inputs, kernel, stride=stride),
        conv_bn(inputs, inner, activation=nn.ReLU),
        depthwise(inner, kernel),
        conv_bn(inner, inner, activation=nn.ReLU),
        depthwise(inner, kernel),
        conv_bn(inner, outputs, activation=nn.ReLU),
    )

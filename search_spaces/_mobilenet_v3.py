"""The space around MobileNetV3: depths of stages, kernels and expansions of blocks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn

from trial_api import Repeat, ValueChoice, model_space

from ._arguments import require_probability, require_sizes
from ._mobile_blocks import Place, Residual, conv_bn, depthwise
from ._mobile_stage import ACTIVATIONS, FIRST, STAGES, MobileStage, require_choices


def mobilenet_v3(
    in_channels: int = 3,
    classes: int = 1000,
    *,
    first: MobileStage = FIRST,
    stages: Sequence[MobileStage] = STAGES,
    kernels: Sequence[int] = (3, 5, 7),
    expansions: Sequence[float] = (3, 4, 6),
    stem_channels: int = 16,
    stem_stride: int = 2,
    last_channels: int = 960,
    features: int = 1280,
    dropout: float = 0.2,
) -> MobileNetV3:
    """The space around MobileNetV3, as a :class:`MobileNetV3` with the same arguments.

    Example::

        model = mobilenet_v3(3, 10, stem_stride=1)
        apply_fixed_architecture(lambda: mobilenet_v3(3, 10), "best.json")  # makes nothing else
    """
    return MobileNetV3(
        in_channels,
        classes,
        first=first,
        stages=stages,
        kernels=kernels,
        expansions=expansions,
        stem_channels=stem_channels,
        stem_stride=stem_stride,
        last_channels=last_channels,
        features=features,
        dropout=dropout,
    )


@model_space
class MobileNetV3(nn.Module):
    """Stages of inverted residuals that choose their depth, and each block its shape.

    Howard, Sandler, Chu, Chen, Chen, Tan, Wang, Zhu, Pang, Vasudevan, Le, Adam: Searching for
    MobileNetV3, ICCV 2019 (https://arxiv.org/abs/1905.02244), section 5 and table 1. What is
    chosen is that of Cai, Gan, Wang, Zhang, Han: Once-for-All, ICLR 2020
    (https://arxiv.org/abs/1908.09791), section 3.2: of each stage the depth
    (``"stage<i>_depth"``), of each block the kernel of its depthwise convolution and the expansion
    of its channels (``"stage<i>_block<j>_kernel"``, ``"stage<i>_block<j>_expansion"``).

    MobileNetV3-Large and -Small are in it, given expansions and stages like theirs.

    Args:
        in_channels: Of the images.
        classes: Of the classifier.
        first: The stage before the others: of expansion 1, kernel 3 and fixed depth.
        stages: Those whose depth and blocks are chosen.
        kernels: To choose from; odd.
        expansions: To choose from: inner channels over a block's input channels, brought to a
            multiple of eight.
        stem_channels: Of the first convolution.
        stem_stride: Of the first convolution; 1 suits small images.
        last_channels: Of the 1x1 convolution after the stages.
        features: Of the layer before the classifier.
        dropout: Before the classifier.

    Shape:
        (n, in_channels, height, width) to (n, classes).

    Raises:
        SearchSpaceError: with every argument that is wrong.
    """

    def __init__(
        self,
        in_channels: int = 3,
        classes: int = 1000,
        *,
        first: MobileStage = FIRST,
        stages: Sequence[MobileStage] = STAGES,
        kernels: Sequence[int] = (3, 5, 7),
        expansions: Sequence[float] = (3, 4, 6),
        stem_channels: int = 16,
        stem_stride: int = 2,
        last_channels: int = 960,
        features: int = 1280,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        require_sizes(
            "mobilenet_v3",
            in_channels=in_channels,
            classes=classes,
            stem_channels=stem_channels,
            stem_stride=stem_stride,
            last_channels=last_channels,
            features=features,
        )
        require_choices(first, stages, kernels, expansions)
        require_probability("dropout", dropout)
        self.stem = conv_bn(
            in_channels, stem_channels, 3, stride=stem_stride, activation=nn.Hardswish
        )
        fixed = partial(_block, kernel=3, expansion=1)
        searched = partial(_searched_block, kernels=kernels, expansions=expansions)
        self.first = _stage("first", first, stem_channels, fixed)
        self.stages = nn.Sequential()
        for number, (before, stage) in enumerate(pairwise((first, *stages)), 1):
            self.stages.append(_stage(f"stage{number}", stage, before.channels, searched))
        self.last = conv_bn(stages[-1].channels, last_channels, activation=nn.Hardswish)
        self.features = nn.Sequential(nn.Linear(last_channels, features), nn.Hardswish())
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(features, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.last(self.stages(self.first(self.stem(x))))
        logits: Tensor = self.classifier(self.dropout(self.features(x.mean(dim=(2, 3)))))
        return logits


class SqueezeExcite(nn.Module):
    """Channels weighed by what the whole image holds.

    Hu, Shen, Sun: Squeeze-and-Excitation Networks, CVPR 2018 (https://arxiv.org/abs/1709.01507);
    with a quarter of the channels inside and a hard sigmoid, as in section 5.3 of MobileNetV3.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = _eightfold(channels / 4)
        self.reduce = nn.Conv2d(channels, inner, 1)
        self.expand = nn.Conv2d(inner, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        squeezed = torch.relu(self.reduce(x.mean(dim=(2, 3), keepdim=True)))
        return x * nn.functional.hardsigmoid(self.expand(squeezed))


def _stage(
    name: str, stage: MobileStage, inputs: int, make: Callable[[Place, MobileStage], nn.Module]
) -> Repeat:
    """The blocks of a stage; all but the first keep the shape."""

    def block(position: int) -> nn.Module:
        key = f"{name}_block{position + 1}"
        if position == 0:
            return make(Place(key, inputs, stage.channels, stage.stride), stage)
        return make(Place(key, stage.channels, stage.channels, 1), stage)

    return Repeat(block, stage.depth, key=f"{name}_depth")


def _searched_block(
    place: Place, stage: MobileStage, *, kernels: Sequence[int], expansions: Sequence[float]
) -> nn.Module:
    kernel = ValueChoice(kernels, key=f"{place.key}_kernel")
    expansion = ValueChoice(expansions, key=f"{place.key}_expansion")
    return _block(place, stage, kernel=kernel, expansion=expansion)


def _block(place: Place, stage: MobileStage, *, kernel: int, expansion: float) -> nn.Module:
    """An inverted residual: figure 4 of the paper; an expansion of 1 needs no convolution."""
    activation = ACTIVATIONS[stage.activation]
    inner = place.inputs if expansion == 1 else _eightfold(place.inputs * expansion)
    layers: list[nn.Module] = [
        depthwise(inner, kernel, stride=place.stride, activation=activation)
    ]
    if expansion != 1:
        layers.insert(0, conv_bn(place.inputs, inner, activation=activation))
    if stage.squeeze:
        layers.append(SqueezeExcite(inner))
    layers.append(conv_bn(inner, place.outputs))
    block = nn.Sequential(*layers)
    return Residual(block) if place.keeps_shape else block


def _eightfold(width: float) -> int:
    """The nearest multiple of eight, or the next one where that would lose over a tenth."""
    nearest = max(8, int(width + 4) // 8 * 8)
    return nearest if nearest >= 0.9 * width else nearest + 8

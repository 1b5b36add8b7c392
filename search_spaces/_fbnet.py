"""The space of FBNet: a chain of 22 layers that choose kernel, expansion, groups and presence."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from functools import partial

from torch import nn

from trial_api import LayerChoice

from ._chain import Chain
from ._mobile_blocks import (
    Place,
    Residual,
    Stage,
    classifier_chain,
    conv_bn,
    inverted_residual,
    places,
    read_stages,
)
from ._operations import Operation

STAGES = (
    Stage(16, 1, 1),
    Stage(24, 4, 2),
    Stage(32, 4, 2),
    Stage(64, 4, 2),
    Stage(112, 4, 1),
    Stage(184, 4, 2),
    Stage(352, 1, 1),
)

BLOCKS = {
    f"k{kernel}_{name}": (kernel, expansion, groups)
    for kernel in (3, 5)
    for name, expansion, groups in [("e1", 1, 1), ("e1_g2", 1, 2), ("e3", 3, 1), ("e6", 6, 1)]
}
"""Kernel, expansion and groups of each candidate but ``"skip"``."""


def fbnet(
    in_channels: int = 3,
    classes: int = 1000,
    *,
    stages: Sequence[Sequence[int]] = STAGES,
    stem_channels: int = 16,
    stem_stride: int = 2,
    last_channels: int = 1984,
    dropout: float = 0.0,
) -> nn.Sequential:
    """The space of FBNet, as a supernet.

    Each layer is a :class:`~trial_api.LayerChoice` of inverted residuals with a kernel of 3 or 5
    and an expansion of 1, 3 or 6, with expansion 1 also in two groups (``"k3_e1"``,
    ``"k3_e1_g2"``, ..., ``"k5_e6"``), and of ``"skip"``, which hands its input on.

    A layer has only the candidates that fit it: ``"skip"`` where the shape is kept, groups where
    the numbers of channels are even. With the default stages there are 22 keys and 9^16 * 8^6
    architectures; the paper counts ``"skip"`` everywhere, 9^22.

    Wu, Dai, Zhang, Wang, Sun, Wu, Tian, Vajda, Jia, Keutzer: FBNet: Hardware-Aware Efficient
    ConvNet Design via Differentiable Neural Architecture Search, CVPR 2019
    (https://arxiv.org/abs/1812.03443), section 3.1.

    Args:
        in_channels: Of the images.
        classes: Of the classifier.
        stages: Width, number of layers and first stride of each stage, as :class:`Stage` or
            ``(channels, blocks, stride)``.
        stem_channels: Of the first convolution.
        stem_stride: Of the first convolution; 1 suits small images.
        last_channels: Of the 1x1 convolution before the classifier.
        dropout: Before the classifier.

    Returns:
        The supernet; its choices have the keys ``"stage<i>_block<j>"``.

    Raises:
        SearchSpaceError: with every size that is no positive whole number.

    Shape:
        (n, in_channels, height, width) to (n, classes).

    Example::

        model = fbnet(1, 10, stages=[Stage(8, 2), Stage(16, 2, 2)], stem_stride=1)
    """
    sizes = {
        "in_channels": in_channels,
        "classes": classes,
        "stem_channels": stem_channels,
        "stem_stride": stem_stride,
        "last_channels": last_channels,
    }
    chain = read_stages("fbnet", stages, **sizes)
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
    layers = [_searched_layer(place) for place in places(chain, stem_channels)]
    last = conv_bn(chain[-1].channels, last_channels, activation=nn.ReLU)
    return classifier_chain(stem, layers, last, nn.Linear(last_channels, classes), dropout)


def _searched_layer(place: Place) -> LayerChoice:
    candidates: dict[str, Operation] = {
        name: partial(_block, place, kernel=kernel, expansion=expansion, groups=groups)
        for name, (kernel, expansion, groups) in BLOCKS.items()
        if place.inputs % groups == place.outputs % groups == 0
    }
    if place.keeps_shape:
        candidates["skip"] = nn.Identity
    return LayerChoice(candidates, key=place.key)


def _block(place: Place, *, kernel: int, expansion: int, groups: int) -> nn.Module:
    layers = inverted_residual(
        place, kernel=kernel, expansion=expansion, groups=groups, activation=nn.ReLU
    )
    return Residual(layers) if place.keeps_shape else layers

"""The space of ProxylessNAS: a MobileNetV2 whose blocks choose kernel, expansion and presence."""

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
from ._operations import Operation, Zero

STAGES = (
    Stage(32, 4, 2),
    Stage(40, 4, 2),
    Stage(80, 4, 2),
    Stage(96, 4, 1),
    Stage(192, 4, 2),
    Stage(320, 1, 1),
)
"""Widths of the network that the authors published for mobile phones."""

KERNELS = (3, 5, 7)
EXPANSIONS = (3, 6)


def proxyless_nas(
    in_channels: int = 3,
    classes: int = 1000,
    *,
    stages: Sequence[Sequence[int]] = STAGES,
    stem_channels: int = 32,
    stem_stride: int = 2,
    first_channels: int = 16,
    last_channels: int = 1280,
    dropout: float = 0.0,
) -> nn.Sequential:
    """The space of ProxylessNAS, as a supernet.

    Each block is a :class:`~trial_api.LayerChoice` of inverted residuals with a kernel of 3, 5 or
    7 and an expansion of 3 or 6 (``"mb3_k3"`` to ``"mb6_k7"``). Where a block keeps the shape
    there is a connection around it, and one more candidate, ``"zero"``, with which the block is
    left out. With the default stages there are 21 keys and 6^6 * 7^15 architectures.

    Cai, Zhu, Han: ProxylessNAS: Direct Neural Architecture Search on Target Task and Hardware,
    ICLR 2019 (https://arxiv.org/abs/1812.00332), section 4.2.

    Args:
        in_channels: Of the images.
        classes: Of the classifier.
        stages: Width, number of blocks and first stride of each stage, as :class:`Stage` or
            ``(channels, blocks, stride)``.
        stem_channels: Of the first convolution.
        stem_stride: Of the first convolution; 1 suits small images.
        first_channels: Of the one block without a choice, of expansion 1, before the stages.
        last_channels: Of the 1x1 convolution before the classifier.
        dropout: Before the classifier; the authors search without.

    Returns:
        The supernet; its choices have the keys ``"stage<i>_block<j>"``.

    Raises:
        SearchSpaceError: with every size that is no positive whole number.

    Shape:
        (n, in_channels, height, width) to (n, classes).

    Example::

        model = proxyless_nas(1, 10, stages=[Stage(8, 2), Stage(16, 2, 2)], stem_stride=1)
    """
    sizes = {
        "in_channels": in_channels,
        "classes": classes,
        "stem_channels": stem_channels,
        "stem_stride": stem_stride,
        "first_channels": first_channels,
        "last_channels": last_channels,
    }
    chain = read_stages("proxyless_nas", stages, **sizes)
    return Chain(partial(_layers, chain, dropout=dropout, **sizes))


def _layers(
    chain: Sequence[Stage],
    *,
    in_channels: int,
    classes: int,
    stem_channels: int,
    stem_stride: int,
    first_channels: int,
    last_channels: int,
    dropout: float,
) -> OrderedDict[str, nn.Module]:
    stem = conv_bn(in_channels, stem_channels, 3, stride=stem_stride, activation=nn.ReLU6)
    first = _mb_conv(Place("first", stem_channels, first_channels, 1), kernel=3, expansion=1)
    blocks = [_searched_block(place) for place in places(chain, first_channels)]
    last = conv_bn(chain[-1].channels, last_channels, activation=nn.ReLU6)
    head = nn.Linear(last_channels, classes)
    return classifier_chain(stem, [first, *blocks], last, head, dropout)


def _searched_block(place: Place) -> nn.Module:
    candidates: dict[str, Operation] = {
        f"mb{expansion}_k{kernel}": partial(_mb_conv, place, kernel=kernel, expansion=expansion)
        for kernel in KERNELS
        for expansion in EXPANSIONS
    }
    if not place.keeps_shape:
        return LayerChoice(candidates, key=place.key)
    candidates["zero"] = partial(Zero, place.outputs, stride=1)
    return Residual(LayerChoice(candidates, key=place.key))


def _mb_conv(place: Place, *, kernel: int, expansion: int) -> nn.Sequential:
    return inverted_residual(
        place, kernel=kernel, expansion=expansion, activation=nn.ReLU6, expand_always=False
    )

"""The cell space of NAS-Bench-101."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import Tensor, nn

from nas_tuners.contract.errors import SearchSpaceError
from trial_api import model_space
from trial_api.nn import NasBench101Cell

from ._arguments import require_sizes
from ._mobile_blocks import conv_bn

STACKS = 3
KEY = "cell"


def nas_bench_101(
    channels: int = 128,
    cells: int = 3,
    classes: int = 10,
    *,
    nodes: int = 7,
    edges: int = 9,
    in_channels: int = 3,
) -> NasBench101Network:
    """Three stacks of equal cells; all cells share their decisions.

    Ying, Klein, Real, Christiansen, Murphy, Hutter: NAS-Bench-101: Towards Reproducible Neural
    Architecture Search, ICML 2019 (https://arxiv.org/abs/1902.09635), section 2. Between stacks
    the resolution is halved and the channels are doubled. A cell is a
    :class:`trial_api.nn.NasBench101Cell` of 3x3 convolutions, 1x1 convolutions and 3x3 max
    pooling. Whether there is an edge is a choice such as ``"cell/edge_0_1"``, and the operation of
    a vertex one such as ``"cell/op_1"``. The default arguments are those of the published
    networks, of which 423,624 are different.

    The space refuses graphs without a path from the input to the output and those with too many
    edges; tuners keep to it. The graph says which layers there are and how wide, so that one-shot
    trainers refuse it.

    Args:
        channels: Of the first stack.
        cells: Of each stack.
        classes: Of the classifier.
        nodes: Vertices of a cell, input and output included.
        edges: How many a cell may have.
        in_channels: Of the images.

    Shape:
        (n, in_channels, height, width) to (n, classes).

    Raises:
        SearchSpaceError: naming every size that is not a whole number above zero, or if there are
            fewer channels than vertices between input and output.

    Example::

        model = apply_fixed_architecture(nas_bench_101, "best.json")
    """
    return NasBench101Network(
        channels, cells, classes, nodes=nodes, edges=edges, in_channels=in_channels
    )


@model_space
class NasBench101Network(nn.Module):
    """The stacks of cells; see :func:`nas_bench_101`."""

    def __init__(
        self,
        channels: int,
        cells: int,
        classes: int,
        *,
        nodes: int,
        edges: int,
        in_channels: int,
    ) -> None:
        super().__init__()
        sizes = {"channels": channels, "cells": cells, "classes": classes, "nodes": nodes}
        require_sizes("nas_bench_101", **sizes, edges=edges, in_channels=in_channels)
        if nodes < 2 or channels < nodes - 2:
            raise SearchSpaceError(
                "`2 <= nodes <= channels + 2` must hold, "
                f"but got (nodes={nodes}, channels={channels})",
                "nas_bench_101",
            )
        self.stem = _convolution(3, in_channels, channels)
        self.stacks = nn.Sequential()
        inputs = channels
        for stack in range(STACKS):
            width = channels * 2**stack
            layers: list[nn.Module] = [nn.MaxPool2d(2, ceil_mode=True)] if stack else []
            for _ in range(cells):
                layers.append(_cell(inputs, width, nodes=nodes, edges=edges))
                inputs = width
            self.stacks.append(nn.Sequential(*layers))
        self.classifier = nn.Linear(inputs, classes)

    def forward(self, x: Tensor) -> Tensor:
        features = self.stacks(self.stem(x))
        logits: Tensor = self.classifier(features.mean(dim=(2, 3)))
        return logits


def _cell(inputs: int, outputs: int, *, nodes: int, edges: int) -> NasBench101Cell:
    operations: dict[str, Callable[[int], nn.Module]] = {
        "conv3x3-bn-relu": partial(_same, 3),
        "conv1x1-bn-relu": partial(_same, 1),
        "maxpool3x3": _pool,
    }
    return NasBench101Cell(
        operations,
        inputs,
        outputs,
        projection=partial(_convolution, 1),
        max_num_nodes=nodes,
        max_num_edges=edges,
        key=KEY,
    )


def _convolution(kernel: int, inputs: int, outputs: int) -> nn.Module:
    return conv_bn(inputs, outputs, kernel, activation=nn.ReLU)


def _same(kernel: int, channels: int) -> nn.Module:
    return _convolution(kernel, channels, channels)


def _pool(_channels: int) -> nn.Module:
    return nn.MaxPool2d(3, stride=1, padding=1)

"""The cell space of DARTS, as a supernet.

Liu, Simonyan, Yang: DARTS: Differentiable Architecture Search, ICLR 2019
(https://arxiv.org/abs/1806.09055), section 3.1 and appendix A.1.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from trial_api import LayerChoice, MutableScope

NODES = 4


class DartsNetwork(nn.Module):
    """A stack of cells; all normal cells share their decisions, and all reduction cells theirs.

    The cells at one and two thirds of the depth are reduction cells: they halve the resolution and
    double the channels. Each of the 14 edges of a cell is a :class:`LayerChoice` of eight
    operations with the key ``"<normal|reduce>_n<node>_p<input>"``, 28 keys in all.

    Args:
        channels: Of the first cells, before the stem's multiplier.
        cells: How many cells; the paper searches with 8.
        classes: Of the classifier.
        stem_multiplier: Channels of the stem over ``channels``.

    Shape:
        (n, 3, height, width) to (n, classes).
    """

    def __init__(
        self, channels: int = 16, cells: int = 8, classes: int = 10, stem_multiplier: int = 3
    ) -> None:
        super().__init__()
        stem = stem_multiplier * channels
        self.stem = nn.Sequential(
            nn.Conv2d(3, stem, 3, padding=1, bias=False), nn.BatchNorm2d(stem)
        )
        self.cells = nn.ModuleList()
        before, last, width, reduced = stem, stem, channels, False
        for index in range(cells):
            reduces = index in (cells // 3, 2 * cells // 3)
            width = 2 * width if reduces else width
            self.cells.append(DartsCell(before, last, width, reduces=reduces, reduced=reduced))
            before, last, reduced = last, NODES * width, reduces
        self.classifier = nn.Linear(last, classes)

    def forward(self, x: Tensor) -> Tensor:
        before = last = self.stem(x)
        for cell in self.cells:
            before, last = last, cell(before, last)
        features: Tensor = self.classifier(last.mean(dim=(2, 3)))
        return features


class DartsCell(MutableScope):
    """Four nodes, each the sum of one operation on every earlier node; concatenated at the end."""

    def __init__(
        self, before: int, last: int, width: int, *, reduces: bool, reduced: bool
    ) -> None:
        kind = "reduce" if reduces else "normal"
        super().__init__(kind)
        self.before: nn.Module = (
            _FactorizedReduce(before, width) if reduced else _ReluConvBn(before, width)
        )
        self.last = _ReluConvBn(last, width)
        self.nodes = nn.ModuleList()
        for node in range(2, 2 + NODES):
            edges = [
                LayerChoice(
                    _operations(width, stride=2 if reduces and source < 2 else 1),
                    key=f"{kind}_n{node}_p{source}",
                )
                for source in range(node)
            ]
            self.nodes.append(nn.ModuleList(edges))

    def forward(self, before: Tensor, last: Tensor) -> Tensor:
        states = [self.before(before), self.last(last)]
        for edges in self.nodes:
            assert isinstance(edges, nn.ModuleList)
            results = [edge(state) for edge, state in zip(edges, states, strict=True)]
            states.append(torch.stack(results).sum(0))
        return torch.cat(states[2:], dim=1)


def _operations(width: int, *, stride: int) -> dict[str, nn.Module]:
    return {
        "none": _Zero(stride),
        "max_pool_3x3": _pool(nn.MaxPool2d(3, stride, padding=1), width),
        "avg_pool_3x3": _pool(nn.AvgPool2d(3, stride, padding=1, count_include_pad=False), width),
        "skip_connect": nn.Identity() if stride == 1 else _FactorizedReduce(width, width),
        "sep_conv_3x3": _separable(width, 3, stride),
        "sep_conv_5x5": _separable(width, 5, stride),
        "dil_conv_3x3": nn.Sequential(*_depthwise(width, 3, stride, dilation=2)),
        "dil_conv_5x5": nn.Sequential(*_depthwise(width, 5, stride, dilation=2)),
    }


def _pool(pool: nn.Module, width: int) -> nn.Sequential:
    return nn.Sequential(pool, nn.BatchNorm2d(width, affine=False))


def _separable(width: int, kernel: int, stride: int) -> nn.Sequential:
    """A depthwise-separable convolution, applied twice (appendix A.1.1)."""
    twice = _depthwise(width, kernel, stride) + _depthwise(width, kernel, 1)
    return nn.Sequential(*twice)


def _depthwise(width: int, kernel: int, stride: int, dilation: int = 1) -> list[nn.Module]:
    padding = dilation * (kernel - 1) // 2
    depthwise = nn.Conv2d(
        width, width, kernel, stride, padding, dilation, groups=width, bias=False
    )
    pointwise = nn.Conv2d(width, width, 1, bias=False)
    return [nn.ReLU(), depthwise, pointwise, nn.BatchNorm2d(width, affine=False)]


class _ReluConvBn(nn.Sequential):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(
            nn.ReLU(),
            nn.Conv2d(inputs, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs, affine=False),
        )


class _FactorizedReduce(nn.Module):
    """Half the resolution from two strided 1x1 convolutions, one of them shifted by a pixel."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.even = nn.Conv2d(inputs, outputs // 2, 1, stride=2, bias=False)
        self.odd = nn.Conv2d(inputs, outputs - outputs // 2, 1, stride=2, bias=False)
        self.norm = nn.BatchNorm2d(outputs, affine=False)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(x)
        shifted = nn.functional.pad(x, (0, 1, 0, 1))[:, :, 1:, 1:]
        result: Tensor = self.norm(torch.cat([self.even(x), self.odd(shifted)], dim=1))
        return result


class _Zero(nn.Module):
    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :, :: self.stride, :: self.stride] * 0.0

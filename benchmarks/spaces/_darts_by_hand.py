"""The published network of DARTS as somebody writes it in plain PyTorch."""

from __future__ import annotations

import torch
from torch import Tensor, nn

PUBLISHED_CELLS = {
    "normal": "sep_conv_3x3:0 sep_conv_3x3:1 sep_conv_3x3:0 sep_conv_3x3:1 "
    "skip_connect:0 sep_conv_3x3:1 skip_connect:0 dil_conv_3x3:2",
    "reduce": "max_pool_3x3:0 max_pool_3x3:1 max_pool_3x3:1 skip_connect:2 "
    "max_pool_3x3:0 skip_connect:2 max_pool_3x3:1 skip_connect:2",
}
"""Two edges a node, with their sources."""


def darts_architecture() -> dict[str, object]:
    """The cells as an architecture; edges that no node takes have any operation."""
    chosen: dict[str, object] = {}
    for kind, text in PUBLISHED_CELLS.items():
        edges = [edge.split(":") for edge in text.split()]
        for node in range(2, 6):
            taken = {int(source): name for name, source in edges[2 * node - 4 : 2 * node - 2]}
            for source in range(node):
                chosen[f"{kind}_n{node}_p{source}"] = taken.get(source, "none")
            chosen[f"{kind}_n{node}_switch"] = sorted(taken)
    return chosen


class DartsByHand(nn.Module):
    """The network of these cells."""

    def __init__(self, channels: int, cells: int, classes: int) -> None:
        super().__init__()
        before = last = 3 * channels
        self.stem = nn.Sequential(
            nn.Conv2d(3, last, 3, padding=1, bias=False), nn.BatchNorm2d(last)
        )
        self.cells = nn.ModuleList()
        reduced = False
        for index in range(cells):
            reduces = index in (cells // 3, 2 * cells // 3)
            channels = 2 * channels if reduces else channels
            kind = ReductionCell if reduces else NormalCell
            self.cells.append(kind(before, last, channels, reduced))
            before, last, reduced = last, 4 * channels, reduces
        self.classifier = nn.Linear(last, classes)

    def forward(self, x: Tensor) -> Tensor:
        before = last = self.stem(x)
        for cell in self.cells:
            before, last = last, cell(before, last)
        return self.classifier(last.mean(dim=(2, 3)))


class NormalCell(nn.Module):
    def __init__(self, before: int, last: int, width: int, reduced: bool) -> None:
        super().__init__()
        self.before = _aligned(before, width, reduced)
        self.last = _relu_conv_bn(last, width)
        self.n2_p0 = _separable(width)
        self.n2_p1 = _separable(width)
        self.n3_p0 = _separable(width)
        self.n3_p1 = _separable(width)
        self.n4_p1 = _separable(width)
        self.n5_p2 = nn.Sequential(*_depthwise(width, dilation=2))

    def forward(self, before: Tensor, last: Tensor) -> Tensor:
        s0, s1 = self.before(before), self.last(last)
        s2 = self.n2_p0(s0) + self.n2_p1(s1)
        s3 = self.n3_p0(s0) + self.n3_p1(s1)
        s4 = s0 + self.n4_p1(s1)
        s5 = s0 + self.n5_p2(s2)
        return torch.cat([s2, s3, s4, s5], dim=1)


class ReductionCell(nn.Module):
    def __init__(self, before: int, last: int, width: int, reduced: bool) -> None:
        super().__init__()
        self.before = _aligned(before, width, reduced)
        self.last = _relu_conv_bn(last, width)
        self.n2_p0 = _pool(width)
        self.n2_p1 = _pool(width)
        self.n3_p1 = _pool(width)
        self.n4_p0 = _pool(width)
        self.n5_p1 = _pool(width)

    def forward(self, before: Tensor, last: Tensor) -> Tensor:
        s0, s1 = self.before(before), self.last(last)
        s2 = self.n2_p0(s0) + self.n2_p1(s1)
        s3 = self.n3_p1(s1) + s2
        s4 = self.n4_p0(s0) + s2
        s5 = self.n5_p1(s1) + s2
        return torch.cat([s2, s3, s4, s5], dim=1)


class HalvedResolution(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.even = nn.Conv2d(inputs, outputs - outputs // 2, 1, 2, bias=False)
        self.odd = nn.Conv2d(inputs, outputs // 2, 1, 2, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(x)
        shifted = nn.functional.pad(x, (0, 1, 0, 1))[:, :, 1:, 1:]
        return self.norm(torch.cat([self.even(x), self.odd(shifted)], dim=1))


def _aligned(inputs: int, width: int, reduced: bool) -> nn.Module:
    return HalvedResolution(inputs, width) if reduced else _relu_conv_bn(inputs, width)


def _relu_conv_bn(inputs: int, outputs: int) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, 1, bias=False)
    return nn.Sequential(nn.ReLU(), conv, nn.BatchNorm2d(outputs))


def _separable(width: int) -> nn.Sequential:
    return nn.Sequential(*_depthwise(width, dilation=1), *_depthwise(width, dilation=1))


def _depthwise(width: int, *, dilation: int) -> list[nn.Module]:
    return [
        nn.ReLU(),
        nn.Conv2d(width, width, 3, 1, dilation, dilation, groups=width, bias=False),
        nn.Conv2d(width, width, 1, bias=False),
        nn.BatchNorm2d(width),
    ]


def _pool(width: int) -> nn.Sequential:
    return nn.Sequential(nn.MaxPool2d(3, 2, padding=1), nn.BatchNorm2d(width, affine=False))

"""MobileNetV3-Large as somebody writes it in plain PyTorch."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

STAGES = [
    [(3, 64, 24, False, nn.ReLU, 2), (3, 72, 24, False, nn.ReLU, 1)],
    [(5, 72, 40, True, nn.ReLU, 2)] + [(5, 120, 40, True, nn.ReLU, 1)] * 2,
    [
        (3, 240, 80, False, nn.Hardswish, 2),
        (3, 200, 80, False, nn.Hardswish, 1),
        (3, 184, 80, False, nn.Hardswish, 1),
        (3, 184, 80, False, nn.Hardswish, 1),
    ],
    [(3, 480, 112, True, nn.Hardswish, 1), (3, 672, 112, True, nn.Hardswish, 1)],
    [(5, 672, 160, True, nn.Hardswish, 2)] + [(5, 960, 160, True, nn.Hardswish, 1)] * 2,
]
"""Kernel, inner and output channels, squeeze-and-excite, activation and stride of each block."""

EXPANSIONS = (2.3, 2.5, 3, 4, 6)
"""Inner over input channels, as far as they occur."""


def mobile_architecture() -> dict[str, object]:
    """The table as an architecture of a space with these expansions."""
    chosen: dict[str, object] = {}
    inputs = 16
    for i, stage in enumerate(STAGES, 1):
        chosen[f"stage{i}_depth"] = len(stage)
        for j, (kernel, inner, outputs, *_) in enumerate(stage, 1):
            chosen[f"stage{i}_block{j}_kernel"] = kernel
            chosen[f"stage{i}_block{j}_expansion"] = min(
                EXPANSIONS, key=lambda ratio: abs(ratio * inputs - inner)
            )
            inputs = outputs
    return chosen


class MobileByHand(nn.Module):
    """MobileNetV3-Large."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.stem = _conv(3, 16, 3, 2, activation=nn.Hardswish)
        self.first = MobileBlock(16, 3, 16, 16, False, nn.ReLU, 1)
        inputs = 16
        blocks: list[nn.Module] = []
        for row in itertools.chain(*STAGES):
            blocks.append(MobileBlock(inputs, *row))
            inputs = row[2]
        self.blocks = nn.Sequential(*blocks)
        self.last = _conv(inputs, 960, activation=nn.Hardswish)
        self.features = nn.Sequential(nn.Linear(960, 1280), nn.Hardswish())
        self.dropout = nn.Dropout(0.2)
        self.classifier = nn.Linear(1280, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.last(self.blocks(self.first(self.stem(x))))
        return self.classifier(self.dropout(self.features(x.mean(dim=(2, 3)))))


class MobileBlock(nn.Module):
    def __init__(
        self,
        inputs: int,
        kernel: int,
        inner: int,
        outputs: int,
        squeeze: bool,
        activation: type[nn.Module],
        stride: int,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        if inner != inputs:
            layers.append(_conv(inputs, inner, activation=activation))
        layers.append(_conv(inner, inner, kernel, stride, groups=inner, activation=activation))
        if squeeze:
            layers.append(Squeeze(inner))
        layers.append(_conv(inner, outputs))
        self.layers = nn.Sequential(*layers)
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x) if self.adds else self.layers(x)


class Squeeze(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = (channels // 4 + 4) // 8 * 8
        inner += 8 if inner < 0.9 * channels / 4 else 0
        self.reduce = nn.Conv2d(channels, inner, 1)
        self.expand = nn.Conv2d(inner, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        squeezed = torch.relu(self.reduce(x.mean(dim=(2, 3), keepdim=True)))
        return x * nn.functional.hardsigmoid(self.expand(squeezed))


def _conv(
    inputs: int,
    outputs: int,
    kernel: int = 1,
    stride: int = 1,
    *,
    groups: int = 1,
    activation: type[nn.Module] | None = None,
) -> nn.Sequential:
    padding = kernel // 2
    conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False)
    layers = [conv, nn.BatchNorm2d(outputs)]
    return nn.Sequential(*layers, *([activation()] if activation else []))

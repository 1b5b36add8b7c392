"""The operations that the cell-based spaces choose from.

All keep ``ceil(size / stride)`` of a resolution, so that their outputs can be added. None works in
place: an input is read by several operations.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

Operation = Callable[[], nn.Module]
"""Makes a candidate, where it is needed."""


class ReluConvBn(nn.Sequential):
    """A convolution between its activation and its normalization."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1, *, affine: bool
    ) -> None:
        super().__init__(
            nn.ReLU(),
            nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False),
            nn.BatchNorm2d(outputs, affine=affine),
        )


class FactorizedReduce(nn.Module):
    """A lower resolution from two strided 1x1 convolutions, one of them shifted by a pixel.

    Each makes half of the channels; so pixels that the one skips are read by the other.
    """

    def __init__(self, inputs: int, outputs: int, stride: int = 2, *, affine: bool) -> None:
        super().__init__()
        odd = outputs // 2
        self.even = nn.Conv2d(inputs, outputs - odd, 1, stride, bias=False)
        self.odd = nn.Conv2d(inputs, odd, 1, stride, bias=False) if odd else None
        self.norm = nn.BatchNorm2d(outputs, affine=affine)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(x)
        parts = [self.even(x)]
        if self.odd is not None:
            parts.append(self.odd(nn.functional.pad(x, (0, 1, 0, 1))[:, :, 1:, 1:]))
        result: Tensor = self.norm(torch.cat(parts, dim=1))
        return result


class Zero(nn.Module):
    """No connection: zeros, whatever the input holds."""

    def __init__(self, outputs: int, stride: int) -> None:
        super().__init__()
        self.outputs = outputs
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        kept = x[:, :, :: self.stride, :: self.stride]
        if self.outputs == x.shape[1]:
            return torch.zeros_like(kept)  # in the memory format of the input
        return kept.new_zeros(len(x), self.outputs, *kept.shape[2:])

    def extra_repr(self) -> str:
        return f"{self.outputs}, stride={self.stride}"


def separable_conv(
    inputs: int, outputs: int, kernel: int, stride: int, *, affine: bool
) -> nn.Sequential:
    """A depthwise-separable convolution, applied twice."""
    return nn.Sequential(
        *_depthwise(inputs, inputs, kernel, stride, 1, affine=affine),
        *_depthwise(inputs, outputs, kernel, 1, 1, affine=affine),
    )


def dilated_conv(
    inputs: int, outputs: int, kernel: int, stride: int, *, affine: bool
) -> nn.Sequential:
    """A depthwise-separable convolution that skips every second pixel."""
    return nn.Sequential(*_depthwise(inputs, outputs, kernel, stride, 2, affine=affine))


def max_pool(stride: int) -> nn.Module:
    return nn.MaxPool2d(3, stride, padding=1)


def average_pool(stride: int) -> nn.Module:
    """The mean of the pixels that are there: the padding does not count."""
    return nn.AvgPool2d(3, stride, padding=1, count_include_pad=False)


def skip_connect(inputs: int, outputs: int, stride: int, *, affine: bool) -> nn.Module:
    """The input itself, or the least that gives it the shape of the output."""
    if stride > 1:
        return FactorizedReduce(inputs, outputs, stride, affine=affine)
    return nn.Identity() if inputs == outputs else ReluConvBn(inputs, outputs, affine=affine)


def _depthwise(
    inputs: int, outputs: int, kernel: int, stride: int, dilation: int, *, affine: bool
) -> list[nn.Module]:
    padding = dilation * (kernel // 2)
    return [
        nn.ReLU(),
        nn.Conv2d(inputs, inputs, kernel, stride, padding, dilation, groups=inputs, bias=False),
        nn.Conv2d(inputs, outputs, 1, bias=False),
        nn.BatchNorm2d(outputs, affine=affine),
    ]

"""A model after application against the same network written by hand."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from trial_api import InputChoice, LayerChoice, apply_fixed_architecture

from ._claim import Claim, paired_medians

CHANNELS, BLOCKS = 16, 12


class Searched(nn.Module):
    """Residual blocks whose convolution and shortcut are chosen."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, CHANNELS, 3, padding=1)
        self.convs = nn.ModuleList(
            LayerChoice({"conv1x1": _conv(1), "conv3x3": _conv(3), "conv5x5": _conv(5)})
            for _ in range(BLOCKS)
        )
        self.skips = nn.ModuleList(InputChoice(2, n_chosen=1) for _ in range(BLOCKS))
        self.head = nn.Linear(CHANNELS, 10)

    def forward(self, x: Tensor) -> Tensor:
        stem = x = self.stem(x)
        for conv, skip in zip(self.convs, self.skips, strict=True):
            x = F.relu(conv(x)) + skip([stem, x])
        return self.head(x.mean((2, 3)))


class HandWritten(nn.Module):
    """What a person writes who wants the third blocks wide and the odd shortcuts long."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, CHANNELS, 3, padding=1)
        self.convs = nn.ModuleList(_conv(5 if i % 3 == 2 else 3) for i in range(BLOCKS))
        self.head = nn.Linear(CHANNELS, 10)

    def forward(self, x: Tensor) -> Tensor:
        stem = x = self.stem(x)
        for index, conv in enumerate(self.convs):
            x = F.relu(conv(x)) + (stem if index % 2 else x)
        return self.head(x.mean((2, 3)))


def _conv(kernel: int) -> nn.Conv2d:
    return nn.Conv2d(CHANNELS, CHANNELS, kernel, padding=kernel // 2)


def measure(seed: int) -> list[Claim]:
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    by_hand, applied = HandWritten(), _applied()
    applied.load_state_dict(by_hand.state_dict())
    images = torch.randn(32, 3, 32, 32)
    _check_equal(applied, by_hand, images)
    ours, theirs = paired_medians(
        lambda: applied(images).sum().backward(),
        lambda: by_hand(images).sum().backward(),
        repeats=60,
    )
    name = f"forward + backward, {BLOCKS} blocks, batch 32"
    return [Claim(name, ours * 1e3, theirs * 1e3, "hand-written", "ms", limit=1.01)]


def _applied() -> nn.Module:
    architecture: dict[str, object] = {}
    for index in range(BLOCKS):
        architecture[f"convs.{index}"] = "conv5x5" if index % 3 == 2 else "conv3x3"
        architecture[f"skips.{index}"] = 0 if index % 2 else 1
    return apply_fixed_architecture(Searched(), architecture)


def _check_equal(one: nn.Module, other: nn.Module, images: Tensor) -> None:
    """Equal weights give equal outputs and gradients, to the bit."""
    results = []
    for network in (one, other):
        network.zero_grad()
        output = network(images)
        output.sum().backward()
        results.append([output, *(parameter.grad for parameter in network.parameters())])
    if not all(torch.equal(a, b) for a, b in zip(*results, strict=True)):
        raise AssertionError("the applied network computes something else")

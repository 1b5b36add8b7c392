"""Small models that the tests share."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import nn

from trial_api import InputChoice, LayerChoice


class Net(nn.Module):
    """An image classifier with two layer choices and an input choice."""

    def __init__(self) -> None:
        super().__init__()
        convs = OrderedDict(
            conv3x3=nn.Conv2d(1, 2, 3, padding=1), conv5x5=nn.Conv2d(1, 2, 5, padding=2)
        )
        self.conv = LayerChoice(convs)
        self.act = LayerChoice([nn.ReLU(), nn.Sequential(nn.Conv2d(2, 2, 1), nn.Tanh())])
        self.skip = InputChoice(n_candidates=2, n_chosen=1, key="skip")
        self.head = nn.Linear(2, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv(x)
        x = self.skip([x, self.act(x)])
        return self.head(x.mean((2, 3)))


ARCHITECTURE = {"conv": "conv5x5", "act": 1, "skip": [False, True]}


class NetByHand(nn.Module):
    """What ``Net`` is under ``ARCHITECTURE``."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 5, padding=2)
        self.act = nn.Sequential(nn.Conv2d(2, 2, 1), nn.Tanh())
        self.head = nn.Linear(2, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.act(self.conv(x)).mean((2, 3)))


class Nested(nn.Module):
    """A choice inside a candidate, and a choice that is itself a candidate."""

    def __init__(self) -> None:
        super().__init__()
        inner = LayerChoice({"relu": nn.ReLU(), "tanh": nn.Tanh()})
        deep = nn.Sequential(nn.Linear(2, 2), inner)
        direct = LayerChoice([nn.Linear(2, 2), nn.Linear(2, 2, bias=False)])
        self.block = LayerChoice({"plain": nn.Identity(), "deep": deep, "direct": direct})

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.block(x)


def images() -> torch.Tensor:
    return torch.randn(4, 1, 6, 6, generator=torch.Generator().manual_seed(0))

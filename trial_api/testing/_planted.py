"""Supernets and data for tests, small enough for seconds, with a best architecture by design."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from .. import InputChoice, LayerChoice, MutableScope

WIDTH = 4

PLANTED = {"left": "right_one", "right": "right_one", "source": ["signal"]}
"""The best architecture of :class:`PlantedNet`."""


FORLORN = {"left": "blind", "right": "blind", "source": ["nothing"]}
"""The worst one."""


class PlantedNet(nn.Module):
    """Classifies the sign of a sum of three parts, each of which a choice passes on or loses.

    Shape:
        (n, 12, 2, 2) to (n, 2).
    """

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.left = LayerChoice(
            {"blind": _Blind(), "right_one": _convolution(), "other_sample": _OtherSample()},
            key="left",
        )
        self.right = LayerChoice({"right_one": _convolution(), "blind": _Blind()}, key="right")
        self.source = InputChoice(choose_from=["nothing", "signal"], n_chosen=1, key="source")
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(3 * WIDTH, 2)
        # Right in direction from the start, and cautious: else losing the signal would be what
        # helps first, and what is lost is not found again.
        self.head.weight.data.copy_(torch.tensor([[-0.05], [0.05]]).expand(2, 3 * WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        a, b, c = torch.split(x, WIDTH, dim=1)
        parts = [self.left(a), self.right(b), self.source([torch.zeros_like(c), c])]
        logits: Tensor = self.head(self.dropout(torch.cat(parts, dim=1).mean((2, 3))))
        return logits


class MixedNet(nn.Module):
    """Every kind of choice: keys that are shared, unnamed, of one candidate, of any number."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3 * WIDTH, WIDTH, 1)
        self.cell = _Cell("cell")
        self.again = _Cell("again")
        self.only = LayerChoice([nn.BatchNorm2d(WIDTH)])
        self.some = InputChoice(n_candidates=3, n_chosen=None, key="some")
        self.two = InputChoice(choose_from=["", "", ""], n_chosen=2, key="two", reduction="mean")
        self.range = InputChoice(n_candidates=3, n_chosen=(1, 2), return_mask=True)
        self.head = nn.Linear(WIDTH, 2)

    def forward(self, x: Tensor) -> Tensor:
        stem = self.stem(x)
        first = self.cell(stem)
        second = self.only(self.again(first))
        states = [stem, first, second]
        some = self.some(states)
        mixed, mask = self.range(states)
        assert len(mask) == len(states)
        total = self.two(states) + mixed + (second if some is None else some)
        logits: Tensor = self.head(total.mean((2, 3)))
        return logits


class PlantedData(Dataset[tuple[Tensor, Tensor]]):
    """Samples for the two networks.

    Args:
        length: How many.
        noise: Standard deviation of noise that is drawn anew for each access, as augmentation is.
    """

    def __init__(self, length: int = 256, *, seed: int = 0, noise: float = 0.0) -> None:
        generator = torch.Generator().manual_seed(seed)
        signal = torch.randn(length, 3, generator=generator)
        self.labels = (signal.sum(1) > 0).long()
        self.images = signal.repeat_interleave(WIDTH, dim=1)[:, :, None, None].repeat(1, 1, 2, 2)
        self.noise = noise

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        image = self.images[index]
        return image + self.noise * torch.randn_like(image), self.labels[index]


def accuracy(output: Tensor, target: Tensor) -> dict[str, Tensor]:
    return {"accuracy": (output.argmax(1) == target).float().mean()}


class _Cell(MutableScope):
    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.op = LayerChoice([_convolution(), nn.Identity(), nn.AvgPool2d(3, 1, 1)], key="shared")
        self.own = LayerChoice({"conv": _convolution(), "tanh": nn.Tanh()})
        self.switch = InputChoice(choose_from=["shared", ""], n_chosen=1)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.switch([self.op(x), self.own(x)])
        return result


class _Blind(nn.Module):
    """Has weights and sees nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = _convolution()

    def forward(self, x: Tensor) -> Tensor:
        seen: Tensor = self.conv(torch.zeros_like(x))
        return seen


class _OtherSample(nn.Module):
    """Tells of every sample what is true of another one."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = _convolution()

    def forward(self, x: Tensor) -> Tensor:
        seen: Tensor = self.conv(x.roll(1, dims=0))
        return seen


def _convolution() -> nn.Conv2d:
    """Passes its input on at first, so that what it passes on counts from the beginning."""
    convolution = nn.Conv2d(WIDTH, WIDTH, 1)
    noise = 0.1 * torch.randn_like(convolution.weight)
    convolution.weight.data.copy_(nn.init.dirac_(convolution.weight.detach()) + noise)
    return convolution

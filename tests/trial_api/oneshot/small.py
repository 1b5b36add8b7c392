"""A small supernet and data for the tests of what trainers share."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from trial_api import LayerChoice
from trial_api.oneshot import DartsTrainer


class SmallNet(nn.Module):
    """A classifier of vectors of length 4, with one choice, batch norm and dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(4)
        self.layer = LayerChoice({"linear": nn.Linear(4, 4), "relu": nn.ReLU()}, key="layer")
        self.dropout = nn.Dropout(0.1)
        self.head = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(self.dropout(self.layer(self.norm(x))))
        return logits


def data(length: int = 32, *, seed: int = 0) -> TensorDataset:
    x = torch.randn(length, 4, generator=torch.Generator().manual_seed(seed))
    return TensorDataset(x, (x.sum(dim=1) > 0).long())


def accuracy(output: Tensor, target: Tensor) -> dict[str, Tensor]:
    return {"accuracy": (output.argmax(dim=1) == target).float().mean()}


def trainer(
    model: nn.Module | None = None, *, epochs: int = 2, momentum: float = 0.9, **options: Any
) -> DartsTrainer:
    torch.manual_seed(0)
    model = model or SmallNet()
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=momentum)
    options = {"batch_size": 4, "seed": 1, "progress": False, **options}
    if "train_loader" not in options:
        options.setdefault("dataset_train", data())
    return DartsTrainer(model, F.cross_entropy, accuracy, optimizer, epochs, **options)


def same_state(one: DartsTrainer, other: DartsTrainer) -> bool:
    """Whether weights, statistics and architecture parameters are equal bit for bit."""
    pairs = [
        (one.model.state_dict(), other.model.state_dict()),
        (dict(one.mutator.named_parameters()), dict(other.mutator.named_parameters())),
    ]
    return all(torch.equal(a[name], b[name]) for a, b in pairs for name in a)

"""A network written by hand, and how it is trained: ``python _training.py ARCHITECTURE``."""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor, nn

EPOCHS, TRAINING = 2, 6_000


class Net(nn.Module):
    def __init__(self, conv2: str, dropout: float, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3)
        self.conv2 = nn.Conv2d(32, 64, 3) if conv2 == "conv" else separable()
        self.dropout = nn.Dropout(dropout)
        self.fc1 = nn.Linear(9216, width)
        self.fc2 = nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        return forward(self, x)


def separable() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(32, 32, 3, groups=32), nn.Conv2d(32, 64, 1))


def forward(net: Any, x: Tensor) -> Tensor:
    x = functional.max_pool2d(net.conv2(functional.relu(net.conv1(x))), 2)
    return net.fc2(functional.relu(net.fc1(net.dropout(x.flatten(1)))))


def train(model: nn.Module) -> float:
    with np.load("images.npz") as file:
        x = torch.from_numpy(file["images"]).float().div(255).unsqueeze(1)
        y = torch.from_numpy(file["labels"]).long()
    optimizer = torch.optim.Adam(model.parameters())
    for _ in range(EPOCHS):
        for batch in torch.randperm(TRAINING).split(64):
            optimizer.zero_grad()
            functional.cross_entropy(model(x[batch]), y[batch]).backward()
            optimizer.step()
    model.eval()
    with torch.no_grad():
        return (model(x[TRAINING:]).argmax(1) == y[TRAINING:]).float().mean().item()


if __name__ == "__main__":
    print(train(Net(**json.loads(sys.argv[1]))))

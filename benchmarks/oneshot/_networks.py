"""Networks, data and the DARTS mixture as somebody writes it without this package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from search_spaces import darts
from trial_api import InputChoice, LayerChoice
from trial_api.nn._tree import find_choices

BATCH = 16
CLASSES = 10


def images(count: int, seed: int) -> TensorDataset:
    """CIFAR-sized noise: what is measured does not depend on what the images show."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(count, 3, 32, 32, generator=generator)
    return TensorDataset(x, torch.randint(CLASSES, (count,), generator=generator))


def batch(seed: int) -> tuple[Tensor, Tensor]:
    x, y = images(BATCH, seed).tensors
    return x, y


def sgd(parameters: Any) -> torch.optim.SGD:
    return torch.optim.SGD(parameters, 0.025, momentum=0.9, weight_decay=3e-4)


class HandWrittenDarts(nn.Module):
    """The DARTS supernet with its mixtures written out: ``sum(w * op(x))``."""

    def __init__(self, channels: int, cells: int) -> None:
        super().__init__()
        self.network = darts(channels, cells)
        self.rows: dict[str, Tensor] = {}
        sites = find_choices(self.network)
        keys = dict.fromkeys(s.key for s in sites if isinstance(s.choice, LayerChoice))
        self.alphas = torch.zeros(len(keys), 8, requires_grad=True)
        self._keys = list(keys)
        for site in sites:
            if isinstance(site.choice, LayerChoice):
                _put(self.network, site.path, _Mixture(list(site.choice), site.key, self.rows))
            else:
                _put(self.network, site.path, _Sum(site.choice))

    def forward(self, x: Tensor) -> Tensor:
        weights = torch.softmax(self.alphas, dim=-1)
        self.rows.update(zip(self._keys, weights, strict=True))
        output: Tensor = self.network(x)
        return output


class _Mixture(nn.Module):
    def __init__(self, ops: Sequence[nn.Module], key: str, rows: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.ops = nn.ModuleList(ops)
        self._key, self._rows = key, rows

    def forward(self, x: Tensor) -> Any:
        return sum(w * op(x) for w, op in zip(self._rows[self._key], self.ops, strict=True))


class _Sum(nn.Module):
    def __init__(self, choice: InputChoice) -> None:
        super().__init__()
        self._names = choice.choose_from

    def forward(self, inputs: Mapping[str, Tensor]) -> Any:
        return sum(inputs[name] for name in self._names)


def _put(model: nn.Module, path: str, module: nn.Module) -> None:
    parent, _, name = path.rpartition(".")
    model.get_submodule(parent)._modules[name] = module


def step(model: nn.Module, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor) -> None:
    """A plain training step with gradients clipped, as every trainer here does."""
    loss = F.cross_entropy(model(x), y)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)

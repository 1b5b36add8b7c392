"""A mutator that does as it is told, and candidates that count how often they run."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from trial_api.mutators import Mutator


class Told(Mutator):
    """Decides what the test says; every first candidate until then."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__(model)
        self.masks: Mapping[str, object] = {
            mutable.key: [index == 0 for index in range(size(mutable))]
            for mutable in self.mutables
        }

    def sample_search(self):
        return self.masks

    def sample_final(self):
        return self.masks


class Times(nn.Module):
    """Multiplies by a number, and counts."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return self.factor * x


def size(mutable) -> int:
    return mutable.n_candidates if hasattr(mutable, "n_candidates") else len(mutable)


def ones() -> Tensor:
    return torch.ones(1, 2)

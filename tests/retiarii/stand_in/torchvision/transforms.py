"""Pictures to tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch


class Compose:
    def __init__(self, steps: Sequence[Callable[[Any], Any]]) -> None:
        self._steps = steps

    def __call__(self, value: Any) -> Any:
        for step in self._steps:
            value = step(value)
        return value


class ToTensor:
    def __call__(self, picture: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(picture).float().div(255).unsqueeze(0)


class Normalize:
    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        self._mean, self._std = mean[0], std[0]

    def __call__(self, picture: torch.Tensor) -> torch.Tensor:
        return (picture - self._mean) / self._std

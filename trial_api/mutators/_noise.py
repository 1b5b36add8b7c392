"""Gumbel noise on any device, reproducible and resumable."""

from __future__ import annotations

import torch
from torch import Tensor


class GumbelNoise:
    """Standard Gumbel draws, -log(-log(u)); a generator for the device that they are drawn on."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._generator: torch.Generator | None = None
        self._state: Tensor | None = None

    def like(self, table: Tensor) -> Tensor:
        """Noise of a tensor's shape, type and device."""
        uniform = torch.empty_like(table, requires_grad=False)
        uniform.exponential_(generator=self._on(table.device))
        return -uniform.log()

    def get_state(self) -> tuple[int, Tensor | None]:
        """The seed, and what became of it; None before the first draw."""
        return self._seed, self._position()

    def set_state(self, state: tuple[int, Tensor | None]) -> None:
        self._seed, self._state = state
        self._generator = None

    def _position(self) -> Tensor | None:
        return self._state if self._generator is None else self._generator.get_state()

    def _on(self, device: torch.device) -> torch.Generator:
        if self._generator is None or self._generator.device != device:
            self._generator = torch.Generator(device).manual_seed(self._seed % 2**63)
            if self._state is not None and len(self._state) == len(self._generator.get_state()):
                self._generator.set_state(self._state.cpu())
            self._state = None
        return self._generator

    def __getstate__(self) -> dict[str, object]:
        """Generators do not copy or pickle, their state does."""
        return {"_seed": self._seed, "_generator": None, "_state": self._position()}

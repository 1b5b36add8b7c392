"""The Gumbel-softmax relaxation, as in SNAS and FBNet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import torch
from torch import Tensor, nn

from ._logits import softmax
from ._mutator import Mutator
from ._noise import GumbelNoise
from ._random import draw_seed
from ._relaxation import ArchitectureLogits, generator_from
from ._selection import Selection
from ._sources import ZERO_NAMES, relaxed_selections


@final
class GumbelSoftmaxMutator(Mutator):
    """Runs every candidate, weighted by a random, nearly one-hot vector.

    Jang, Gu, Poole: Categorical Reparameterization with Gumbel-Softmax, ICLR 2017
    (https://arxiv.org/abs/1611.01144), equation 2; Wu et al.: FBNet, CVPR 2019
    (https://arxiv.org/abs/1812.03443), equation 8. Gates of input choices are drawn from the
    binary form of it (Maddison, Mnih, Teh: The Concrete Distribution, ICLR 2017, appendix B).

    Args:
        model: A model with choices.
        temperature: Low ones give nearly one-hot weights, high ones nearly equal ones.
        scale: Standard deviation of the initial parameters.
        seed: Of these and of the noise; None takes one from torch's generator.
        zero_names: As for :class:`SoftmaxMutator`.

    Attributes:
        temperature: May be set between steps, to anneal it.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        temperature: float = 1.0,
        scale: float = 1e-3,
        seed: int | None = None,
        zero_names: Sequence[str] = ZERO_NAMES,
    ) -> None:
        super().__init__(model)
        seed = draw_seed() if seed is None else seed
        self.temperature = temperature
        self.logits = ArchitectureLogits(
            self.mutables,
            self.search_space,
            scale=scale,
            generator=generator_from(seed),
            zero_names=zero_names,
        )
        self._noise = GumbelNoise(seed + 1)

    def sample_search(self) -> dict[str, Selection]:
        logits = self.logits
        weights = logits.one.rows(self._soften) | logits.gates.rows(self._soften_gates)
        return relaxed_selections(logits.roles, self.search_space, weights)

    def sample_final(self) -> dict[str, Selection]:
        return self.logits.final()

    def preferences(self) -> dict[str, list[float]]:
        """The probabilities; of inputs that all run, 1 each."""
        return self.logits.numbers()

    def get_extra_state(self) -> dict[str, Any]:
        return {"temperature": self.temperature, "noise": self._noise.get_state()}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        self.temperature = state["temperature"]
        self._noise.set_state(state["noise"])

    def _soften(self, table: Tensor) -> Tensor:
        return gumbel_softmax(table, self._noise.like(table), self.temperature)

    def _soften_gates(self, table: Tensor) -> Tensor:
        noise = self._noise.like(table) - self._noise.like(table)  # logistic
        return torch.sigmoid((table + noise) / self.temperature)


def gumbel_softmax(logits: Tensor, noise: Tensor, temperature: float) -> Tensor:
    """softmax((logits + noise) / temperature) over the last dimension (Jang et al., eq. 2)."""
    return softmax((logits + noise) / temperature)

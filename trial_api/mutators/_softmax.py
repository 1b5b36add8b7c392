"""The continuous relaxation of DARTS."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from torch import nn

from ._mutator import Mutator
from ._random import draw_seed
from ._relaxation import ArchitectureLogits, generator_from
from ._selection import Selection
from ._sources import ZERO_NAMES, relaxed_selections


@final
class SoftmaxMutator(Mutator):
    """Runs every candidate, weighted by the softmax of architecture parameters.

    Liu, Simonyan, Yang: DARTS: Differentiable Architecture Search, ICLR 2019
    (https://arxiv.org/abs/1806.09055), equation 2. Input choices whose candidates are outputs of
    layer choices (``choose_from`` names them) run all inputs and keep the strongest ones at the
    end (section 2.4); others have parameters of their own.

    ``reset()`` computes the weights, once for all places of a key. Under ``torch.no_grad()`` they
    carry no graph: a step of the weights alone then costs nothing for the architecture.

    Args:
        model: A model with choices.
        scale: Standard deviation of the initial parameters.
        seed: Of these; None takes one from torch's generator.
        zero_names: Names of zero operations. On the edges that an input choice may leave out, they
            are mixed in but never chosen.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        scale: float = 1e-3,
        seed: int | None = None,
        zero_names: Sequence[str] = ZERO_NAMES,
    ) -> None:
        super().__init__(model)
        self.logits = ArchitectureLogits(
            self.mutables,
            self.search_space,
            scale=scale,
            generator=generator_from(draw_seed() if seed is None else seed),
            zero_names=zero_names,
        )

    def sample_search(self) -> dict[str, Selection]:
        logits = self.logits
        return relaxed_selections(logits.roles, self.search_space, logits.probabilities())

    def sample_final(self) -> dict[str, Selection]:
        return self.logits.final()

    def preferences(self) -> dict[str, list[float]]:
        """The probabilities; of inputs that all run, 1 each."""
        return self.logits.numbers()

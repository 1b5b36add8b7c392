"""The relaxation of DARTS with a weight for each edge, as in PC-DARTS."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
from torch import nn

from ._logits import Logits, softmax
from ._mutator import Mutator
from ._random import draw_seed
from ._relaxation import ArchitectureLogits, generator_from
from ._selection import Selection
from ._sources import ZERO_NAMES, relaxed_selections


@final
class EdgeNormalizedMutator(Mutator):
    """Runs every candidate as :class:`SoftmaxMutator` does, and weighs the edges of a node too.

    Xu et al.: PC-DARTS, ICLR 2020 (https://arxiv.org/abs/1907.05737), section 3.3: an input choice
    whose candidates are outputs of layer choices (``choose_from`` names them) sums its inputs with
    the softmax of parameters of its own. In the end it keeps the inputs for which the product of
    this weight and the probability of the best operation is largest.

    Args:
        model: A model with choices.
        scale: Standard deviation of the initial parameters.
        seed: Of these; None takes one from torch's generator.
        zero_names: As for :class:`SoftmaxMutator`.

    Attributes:
        logits: Parameters of the candidates (alpha in the paper).
        edges: Parameters of the edges (beta).
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
        generator = generator_from(draw_seed() if seed is None else seed)
        self.logits = ArchitectureLogits(
            self.mutables,
            self.search_space,
            scale=scale,
            generator=generator,
            zero_names=zero_names,
        )
        sizes = {key: len(sources) for key, sources in self.logits.roles.derived.items()}
        self.edges = Logits(sizes, scale=scale, generator=generator)

    def sample_search(self) -> dict[str, Selection]:
        weights = self.logits.probabilities() | self.edges.rows(softmax)
        return relaxed_selections(self.logits.roles, self.search_space, weights)

    def sample_final(self) -> dict[str, Selection]:
        with torch.no_grad():
            edges = {key: row.tolist() for key, row in self.edges.rows(softmax).items()}
        return self.logits.final(edges)

    def preferences(self) -> dict[str, list[float]]:
        """The probabilities of the candidates, and of the edges."""
        return self.logits.numbers(self.edges.rows(softmax))

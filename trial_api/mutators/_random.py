"""Uniformly random architectures."""

from __future__ import annotations

from random import Random
from typing import Any, final

import torch
from torch import nn

from nas_tuners.contract.search_space import IndexVector, SearchSpace

from ._mutator import Mutator
from ._selection import Selection


@final
class RandomMutator(Mutator):
    """Decides uniformly at random among the architectures of the space.

    A layer choice runs one candidate. An input choice runs as many inputs as it asks for; where it
    leaves the number open, each subset that it allows is equally likely, the empty one too.

    Args:
        model: A model with choices.
        seed: Of the decisions; None takes one from torch's generator, so that
            ``torch.manual_seed`` governs it.

    Example::

        mutator = RandomMutator(model)
        mutator.reset()
        model(x)  # one architecture of the space
    """

    def __init__(self, model: nn.Module, seed: int | None = None) -> None:
        super().__init__(model)
        self._rng = Random(draw_seed() if seed is None else seed)

    def sample_search(self) -> dict[str, Selection]:
        return selections_of(self.search_space, self.search_space.sample_fitting(self._rng))

    def sample_final(self) -> dict[str, Selection]:
        """Another random architecture."""
        return self.sample_search()

    def get_extra_state(self) -> tuple[Any, ...]:
        return self._rng.getstate()

    def set_extra_state(self, state: tuple[Any, ...]) -> None:
        self._rng.setstate(state)


def selections_of(space: SearchSpace, vector: IndexVector) -> dict[str, Selection]:
    """The candidates that an architecture runs; of inactive keys, none."""
    selections = {}
    for key, position in space.first_decision.items():
        domain: Any = space.decisions[position].domain
        entry = vector[position]
        chosen = () if entry is None else domain.chosen(entry)
        selections[key] = Selection(getattr(domain, "n", domain.size), chosen)
    return selections


def draw_seed() -> int:
    """A seed from torch's generator."""
    return int(torch.randint(2**63 - 1, ()))

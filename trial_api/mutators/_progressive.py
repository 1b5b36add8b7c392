"""The relaxation of DARTS over the candidates that earlier stages of a search have left."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, final

import torch
from torch import nn

from nas_tuners.contract.architecture import to_architecture, vector_of
from nas_tuners.contract.errors import SearchSpaceError
from nas_tuners.contract.search_space import SearchSpace

from ._fitting import Rows, likeliest_fitting
from ._mutator import Mutator
from ._random import draw_seed
from ._relaxation import ArchitectureLogits, generator_from
from ._selection import Selection
from ._sources import ZERO_NAMES, final_selections, names_of, relaxed_selections

Survivors = Mapping[str, Sequence[int]]
"""key -> the candidates that are left, by their indices in the untouched model, ascending."""


@dataclass(frozen=True)
class SkipCap:
    """How many skip connections an architecture may have.

    Attributes:
        most: In all.
        skips: key -> its candidates that count, by their indices in the untouched model.
    """

    most: int
    skips: Mapping[str, Collection[int]] = field(default_factory=dict)


@final
class ProgressiveMutator(Mutator):
    """Runs every candidate that is left, as :class:`SoftmaxMutator` does.

    Chen, Xie, Wu, Tian: Progressive Differentiable Architecture Search, ICCV 2019
    (https://arxiv.org/abs/1904.12760). What it exports has the names and the indices of the
    untouched model, and no more skip connections than allowed.

    Args:
        model: Without the candidates that were dropped.
        space: Of the untouched model.
        survivors: Of the layer choices that lost candidates.
        skip_cap: None for any number.
        scale: Standard deviation of the initial parameters.
        seed: Of these; None takes one from torch's generator.
        zero_names: As for :class:`SoftmaxMutator`.

    Attributes:
        search_space: That of the untouched model.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        space: SearchSpace,
        survivors: Survivors,
        skip_cap: SkipCap | None = None,
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
        self._reduced = self.search_space
        self.search_space = space
        self._survivors = survivors
        self._skip_cap = skip_cap
        self._zero_names = tuple(zero_names)

    def sample_search(self) -> dict[str, Selection]:
        logits = self.logits
        return relaxed_selections(logits.roles, self._reduced, logits.probabilities())

    def sample_final(self) -> dict[str, Selection]:
        try:
            return likeliest_fitting(
                self._capped,
                self.probabilities(),
                gates=self.logits.roles.gated,
                space=self.search_space,
                chosen=self._indices_of,
            )
        except SearchSpaceError as error:
            if not self._survivors:
                raise
            raise SearchSpaceError(
                f"with the candidates that earlier stages have left: {error}; or drop fewer"
            ) from error

    def export(self) -> dict[str, Any]:
        chosen = self._indices_of(self._final())
        return to_architecture(self.search_space, vector_of(self.search_space, chosen))

    def status(self) -> dict[str, list[bool] | list[float]]:
        """The present weights; those of dropped candidates are zero."""
        return {key: self._spread(key, row) for key, row in super().status().items()}

    def preferences(self) -> dict[str, list[float]]:
        """The probabilities; those of dropped candidates are zero."""
        return {key: self._spread(key, row) for key, row in self.logits.numbers().items()}

    def probabilities(self) -> dict[str, list[float]]:
        """key -> the probabilities of the candidates that are left; of gates, one each."""
        with torch.no_grad():
            return {key: row.tolist() for key, row in self.logits.probabilities().items()}

    def _capped(self, probabilities: Rows) -> dict[str, Selection]:
        if self._skip_cap is None:
            return self._derive(probabilities)
        skips = {
            key: [i for i, index in enumerate(self._originals(key)) if index in counted]
            for key, counted in self._skip_cap.skips.items()
            if key in probabilities
        }
        sources = self.logits.roles.derived
        return capped(
            self._derive, probabilities, skips=skips, most=self._skip_cap.most, sources=sources
        )

    def _derive(self, probabilities: Rows) -> dict[str, Selection]:
        return final_selections(
            self._reduced,
            self.logits.roles,
            names=names_of(self.mutables),
            probabilities=probabilities,
            zero_names=self._zero_names,
        )

    def _spread(self, key: str, row: Sequence[float]) -> list[float]:
        """Numbers of the candidates that are left, at the places of the untouched model."""
        numbers = dict(zip(self._originals(key), row, strict=True))
        return [numbers.get(index, 0.0) for index in range(self._size(key))]

    def _indices_of(self, decision: Mapping[str, Selection]) -> dict[str, list[int]]:
        return {
            key: [self._originals(key)[index] for index in one.indices]
            for key, one in decision.items()
        }

    def _originals(self, key: str) -> Sequence[int]:
        return self._survivors.get(key, range(self._size(key)))

    def _size(self, key: str) -> int:
        domain: Any = self.search_space.decisions[self.search_space.first_decision[key]].domain
        return int(getattr(domain, "n", domain.size))


def capped(
    derive: Callable[[Mapping[str, Sequence[float]]], dict[str, Selection]],
    probabilities: Mapping[str, Sequence[float]],
    *,
    skips: Mapping[str, Collection[int]],
    most: int,
    sources: Mapping[str, Sequence[str]],
) -> dict[str, Selection]:
    """An architecture with a limited number of skip connections (Chen et al., section 3.3).

    While there are too many, the weakest one loses its probability and the architecture is
    derived anew. So the strongest ones stay. A skip connection that nothing can replace stays too.

    Args:
        derive: Probabilities -> architecture.
        probabilities: key -> one a candidate.
        skips: key -> its candidates that count.
        most: Skip connections.
        sources: Of input choices, the layer choices among which they choose: a skip connection
            that is not taken does not count.
    """
    left = {key: list(row) for key, row in probabilities.items()}
    while True:
        selections = derive(left)
        taken = [
            (left[key][index], key, index)
            for key in skips.keys() - _left_out(selections, sources)
            for index in selections[key].indices
            if index in skips[key]
        ]
        removable = [one for one in taken if one[0] > 0]
        if len(taken) <= most or not removable:
            return selections
        _, key, index = min(removable)
        left[key][index] = 0.0


def _left_out(
    selections: Mapping[str, Selection], sources: Mapping[str, Sequence[str]]
) -> set[str]:
    """The layer choices that no input choice takes, of those that any could take."""
    optional = {source for names in sources.values() for source in names}
    taken = {names[i] for key, names in sources.items() for i in selections[key].indices}
    return optional - taken

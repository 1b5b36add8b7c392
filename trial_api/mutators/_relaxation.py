"""What the mutators with logits share: parameters by role, and the architecture they come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from nas_tuners.contract.search_space import SearchSpace

from ._fitting import Rows, likeliest_fitting
from ._logits import Logits, softmax
from ._selection import Selection, numbers_of
from ._sources import final_selections, names_of, roles_of
from ._tree import MutableTree


class ArchitectureLogits(nn.Module):
    """The architecture parameters of a model.

    Attributes:
        roles: Of its keys.
        one: Logits of the keys of which one candidate is chosen.
        gates: Logits of the inputs that are chosen independently.
    """

    def __init__(
        self,
        mutables: MutableTree,
        space: SearchSpace,
        *,
        scale: float,
        generator: torch.Generator,
        zero_names: Sequence[str],
    ) -> None:
        super().__init__()
        self.roles = roles_of(mutables)
        self.one = Logits(self.roles.one, scale=scale, generator=generator)
        self.gates = Logits(self.roles.gated, scale=scale, generator=generator)
        self._space = space
        self._names = names_of(mutables)
        self._zero_names = tuple(zero_names)

    def probabilities(self) -> dict[str, Tensor]:
        """key -> probabilities of its candidates; of gates, one each."""
        return self.one.rows(softmax) | self.gates.rows(torch.sigmoid)

    def numbers(self, edges: Mapping[str, Tensor] | None = None) -> dict[str, list[float]]:
        """The probabilities on the host, fetched at once.

        Inputs that all run have 1 each, or what ``edges`` gives them.
        """
        with torch.no_grad():
            rows = self.probabilities() | dict(edges or {})
        found = dict(zip(rows, numbers_of(list(rows.values())), strict=True))
        derived = {key: [1.0] * len(sources) for key, sources in self.roles.derived.items()}
        return {key: found.get(key) or derived[key] for key in self._space.specs}

    def final(self, edges: Mapping[str, Sequence[float]] | None = None) -> dict[str, Selection]:
        """The most probable architecture; edges may have factors besides.

        See :func:`likeliest_fitting` for where that breaks a constraint of the space.
        """
        with torch.no_grad():
            probabilities = {key: row.tolist() for key, row in self.probabilities().items()}

        def derive(numbers: Rows) -> dict[str, Selection]:
            return final_selections(
                self._space,
                self.roles,
                names=self._names,
                probabilities=numbers,
                zero_names=self._zero_names,
                edges=edges,
            )

        return likeliest_fitting(derive, probabilities, gates=self.roles.gated, space=self._space)


def generator_from(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed % 2**63)

"""The decision of a value inside a supernet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Union, final

import torch
from torch import Tensor, nn

from nas_tuners.contract.errors import MutatorError

from ._layer_choice import LayerChoice


@final
class ValueDecision(LayerChoice):
    """A value choice while a mutator decides it: a layer choice among one-hot vectors.

    What runs one candidate gives its vector, what mixes them gives the weights themselves, with
    their graph. So every mutator handles it without knowing.

    Args:
        options: The values.
        key: Of the value choice.
    """

    def __init__(self, options: Sequence[Any], key: str) -> None:
        super().__init__([OneHot(index, len(options)) for index in range(len(options))], key=key)
        self.options = list(options)

    def decided(self) -> Union[int, Tensor]:
        """The candidate that runs, or a weight for each.

        Weights are a candidate where they choose one, have no graph, and can be looked at without
        waiting for a device.
        """
        given = self()
        for index, candidate in enumerate(self):
            if given is candidate.vector:
                return index
        if given is None:
            raise MutatorError(f"{self.key}: a layer runs that depends on this inactive value")
        assert isinstance(given, Tensor), "candidates give tensors"
        if given.requires_grad or given.device.type != "cpu":
            return given
        weights = given.tolist()
        chosen = [index for index, weight in enumerate(weights) if weight]
        return chosen[0] if len(chosen) == 1 and weights[chosen[0]] == 1 else given

    def extra_repr(self) -> str:
        return f"key={self.key!r}, options={self.options}"


class OneHot(nn.Module):
    """Gives a vector that is one at an index and zero elsewhere."""

    vector: Tensor

    def __init__(self, index: int, length: int) -> None:
        super().__init__()
        vector = torch.zeros(length)
        vector[index] = 1
        self.register_buffer("vector", vector, persistent=False)

    def forward(self) -> Tensor:
        return self.vector


@final
class ValueDecisions(nn.ModuleList):
    """The decisions of a model; in a sequence, it gives its input as it is."""

    def forward(self, x: Any) -> Any:
        return x

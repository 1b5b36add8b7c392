"""One given architecture of a supernet."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, final

from torch import nn

from nas_tuners.contract.architecture import read_architecture

from ._mutator import Mutator
from ._random import selections_of
from ._selection import Selection


@final
class FixedMutator(Mutator):
    """Runs one given architecture and leaves the supernet whole.

    ``apply_fixed_architecture`` makes a plain network instead, which is what to train.

    Args:
        model: A model with choices.
        architecture: A dict or a JSON file, in every form that ``apply_fixed_architecture`` takes.

    Raises:
        ArchitectureError: with every missing, unknown or wrong key.

    Example::

        mutator = FixedMutator(supernet, "best.json")
        accuracy = evaluate(supernet)  # with the shared weights
        mutator.remove()
    """

    def __init__(self, model: nn.Module, architecture: Mapping[str, Any] | str | Path) -> None:
        super().__init__(model)
        try:
            vector = read_architecture(self.search_space, architecture)
        except Exception:
            self.remove()  # a model that stays bound to nothing could not be used again
            raise
        self._selections = selections_of(self.search_space, vector)
        self.reset()

    def sample_search(self) -> dict[str, Selection]:
        return self._selections

    def sample_final(self) -> dict[str, Selection]:
        return self._selections

"""What input choices choose from, and what an applied architecture chose."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from torch import Tensor, nn


class LazyTensors(Mapping[str, Tensor]):
    """Tensors by name; each is computed once, at its first reading.

    An ``InputChoice`` reads what it chooses, so nothing else is computed.

    Args:
        sources: How to compute each.
    """

    def __init__(self, sources: Mapping[str, Callable[[], Tensor]]) -> None:
        self._sources = sources
        self._known: dict[str, Tensor] = {}

    def put(self, name: str, tensor: Tensor) -> None:
        """Add one that is there already."""
        self._known[name] = tensor

    def __getitem__(self, name: str) -> Tensor:
        if name not in self._known:
            self._known[name] = self._sources[name]()
        return self._known[name]

    def __contains__(self, name: object) -> bool:
        return name in self._known or name in self._sources

    def __iter__(self) -> Iterator[str]:
        return iter({**self._sources, **self._known})

    def __len__(self) -> int:
        return len(self._sources.keys() | self._known.keys())


def chosen_inputs(choice: nn.Module) -> list[int]:
    """The positions that an applied architecture chose, of what was an ``InputChoice``."""
    chosen = choice.chosen
    assert isinstance(chosen, list)
    return chosen

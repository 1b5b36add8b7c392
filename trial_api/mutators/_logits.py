"""Architecture parameters: a logit for each candidate of each key.

Keys with equally many candidates share a table, a row each, so that a function of all logits is
a handful of operations however many keys there are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn


class Logits(nn.Module):
    """A row of logits for each key.

    Args:
        sizes: key -> number of candidates.
        scale: Standard deviation of the normal initial values.
        generator: What they are drawn from.

    Attributes:
        tables: Number of candidates -> parameter of shape (keys, candidates).
    """

    def __init__(
        self, sizes: Mapping[str, int], *, scale: float, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.keys: dict[int, list[str]] = {}
        for key, size in sizes.items():
            self.keys.setdefault(size, []).append(key)
        self.tables = nn.ParameterDict(
            {
                str(size): nn.Parameter(scale * torch.randn(len(keys), size, generator=generator))
                for size, keys in self.keys.items()
            }
        )

    def rows(self, function: Callable[[Tensor], Tensor] | None = None) -> dict[str, Tensor]:
        """key -> its row, of what a function of tables (keys, candidates) makes of them."""
        found: dict[str, Tensor] = {}
        for size, keys in self.keys.items():
            table = self.tables[str(size)]
            rows = (table if function is None else function(table)).unbind(0)
            found |= dict(zip(keys, rows, strict=True))
        return found


def softmax(table: Tensor) -> Tensor:
    return torch.softmax(table, dim=-1)

"""Random architectures that are spread evenly over a range of costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from nas_tuners.contract.errors import ConfigError
from nas_tuners.contract.search_space import IndexVector, SearchSpace

from ._cost_table import check_costs


class CostBins:
    """Draws a bin of costs uniformly, then an architecture in it.

    Most architectures of a space cost about the same; uniform sampling would hardly train the
    cheap and the costly ones. A bin in which ``tries`` draws find nothing gives an architecture of
    any cost.

    Args:
        space: What may be decided.
        costs: A table for the space.
        bounds: The least and the largest cost.
        bins: Equal parts of this range.
        tries: See above.
        seed: Of the draws.
    """

    def __init__(
        self,
        space: SearchSpace,
        costs: Mapping[str, Sequence[float]],
        *,
        bounds: tuple[float, float],
        bins: int,
        tries: int,
        seed: int,
    ) -> None:
        check_costs(costs, space, source="cost")
        low, high = bounds
        if not low < high or bins < 1 or tries < 1:
            raise ConfigError(
                "`low < high`, `cost_bins >= 1` and `cost_tries >= 1` must hold, but got "
                f"(cost_bounds={bounds!r}, cost_bins={bins!r}, cost_tries={tries!r})",
                "cost_bounds",
            )
        self._space = space
        self._rows = [(space.first_decision[key], tuple(row)) for key, row in costs.items()]
        self._low, self._width, self._bins = low, (high - low) / bins, bins
        self._tries = tries
        self._rng = Random(seed)

    def sample(self) -> IndexVector:
        low = self._low + self._rng.randrange(self._bins) * self._width
        for _ in range(self._tries):
            vector = self._space.sample_fitting(self._rng)
            if low <= self.cost(vector) <= low + self._width:
                return vector
        return self._space.sample_fitting(self._rng)

    def cost(self, vector: IndexVector) -> float:
        """Of an architecture; inactive choices cost nothing."""
        entries = ((vector[position], row) for position, row in self._rows)
        return sum(row[int(entry)] for entry, row in entries if entry is not None)

    def state_dict(self) -> dict[str, Any]:
        return {"random": self._rng.getstate()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._rng.setstate(state["random"])

"""A tuner of one's own: evolution among the architectures that are small enough."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import nas_tuners

FLOPS = {"a": (1, 2, 3), "b": (10, 20, 30, 40)}
LIMIT = 22


class EvolutionWithFlops(nas_tuners.SPOSEvolutionTuner):
    def __init__(self, *, optimize_mode: Any = "maximize", seed: int | None = None) -> None:
        super().__init__(
            population_size=4,
            constraint=lambda parameters: flops(parameters) <= LIMIT,
            optimize_mode=optimize_mode,
            seed=seed,
        )


def flops(parameters: Mapping[str, Any]) -> int:
    return sum(FLOPS[key][chosen["_idx"]] for key, chosen in parameters.items())

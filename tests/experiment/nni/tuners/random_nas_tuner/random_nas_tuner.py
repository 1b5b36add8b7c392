"""Random search, written to the three documented methods of NNI's tuners."""

from __future__ import annotations

import random
from typing import Any


class RandomNASTuner:
    def __init__(self) -> None:
        self._space: dict[str, Any] = {}

    def update_search_space(self, search_space: dict[str, Any]) -> None:
        self._space = search_space

    def generate_parameters(self, parameter_id: int, **kwargs: Any) -> dict[str, Any]:
        rng = random.Random(parameter_id)
        return {key: _choose(spec["_value"], rng) for key, spec in self._space.items()}

    def receive_trial_result(
        self, parameter_id: int, parameters: dict[str, Any], value: float, **kwargs: Any
    ) -> None:
        pass


def _choose(candidates: list[str], rng: random.Random) -> dict[str, Any]:
    index = rng.randrange(len(candidates))
    return {"_value": candidates[index], "_idx": index}

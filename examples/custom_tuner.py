"""Two ways to write a tuner of one's own, raced on a made-up table of results.

``Climber`` has the two methods that this package asks for and works on index vectors.
``Alternating`` is written to NNI's documented contract alone and works on the JSON. In the
configuration of an experiment, either goes by its import path::

    tuner:
      name: custom_tuner:Climber
      code_directory: examples

Run the race::

    python examples/custom_tuner.py
"""

from __future__ import annotations

from typing import Any

from nas_tuners import RandomTuner, SearchSpace, Tuner
from nas_tuners.tuners import Ask, ContractTuner, IndexVector, Result, mutate

SPACE = SearchSpace(
    {
        f"layer_{i}": {"_type": "layer_choice", "_value": ["skip", "conv3x3", "conv5x5", "pool"]}
        for i in range(8)
    }
)


class Climber(Tuner):
    """Hill climbing: mutate the best architecture so far."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.best: Result | None = None

    def _propose(self, ask: Ask) -> IndexVector:
        if self.best is None:
            return self.space.sample(ask.rng)
        return mutate(self.space, self.best.vector, ask.rng)

    def _learn(self, result: Result) -> None:
        if result.score is None:
            return  # the trial failed
        if self.best is None or result.score > self.best.score:
            self.best = result


class Alternating:
    """NNI's contract: walk through the candidates of every layer in turn."""

    def update_search_space(self, search_space: dict[str, Any]) -> None:
        self.search_space = search_space

    def generate_parameters(self, parameter_id: int) -> dict[str, Any]:
        chosen = {}
        for place, (key, body) in enumerate(self.search_space.items()):
            index = (parameter_id // 4**place) % len(body["_value"])
            chosen[key] = {"_value": body["_value"][index], "_idx": index}
        return chosen

    def receive_trial_result(
        self, parameter_id: int, parameters: dict[str, Any], value: float
    ) -> None:
        """This one does not learn."""


def accuracy(parameters: dict[str, Any]) -> float:
    """As if a network had been trained: convolutions help, most of all in the middle."""
    gains = {"skip": 0.0, "pool": 0.01, "conv3x3": 0.05, "conv5x5": 0.04}
    middle = (0.5, 0.7, 0.9, 1.0, 1.0, 0.9, 0.7, 0.5)
    chosen = (gains[parameters[key]["_value"]] for key in SPACE.specs)
    return 0.6 + sum(gain * weight for gain, weight in zip(chosen, middle, strict=True))


def search(tuner: Tuner, trials: int) -> float:
    tuner.update_search_space(SPACE)
    best = 0.0
    for number in range(trials):
        parameters = tuner.generate_parameters(number)
        value = accuracy(parameters)
        tuner.receive_trial_result(number, parameters, value)
        best = max(best, value)
    return best


if __name__ == "__main__":
    for tuner in (RandomTuner(seed=0), Climber(seed=0), ContractTuner(Alternating())):
        print(f"{type(tuner).__name__}: best of 100 trials {search(tuner, 100):.3f}")

"""What is compared, in the order of the pages."""

from __future__ import annotations

from collections.abc import Iterable

from nas_tuners.bench import PEERS

FLAGSHIP = "BayesianTuner"
SIMPLE = ("random", "RegularizedEvolutionTuner", "LocalSearchTuner")
OTHERS = ("SPOSEvolutionTuner", "ReinforceTuner", "PPOTuner", "PredictorEvolutionTuner")
METHODS = (FLAGSHIP, *OTHERS, *reversed(SIMPLE), *PEERS)

SLOW = "optuna-gp"
"""So slow that it has few seeds: compared apart, as its mean says little."""
RIVALS = (*(peer for peer in PEERS if peer != SLOW), *SIMPLE)
"""What people would take instead of the flagship."""


def split(method: str) -> tuple[str, int]:
    """Name and number of workers: ``LocalSearchTuner@4`` runs four trials at a time."""
    name, _, workers = method.partition("@")
    return name, int(workers or 1)


def in_order(methods: Iterable[str]) -> list[str]:
    """Known ones in the order of :data:`METHODS`, then the others by name."""
    known = {method: place for place, method in enumerate(METHODS)}
    return sorted(methods, key=lambda method: (known.get(method, len(known)), method))

"""Made-up objectives with a known structure, on a space of layer and input choices."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from random import Random

from nas_tuners.contract.domains import Categorical, Subset
from nas_tuners.contract.search_space import IndexVector, SearchSpace
from nas_tuners.contract.space_json import InputChoice, LayerChoice

Objective = Callable[[IndexVector], float]

SPACE = SearchSpace.from_specs(
    {
        key: spec
        for node in range(8)
        for key, spec in (
            (f"op_{node}", LayerChoice(tuple("abcde"))),
            (f"from_{node}", InputChoice(tuple("wxyz"), 2)),
        )
    }
)


def separable(seed: int) -> Objective:
    """Every candidate has a weight of its own; higher is better."""
    rng = Random(f"separable:{seed}")
    weights = [[rng.gauss(0, 1) for _ in range(count)] for count in _candidates()]

    def objective(vector: IndexVector) -> float:
        chosen = _chosen(vector)
        return sum(weights[place][one] for place, ones in enumerate(chosen) for one in ones)

    return objective


def pairwise(seed: int) -> Objective:
    """What a candidate is worth depends on those chosen before and after it."""
    rng = Random(f"pairwise:{seed}")
    counts = _candidates()
    weights = [
        [[rng.gauss(0, 1) for _ in range(after)] for _ in range(before)]
        for before, after in itertools.pairwise(counts)
    ]

    def objective(vector: IndexVector) -> float:
        chosen = _chosen(vector)
        return sum(
            weights[place][one][other]
            for place in range(len(weights))
            for one in chosen[place]
            for other in chosen[place + 1]
        )

    return objective


LANDSCAPES: dict[str, Callable[[int], Objective]] = {
    "separable": separable,
    "pairwise": pairwise,
}


def best_of_random(objective: Objective, trials: int, seed: int) -> float:
    """How good the ten best of so many random architectures are, on average."""
    rng = Random(f"random:{seed}")
    return mean_of_best([objective(SPACE.sample(rng)) for _ in range(trials)])


def mean_of_best(values: Sequence[float]) -> float:
    """The mean of the ten highest: it says as much as the highest, and varies far less."""
    best = sorted(values)[-10:]
    return sum(best) / len(best)


def _candidates() -> list[int]:
    counts = []
    for decision in SPACE.decisions:
        domain = decision.domain
        assert isinstance(domain, (Categorical, Subset))
        counts.append(domain.n if isinstance(domain, Subset) else domain.size)
    return counts


def _chosen(vector: IndexVector) -> list[tuple[int, ...]]:
    chosen = []
    for decision, entry in zip(SPACE.decisions, vector, strict=True):
        assert entry is not None
        assert isinstance(decision.domain, (Categorical, Subset))
        chosen.append(decision.domain.chosen(entry))
    return chosen

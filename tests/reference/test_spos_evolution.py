"""The evolution of single-path one-shot search against brute force."""

from __future__ import annotations

from random import Random

import pytest

from nas_tuners.contract.architecture import to_vector
from nas_tuners.contract.search_space import IndexVector, SearchSpace
from nas_tuners.testing._spaces import SPACES
from nas_tuners.tuners._spos_evolution import Ranked, SPOSEvolutionTuner, redraw, update_best

SPACE = SearchSpace(SPACES["layers"])


def _top(results: list[Ranked], k: int) -> list[Ranked]:
    """Each architecture at the first of its best results; then the k best, the earliest first."""
    best: dict[IndexVector, tuple[tuple[float, ...], int]] = {}
    for moment, (merit, vector) in enumerate(results):
        if vector not in best or merit > best[vector][0]:
            best[vector] = (merit, moment)
    ranked = sorted(best.items(), key=lambda item: (-item[1][0][0], item[1][1]))
    return [(merit, vector) for vector, (merit, _) in ranked[:k]]


@pytest.mark.parametrize("k", [1, 3, 10, 100])
def test_the_best_of_all_results_with_ties_and_repeats(k: int) -> None:
    rng = Random(k)
    results: list[Ranked] = [
        ((float(rng.randrange(8)),), (rng.randrange(20),)) for _ in range(300)
    ]
    best: list[Ranked] = []
    for count, result in enumerate(results, start=1):
        best = update_best(best, result, k)
        assert best == _top(results[:count], k)


def _difference(first: IndexVector, second: IndexVector) -> int:
    return sum(a != b for a, b in zip(first, second, strict=True))


def _rugged(vector: IndexVector) -> float:
    return Random(str(vector)).random()


@pytest.mark.parametrize("crossing", [0.0, 1.0])
def test_children_come_from_the_best_of_every_iteration(crossing: float) -> None:
    """Line 6: Topk is updated, never replaced; the parents are found by brute force."""
    tuner = SPOSEvolutionTuner(
        population_size=20, top_k=4, crossover_probability=crossing, num_iterations=None, seed=0
    )
    tuner.update_search_space(SPACE)
    results: list[Ranked] = []
    inherited = []
    for number in range(80):
        vector = to_vector(SPACE, tuner.generate_parameters(number))
        parents = [parent for _, parent in _top(results, 4)]
        if number >= 20 and crossing:
            columns = zip(*parents, strict=True)
            inherited.append(all(e in column for e, column in zip(vector, columns, strict=True)))
        elif number >= 20:
            inherited.append(min(_difference(vector, parent) for parent in parents) <= 2)
        results.append(((_rugged(vector),), vector))
        tuner.tell(number, vector, _rugged(vector))
    assert sum(inherited) >= (60 if crossing else 55), "at random it is a quarter of them"


def test_pending_trials_count_towards_the_first_iteration() -> None:
    tuner = SPOSEvolutionTuner(population_size=5, seed=0)
    tuner.update_search_space(SPACE)
    first = to_vector(SPACE, tuner.generate_parameters(0))
    tuner.tell(0, first, 1.0)
    later = [to_vector(SPACE, tuner.generate_parameters(number)) for number in range(1, 15)]
    assert max(_difference(first, vector) for vector in later[:4]) > 3
    assert max(_difference(first, vector) for vector in later[4:]) <= 3


def test_each_decision_is_drawn_again_with_its_own_probability() -> None:
    """A draw changes a decision of four alternatives in three of four cases."""
    vector, rng = SPACE.sample(Random(0)), Random(1)
    changes = [_difference(vector, redraw(SPACE, vector, 0.1, rng)) for _ in range(4_000)]
    expected, deviation = 6 * 0.1 * 0.75, (6 * 0.075 * 0.925 / 4_000) ** 0.5
    assert abs(sum(changes) / len(changes) - expected) < 4 * deviation
    assert redraw(SPACE, vector, 0.0, rng) == vector

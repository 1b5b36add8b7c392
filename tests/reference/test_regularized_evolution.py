"""Regularized evolution against a queue of its own, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import pytest

from nas_tuners.contract.architecture import to_vector
from nas_tuners.contract.search_space import IndexVector, SearchSpace
from nas_tuners.testing._cases import score
from nas_tuners.testing._spaces import SPACES
from nas_tuners.tuners._encoding import crossover, mutate
from nas_tuners.tuners._regularized_evolution import RegularizedEvolutionTuner

SPACE = SearchSpace(SPACES["layers"])
P, S, SEED = 12, 5, 3


def _expected(
    number: int,
    successes: Sequence[tuple[float, IndexVector]],
    known: set[IndexVector],
    pending: int,
    crossing: float,
) -> IndexVector:
    """Algorithm 1 of the paper on the list of everything that ever succeeded."""
    rng = Random(f"{SEED}:{number}")
    if len(successes) + pending < P:
        return SPACE.sample(rng)
    alive = successes[-P:]
    for _ in range(20):
        crossed = crossing > 0 and rng.random() < crossing
        parents = []
        for _ in range(1 + crossed):
            sample = [alive[i] for i in rng.sample(range(len(alive)), min(S, len(alive)))]
            fitness = max(value for value, _ in sample)
            parents.append(next(vector for value, vector in sample if value == fitness))
        child = crossover(SPACE, *parents, rng) if crossed else mutate(SPACE, parents[0], rng)
        if child not in known:
            return child
    raise AssertionError("the children of this history are not all known")


@pytest.mark.parametrize("crossing", [0.0, 0.5])
@pytest.mark.parametrize("workers", [1, 4])
def test_every_proposal_is_the_papers(workers: int, crossing: float) -> None:
    tuner = RegularizedEvolutionTuner(
        population_size=P, sample_size=S, crossover_probability=crossing, seed=SEED
    )
    tuner.update_search_space(SPACE)
    order = Random(1)
    successes: list[tuple[float, IndexVector]] = []
    known: set[IndexVector] = set()
    running: dict[int, IndexVector] = {}
    for number in range(300):
        expected = _expected(number, successes, known, len(running), crossing)
        running[number] = to_vector(SPACE, tuner.generate_parameters(number))
        assert running[number] == expected
        known.add(expected)
        if len(running) == workers:
            done = order.choice(sorted(running))
            vector = running.pop(done)
            value = None if done % 7 == 6 else score(vector)
            tuner.tell(done, vector, value)
            if value is not None:
                successes.append((value, vector))

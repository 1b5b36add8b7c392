"""Regularized evolution against a direct transcription of the paper's algorithm 1."""

from __future__ import annotations

from collections import deque
from random import Random
from typing import Any

import pytest

from nas_tuners.contract.architecture import to_vector
from nas_tuners.contract.search_space import IndexVector, SearchSpace
from nas_tuners.testing import TunerSuite
from nas_tuners.testing._cases import score
from nas_tuners.testing._spaces import SPACES
from nas_tuners.tuners._base import Tuner
from nas_tuners.tuners._random import RandomTuner
from nas_tuners.tuners._regularized_evolution import RegularizedEvolutionTuner

SPACE = SearchSpace(SPACES["layers"])
P, S = 12, 4


class TestWithCrossover(TunerSuite):
    constant_cost = True

    def make_tuner(self, space: SearchSpace, **options: Any) -> Tuner:
        return RegularizedEvolutionTuner(crossover_probability=0.5, **options)


def _run(tuner: RegularizedEvolutionTuner, trials: int) -> list[IndexVector]:
    vectors = []
    for number in range(trials):
        parameters = tuner.generate_parameters(number)
        vectors.append(to_vector(SPACE, parameters))
        tuner.receive_trial_result(number, parameters, score(vectors[-1]))
    return vectors


def _tuner(**options: object) -> RegularizedEvolutionTuner:
    tuner = RegularizedEvolutionTuner(population_size=P, sample_size=S, seed=0, **options)  # type: ignore[arg-type]
    tuner.update_search_space(SPACE)
    return tuner


def test_children_differ_from_a_living_member_in_one_decision() -> None:
    """The parent is among the last P and the best of S of them."""
    vectors = _run(_tuner(dedup=False), 300)
    population = deque(vectors[:P], maxlen=P)
    for child in vectors[P:]:
        parents = [
            member
            for member in population
            if sum(a != b for a, b in zip(member, child, strict=True)) == 1
        ]
        assert parents, "one mutation that always changes something"
        ranked = sorted(map(score, population))
        # The best of S different members is at least the S-th worst.
        assert max(map(score, parents)) >= ranked[S - 1]
        population.append(child)


def test_the_oldest_leaves_even_if_it_is_the_best() -> None:
    tuner = _tuner(dedup=False)
    best = SPACE.sample(Random(5))
    tuner.tell(0, best, 1e9)
    for number in range(1, P):
        tuner.tell(number, SPACE.sample(Random(100 + number)), 0.0)
    near = [_near(tuner, number, best) for number in range(1_000, 1_050)]
    assert any(near), "the best one wins tournaments while it lives"
    tuner.tell(900, SPACE.sample(Random(77)), 0.0)
    assert all(member != best for _, member in tuner._population)


def _near(tuner: RegularizedEvolutionTuner, number: int, vector: IndexVector) -> bool:
    child = to_vector(SPACE, tuner.generate_parameters(number))
    tuner.set_pending({})
    return sum(a != b for a, b in zip(child, vector, strict=True)) == 1


def test_failed_initial_trials_are_replaced() -> None:
    tuner = _tuner()
    for number in range(5):
        tuner.tell(number, SPACE.sample(Random(number)), None)
    assert len(tuner._population) == 0
    _run_more(tuner, 5, P)
    assert len(tuner._population) == P


def _run_more(tuner: RegularizedEvolutionTuner, first: int, trials: int) -> None:
    for number in range(first, first + trials):
        parameters = tuner.generate_parameters(number)
        tuner.receive_trial_result(number, parameters, 1.0)


def test_it_finds_more_than_random_search() -> None:
    """On average over seeds, by a margin far beyond its spread."""

    def best(kind: type, seed: int) -> float:
        options = {"population_size": P, "sample_size": S} if kind is not RandomTuner else {}
        tuner = kind(seed=seed, **options)
        tuner.update_search_space(SPACE)
        return max(map(score, _run(tuner, 150)))

    evolved = sum(best(RegularizedEvolutionTuner, seed) for seed in range(20))
    drawn = sum(best(RandomTuner, seed) for seed in range(20))
    assert evolved > drawn


def test_children_of_a_crossover_are_new_at_once_or_drawn() -> None:
    """Two members have few children: what is known or pending is not proposed again."""
    tuner = RegularizedEvolutionTuner(
        population_size=2, sample_size=1, crossover_probability=1.0, seed=0
    )
    tuner.update_search_space(SPACE)
    first, second = (0,) * 6, (1, 1, 0, 0, 0, 0)
    tuner.tell(0, first, 1.0)
    tuner.tell(1, second, 1.0)
    proposed = [to_vector(SPACE, tuner.generate_parameters(number)) for number in range(2, 30)]
    assert {(0, 1, 0, 0, 0, 0), (1, 0, 0, 0, 0, 0)} <= set(proposed[:6])
    assert len({first, second, *proposed}) == 30


@pytest.mark.parametrize("probability", [-0.1, 1.1])
def test_the_probability_of_crossover_is_checked(probability: float) -> None:
    with pytest.raises(ValueError, match="`0 <= crossover_probability <= 1` must hold"):
        RegularizedEvolutionTuner(crossover_probability=probability)


@pytest.mark.parametrize(("population", "sample"), [(5, 6), (5, 0), (0, 0)])
def test_sizes_are_checked(population: int, sample: int) -> None:
    with pytest.raises(ValueError, match="`1 <= sample_size <= population_size` must hold"):
        RegularizedEvolutionTuner(population_size=population, sample_size=sample)

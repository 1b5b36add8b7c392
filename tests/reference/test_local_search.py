"""Local search on small landscapes, against definitions by enumeration."""

from __future__ import annotations

from itertools import groupby
from random import Random

import pytest

from nas_tuners.contract.architecture import to_vector
from nas_tuners.contract.search_space import IndexVector, SearchSpace
from nas_tuners.tuners._local_search import LocalSearchTuner

KEYS, OPTIONS = 4, 4
SPACE = SearchSpace(
    {f"op_{i}": {"_type": "layer_choice", "_value": list("abcd")} for i in range(KEYS)}
)
VECTORS = list(SPACE.enumerate())

Landscape = dict[IndexVector, float]


def _landscape(seed: int) -> Landscape:
    """A slope with noise: several local optima, some of them equal."""
    rng = Random(seed)
    weights = [[rng.gauss(0, 1) for _ in range(OPTIONS)] for _ in range(KEYS)]
    return {
        vector: round(
            sum(w[int(e or 0)] for w, e in zip(weights, vector, strict=True)) + rng.gauss(0, 1), 1
        )
        for vector in VECTORS
    }


def _around(vector: IndexVector) -> list[IndexVector]:
    return [v for v in VECTORS if sum(a != b for a, b in zip(v, vector, strict=True)) == 1]


def _tuner(seed: int, **options: int) -> LocalSearchTuner:
    tuner = LocalSearchTuner(seed=seed, **options)  # type: ignore[arg-type]
    tuner.update_search_space(SPACE)
    return tuner


def _search(tuner: LocalSearchTuner, landscape: Landscape) -> list[tuple[int, IndexVector]]:
    """(climb, vector) of every trial, one after another, until the space is exhausted."""
    trials = []
    while not tuner.is_exhausted:
        number = len(trials)
        vector = to_vector(SPACE, tuner.generate_parameters(number))
        note = tuner.proposal_note(number)
        assert note is not None
        trials.append((note["climb"], vector))
        tuner.tell(number, vector, landscape[vector], note)
    return trials


@pytest.mark.parametrize("seed", range(5))
def test_every_neighbour_of_a_local_optimum_is_tried_before_it_is_left(seed: int) -> None:
    landscape = _landscape(seed)
    trials = _search(_tuner(seed, num_starts=1, num_expanded=1), landscape)
    seen: set[IndexVector] = set()
    for _, climb in groupby(trials, key=lambda trial: trial[0]):
        members = [vector for _, vector in climb]
        seen.update(members)
        summit = max(members, key=lambda vector: landscape[vector])
        assert seen.issuperset(_around(summit))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("expanded", [1, 3])
def test_each_trial_expands_the_best_that_has_unseen_neighbours(seed: int, expanded: int) -> None:
    landscape = _landscape(seed)
    starts = 2
    trials = _search(_tuner(seed, num_starts=starts, num_expanded=expanded), landscape)
    seen: set[IndexVector] = set()
    climbs: dict[int, list[IndexVector]] = {}
    for number, vector in trials:
        members = climbs.setdefault(number, [])
        if len(members) >= starts:
            ranked = sorted(members, key=lambda member: -landscape[member])[:expanded]
            parent = next(member for member in ranked if not seen.issuperset(_around(member)))
            assert vector in _around(parent)
        members.append(vector)
        seen.add(vector)


@pytest.mark.parametrize("seed", range(5))
def test_another_climb_starts_only_when_the_best_of_all_before_are_expanded(seed: int) -> None:
    landscape = _landscape(seed)
    trials = _search(_tuner(seed, num_starts=2, num_expanded=2), landscape)
    seen: set[IndexVector] = set()
    climbs: dict[int, list[IndexVector]] = {}
    for number, vector in trials:
        if number not in climbs:
            for members in climbs.values():
                for member in sorted(members, key=lambda member: -landscape[member])[:2]:
                    assert seen.issuperset(_around(member))
        climbs.setdefault(number, []).append(vector)
        seen.add(vector)


def test_the_optimum_is_found_long_before_everything_is_tried() -> None:
    """And everything is tried in the end, once."""
    found = []
    for seed in range(20):
        landscape = _landscape(seed)
        vectors = [vector for _, vector in _search(_tuner(seed), landscape)]
        assert sorted(vectors) == VECTORS
        best = max(landscape.values())
        found.append(next(i for i, vector in enumerate(vectors) if landscape[vector] == best))
    assert sum(found) / len(found) < len(VECTORS) / 4, "half of them is what random search takes"


@pytest.mark.parametrize("workers", range(1, 9))
def test_nothing_is_proposed_twice_whoever_finishes_first(workers: int) -> None:
    landscape, tuner, rng = _landscape(workers), _tuner(workers), Random(workers)
    running: dict[int, IndexVector] = {}
    proposed: list[IndexVector] = []
    while running or not tuner.is_exhausted:
        if len(running) < workers and not tuner.is_exhausted:
            number = len(proposed)
            running[number] = to_vector(SPACE, tuner.generate_parameters(number))
            proposed.append(running[number])
            continue
        number = rng.choice(sorted(running))
        vector, note = running.pop(number), tuner.proposal_note(number)
        tuner.tell(number, vector, None if rng.random() < 0.2 else landscape[vector], note)
    assert sorted(proposed) == VECTORS

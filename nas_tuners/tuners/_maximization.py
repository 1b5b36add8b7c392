"""Where an acquisition function is largest, among architectures that are new."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from functools import partial
from random import Random

import numpy as np

from nas_tuners.contract.search_space import IndexVector, SearchSpace

from ._acceptance import first_accepted
from ._encoding import Neighbourhood, mutate
from ._features import Array

Acquisition = Callable[[Sequence[IndexVector]], Array]
Accepts = Callable[[IndexVector], bool]

_LISTED = 2_000  # architectures of a space that is ranked as a whole
_NEIGHBOURS = 120  # of one architecture, at most
_DRAWN = 300  # candidates drawn from the space, and as many two changes away from a good one
_CLIMBERS = 4  # candidates that are climbed from
_STEPS = 5  # of a climb, at most


def maximize(
    acquisition: Acquisition,
    space: SearchSpace,
    incumbents: Sequence[IndexVector],
    known: Container[IndexVector],
    rng: Random,
    accepts: Accepts = lambda vector: True,
) -> IndexVector | None:
    """The best new architecture that was found and is accepted; None if none was.

    Small spaces are ranked as a whole. In others the candidates are the neighbours of incumbents,
    incumbents with two changes, and random draws; from the best of them the acquisition is climbed
    by one change at a time. (The neighbours of incumbents matter most: Schneider et al., Mutation
    is All You Need, 2021.)
    """
    ranking = partial(_ranked, acquisition, accepts)
    if space.size <= _LISTED:
        everything = [vector for vector in space.enumerate() if vector not in known]
        ranked = ranking(everything)
        return ranked[0][0] if ranked else None
    ranked = ranking(_new(_candidates(space, incumbents, rng), known))
    if not ranked:
        return None
    best, height = ranked[0]
    for _ in range(_STEPS):
        climbers = [vector for vector, _ in ranked[:_CLIMBERS]]
        around = _new((v for c in climbers for v in _around(space, c, rng)), known)
        ranked = ranking(around)
        if not ranked or ranked[0][1] <= height:
            break
        best, height = ranked[0]
    return best


def _candidates(
    space: SearchSpace, incumbents: Sequence[IndexVector], rng: Random
) -> Iterable[IndexVector]:
    for vector in incumbents:
        yield vector  # new where it is known from elsewhere
        yield from _around(space, vector, rng)
    for number in range(_DRAWN if incumbents else 0):
        incumbent = incumbents[number % len(incumbents)]
        yield mutate(space, mutate(space, incumbent, rng), rng)
    for _ in range(_DRAWN):
        yield space.sample(rng)


def _around(space: SearchSpace, vector: IndexVector, rng: Random) -> list[IndexVector]:
    neighbourhood = Neighbourhood(space, vector)
    if len(neighbourhood) <= _NEIGHBOURS:
        return list(neighbourhood)
    drawn = (neighbourhood.draw(rng) for _ in range(_NEIGHBOURS))
    return [vector for vector in drawn if vector is not None]


def _new(vectors: Iterable[IndexVector], known: Container[IndexVector]) -> list[IndexVector]:
    return [vector for vector in dict.fromkeys(vectors) if vector not in known]


def _ranked(
    acquisition: Acquisition, accepts: Accepts, vectors: Sequence[IndexVector]
) -> list[tuple[IndexVector, float]]:
    """The highest few that are accepted, highest first."""
    if not vectors:
        return []
    heights = acquisition(vectors)
    height_of: dict[IndexVector, float] = {}  # of those that were looked at

    def highest_first() -> Iterator[IndexVector]:
        for i in np.argsort(-heights, kind="stable"):
            height_of[vectors[i]] = float(heights[i])
            yield vectors[i]

    accepted = first_accepted(highest_first(), accepts, _CLIMBERS)
    return [(vector, height_of[vector]) for vector in accepted]

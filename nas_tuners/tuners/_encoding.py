"""Operations on index vectors that several algorithms share."""

from __future__ import annotations

from random import Random

from nas_tuners.contract.search_space import IndexVector, SearchSpace


def mutate(space: SearchSpace, vector: IndexVector, rng: Random) -> IndexVector:
    """Change one active decision to another value; what becomes active is drawn.

    The vector itself only where no decision has an alternative.
    """
    free = [
        position
        for position, entry in enumerate(vector)
        if entry is not None and space.decisions[position].domain.size > 1
    ]
    if not free:
        return vector
    position = free[int(rng.random() * len(free))]
    entry = vector[position]
    assert entry is not None
    changed = list(vector)
    changed[position] = space.decisions[position].domain.mutate(entry, rng)
    return space.complete(changed, rng)

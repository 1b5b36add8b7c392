"""An architecture that nobody has tried."""

from __future__ import annotations

from collections.abc import Collection
from random import Random

from nas_tuners.contract.errors import SearchSpaceExhausted
from nas_tuners.contract.search_space import IndexVector, SearchSpace

_DRAWS = 30  # of a finite space, before looking for what is left
_DRAWS_OF_INFINITE = 1_000  # where only a small part may be infinite


def draw_unseen(
    space: SearchSpace, rng: Random, evaluated: Collection[IndexVector], pending: set[IndexVector]
) -> IndexVector:
    """A new architecture: drawn, or else the next one in order after a drawn one.

    Raises:
        SearchSpaceExhausted: if nothing is left.
    """
    infinite = isinstance(space.size, float)
    draws = _DRAWS_OF_INFINITE if infinite else _DRAWS
    for _ in range(draws):
        vector = space.sample(rng)
        if vector not in evaluated and vector not in pending:
            return vector
    if infinite:
        raise SearchSpaceExhausted(f"nothing new in {draws} draws from {space}")
    sizes = [int(decision.domain.size) for decision in space.decisions]
    for _ in range(len(evaluated) + len(pending)):  # no more than those can be in the way
        following = space.successor(vector, sizes) or space.successor(None, sizes)
        assert following is not None
        vector = following
        if vector not in evaluated and vector not in pending:
            return vector
    raise SearchSpaceExhausted(f"nothing is left of {space}")

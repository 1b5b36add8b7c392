"""Operations on index vectors that several algorithms share."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from random import Random

from nas_tuners.contract.domains import Categorical, Continuous, Domain, Entry, Grid, Subset
from nas_tuners.contract.search_space import IndexVector, SearchSpace

_PERTURBATIONS = 8  # of a continuous number: its part of a neighbourhood


def mutate(space: SearchSpace, vector: IndexVector, rng: Random) -> IndexVector:
    """Change one active decision to another value; what becomes active is drawn.

    The vector itself only where no decision has an alternative.
    """
    free = _free(space, vector)
    if not free:
        return vector
    position = free[int(rng.random() * len(free))]
    entry = vector[position]
    assert entry is not None
    changed = list(vector)
    changed[position] = space.decisions[position].domain.mutate(entry, rng)
    return space.complete(changed, rng)


def crossover(
    space: SearchSpace, first: IndexVector, second: IndexVector, rng: Random
) -> IndexVector:
    """Take each decision from either parent with equal probability (uniform crossover).

    What is active in the child and in one parent only comes from that one; what is active in
    neither is drawn.
    """
    child = []
    for pair in zip(first, second, strict=True):
        one, other = pair if rng.random() < 0.5 else pair[::-1]
        child.append(other if one is None else one)
    return space.complete(child, rng)


def neighbours(
    space: SearchSpace, vector: IndexVector, *, seed: object = 0
) -> Iterator[IndexVector]:
    """Every architecture that differs by one changed decision: lazily, each once, in order.

    One changed decision is any other alternative of a choice; one candidate of a subset swapped,
    added or dropped; 1, 2, 4, ... steps up or down a grid; eight perturbations of a continuous
    number. What becomes active is drawn. Perturbations and draws are functions of the vector and
    ``seed``: the neighbourhood of an architecture is finite, and always the same.
    """
    return iter(Neighbourhood(space, vector, seed=seed))


class Neighbourhood:
    """What :func:`neighbours` lists, for those who want only some of it.

    Args:
        space: The search space.
        vector: A canonical vector, not part of its own neighbourhood.
        seed: Of perturbations and of what becomes active.
    """

    def __init__(self, space: SearchSpace, vector: IndexVector, *, seed: object = 0) -> None:
        self._space, self._vector, self._seed = space, vector, seed
        self._free = _free(space, vector)
        counts = [_count(space.decisions[i].domain, self._entry(i)) for i in self._free]
        self._bounds = list(accumulate(counts))

    def __len__(self) -> int:
        return self._bounds[-1] if self._bounds else 0

    def __iter__(self) -> Iterator[IndexVector]:
        for position in self._free:
            for entry in self._alternatives(position):
                yield self._changed(position, entry)

    def draw(self, rng: Random) -> IndexVector | None:
        """A neighbour, all with equal probability; None if there is none."""
        if not self._free:
            return None
        ticket = rng.randrange(self._bounds[-1])
        place = next(i for i, bound in enumerate(self._bounds) if ticket < bound)
        position = self._free[place]
        domain, entry = self._space.decisions[position].domain, self._entry(position)
        if isinstance(domain, (Categorical, Subset)):
            return self._changed(position, domain.mutate(entry, rng))
        return self._changed(position, rng.choice(self._alternatives(position)))

    def _alternatives(self, position: int) -> list[Entry]:
        domain, entry = self._space.decisions[position].domain, self._entry(position)
        if isinstance(domain, Categorical):
            return [other for other in range(domain.size) if other != entry]
        if isinstance(domain, Subset):
            return [*domain.neighbours(entry)]
        if isinstance(domain, Grid):
            return [*_grid_steps(domain, int(entry))]
        rng = Random(f"{self._seed}:{position}:{self._vector}")
        drawn = [domain.mutate(entry, rng) for _ in range(_PERTURBATIONS)]
        return [*dict.fromkeys(drawn)]  # rounded numbers may coincide

    def _changed(self, position: int, entry: Entry) -> IndexVector:
        changed = list(self._vector)
        changed[position] = entry
        if self._space.is_flat:
            return tuple(changed)
        return self._space.complete(changed, Random(f"{self._seed}:{changed}"))

    def _entry(self, position: int) -> Entry:
        entry = self._vector[position]
        assert entry is not None, "only active decisions are changed"
        return entry


def _free(space: SearchSpace, vector: IndexVector) -> list[int]:
    """The active decisions that have an alternative."""
    return [
        position
        for position, entry in enumerate(vector)
        if entry is not None and space.decisions[position].domain.size > 1
    ]


def _count(domain: Domain, entry: Entry) -> int:
    """How many alternatives an entry has within one change."""
    if isinstance(domain, Categorical):
        return domain.size - 1
    if isinstance(domain, Continuous):
        return _PERTURBATIONS
    if isinstance(domain, Grid):
        return sum(1 for _ in _grid_steps(domain, int(entry)))
    k, n = len(domain.chosen(entry)), domain.n
    return k * (n - k) + (n - k if k < domain.high else 0) + (k if k > domain.low else 0)


def _grid_steps(domain: Grid, entry: int) -> Iterator[int]:
    step = 1
    while step < domain.size:
        if entry + step < domain.size:
            yield entry + step
        if entry - step >= 0:
            yield entry - step
        step *= 2

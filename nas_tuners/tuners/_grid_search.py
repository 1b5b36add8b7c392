"""Exhaustive search."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import final

from nas_tuners.contract.domains import Continuous, Entry
from nas_tuners.contract.errors import SearchSpaceExhausted
from nas_tuners.contract.search_space import Decision, IndexVector, SearchSpace

from ._base import Ask, OptimizeMode, Tuner

_FINEST = 20  # a grid of a million points a number: finer only repeats rounded values


@final
class GridSearchTuner(Tuner):
    """Every architecture once, in lexicographic order.

    Continuous numbers take the quantiles 1/2, then 1/4 and 3/4, then odd eighths, and so on: each
    refinement of the grid starts when the coarser one is done, and a space with such numbers never
    ends. Asking and telling cost O(number of decisions), amortized.

    Example::

        tuner = GridSearchTuner()
    """

    multi_objective = True
    enumerates = True
    _attempts = 1  # what it proposes is new

    def __init__(
        self, *, optimize_mode: OptimizeMode = "maximize", seed: int | None = None
    ) -> None:
        super().__init__(optimize_mode=optimize_mode, seed=seed)
        self._grids: list[_Grid] = []  # the coarsest first

    def _propose(self, ask: Ask) -> IndexVector:
        pending = set(ask.pending.values())
        level = 0
        while (vector := self._grid(level).first_new(self._evaluated, pending)) is None:
            level += 1
        return vector

    def _grid(self, level: int) -> _Grid:
        if level and (level > _FINEST or isinstance(self.space.size, int)):
            raise SearchSpaceExhausted("every point of the grid has been proposed")
        if level == len(self._grids):
            self._grids.append(_Grid(self.space, level))
        return self._grids[level]


class _Grid:
    """The points of one level.

    What is evaluated is passed by for good. What is pending is put aside: a trial may die, and its
    point is due again. Thus no point is walked over twice, however long a trial runs.
    """

    def __init__(self, space: SearchSpace, level: int) -> None:
        self._space = space
        self._entries = [_entries(decision, level) for decision in space.decisions]
        self._sizes = [_length(entries) for entries in self._entries]
        self._places = space.successor(None, self._sizes)  # of the point to look at next
        self._aside: list[IndexVector] = []  # before it, pending when they were looked at

    def first_new(
        self, evaluated: AbstractSet[IndexVector], pending: AbstractSet[IndexVector]
    ) -> IndexVector | None:
        """The first point that is neither evaluated nor pending; None if there is none."""
        self._aside = [vector for vector in self._aside if vector not in evaluated]
        for vector in self._aside:
            if vector not in pending:
                return vector
        while self._places is not None:
            vector = self._vector(self._places)
            if vector not in evaluated and vector not in pending:
                return vector
            if vector not in evaluated:
                self._aside.append(vector)
            self._places = self._space.successor(self._places, self._sizes)
        return None

    def _vector(self, places: IndexVector) -> IndexVector:
        return tuple(
            None if place is None else entries[int(place)]
            for place, entries in zip(places, self._entries, strict=True)
        )


def _length(entries: Sequence[Entry]) -> int:
    # A key may have more subsets than len() can say.
    return entries.stop if isinstance(entries, range) else len(entries)


def _entries(decision: Decision, level: int) -> Sequence[Entry]:
    domain = decision.domain
    if not isinstance(domain, Continuous):
        return range(domain.size)
    points = 2 ** (level + 1)
    return list(dict.fromkeys(domain.from_unit(i / points) for i in range(1, points)))

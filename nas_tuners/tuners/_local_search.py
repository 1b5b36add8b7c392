"""Local search."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, final

from nas_tuners.contract.search_space import IndexVector

from ._base import Ask, OptimizeMode, Result, Tuner
from ._encoding import Neighbourhood
from ._options import require_whole
from ._unseen import draw_unseen

_DRAWS = 30  # from a neighbourhood, before what is unseen of it is listed


@dataclass
class _Member:
    merit: tuple[float, ...]
    vector: IndexVector
    is_expanded: bool = False  # every neighbour has been evaluated, or is refused


@dataclass
class _Climb:
    results: int = 0  # that succeeded
    best: list[_Member] = field(default_factory=list)


@final
class LocalSearchTuner(Tuner):
    """Hill climbing, best first, started again when a climb is over.

    White, Nolen, Savani: Exploring the Loss Landscape in Neural Architecture Search, UAI 2021
    (https://arxiv.org/abs/2005.02960), algorithm 1, in the variant that moves as soon as it finds
    something better. A climb starts with ``num_starts`` architectures drawn at random. Then it
    proposes a random unseen neighbour (one changed decision) of its best architecture; of the
    second best when all neighbours of the best are known; and so on down to the
    ``num_expanded``-th. When these have no unseen neighbour either, the climb is over, and another
    one starts. Going on below the best helps where results are noisy or flat, starting again
    where there are several peaks. Equal results rank in the order in which they came, so a climb
    leaves a plateau once the neighbours of its first ``num_expanded`` members are known.

    "Seen" is what has been evaluated, successfully or not, or is pending. So a neighbourhood is a
    natural batch, and a late result that improves an old climb opens that climb again. Which climb
    a trial belongs to is kept in its note; results of others join the newest climb.

    Grids count 1, 2, 4, ... steps as one change, and a continuous number has eight fixed
    perturbations, so every neighbourhood is finite. Asking costs O(number of decisions + pending
    trials), or the size of a neighbourhood when little of it is left; telling costs
    O(num_expanded). Neither grows with the history.

    Args:
        num_starts: Random architectures at the foot of each climb.
        num_expanded: How many of a climb's best architectures have all their neighbours tried
            before the climb is over. With 1 it ends at a local optimum, as in the paper.
        optimize_mode: See :class:`Tuner`.
        seed: See :class:`Tuner`.
        dedup: See :class:`Tuner`.

    Example::

        tuner = LocalSearchTuner(seed=0)
    """

    _attempts = 1  # what it proposes is new

    def __init__(
        self,
        *,
        num_starts: int = 10,
        num_expanded: int = 5,
        optimize_mode: OptimizeMode = "maximize",
        seed: int | None = None,
        dedup: bool = True,
    ) -> None:
        super().__init__(optimize_mode=optimize_mode, seed=seed, dedup=dedup)
        require_whole(num_starts=num_starts, num_expanded=num_expanded)
        if num_starts < 1 or num_expanded < 1:
            raise ValueError(
                "`num_starts >= 1` and `num_expanded >= 1` must hold, but got "
                f"(num_starts={num_starts}, num_expanded={num_expanded})."
            )
        self.num_starts = num_starts
        self.num_expanded = num_expanded
        self._climbs: dict[int, _Climb] = {}
        self._newest = 0
        self._open: set[int] = set()  # the climbs that are not over

    def _propose(self, ask: Ask) -> IndexVector:
        pending = set(ask.pending.values())
        running = (number for number in ask.pending if number >= 0)
        waiting = Counter(self._climb_of(self.proposal_note(number)) for number in running)
        ticket = ask.rng.getrandbits(64)
        for number in sorted(self._open):
            climb = self._climbs[number]
            ask.note = {"climb": number}
            if climb.results + waiting[number] < self.num_starts:
                return self._start(pending, ask.rng)
            vector = self._unseen_neighbour(climb, ask, pending, ticket)
            if vector is not None:
                return vector
            if climb.results >= self.num_starts and all(m.is_expanded for m in climb.best):
                self._open.remove(number)
        ask.note = {"climb": self._to_start(waiting)}
        return self._start(pending, ask.rng)

    def _learn(self, result: Result) -> None:
        if result.merit is None:
            return
        number = self._climb_of(result.note)
        self._newest = max(self._newest, number)
        climb = self._climbs.setdefault(number, _Climb())
        climb.results += 1
        place = sum(member.merit >= result.merit for member in climb.best)
        if place < self.num_expanded:
            climb.best.insert(place, _Member(result.merit, result.vector))
            del climb.best[self.num_expanded :]
            self._open.add(number)

    def _climb_of(self, note: Mapping[str, Any] | None) -> int:
        number = (note or {}).get("climb", self._newest)
        return number if isinstance(number, int) else self._newest

    def _to_start(self, waiting: Mapping[int, int]) -> int:
        """The newest climb while it has no results: it never waits for them; else the next."""
        newest = max(self._newest, *waiting, 0)
        return newest + (newest in self._climbs)

    def _start(self, pending: set[IndexVector], rng: Random) -> IndexVector:
        if not self.dedup:
            return self.space.sample(rng)
        return draw_unseen(self.space, rng, self._evaluated, pending)

    def _unseen_neighbour(
        self, climb: _Climb, ask: Ask, pending: set[IndexVector], ticket: int
    ) -> IndexVector | None:
        for member in climb.best:
            if not member.is_expanded:
                # A generator of its own: what is skipped as expanded must not change the draws.
                vector = self._unseen_neighbour_of(member, ask, pending, Random(ticket))
                if vector is not None:
                    return vector
        return None

    def _unseen_neighbour_of(
        self, member: _Member, ask: Ask, pending: set[IndexVector], rng: Random
    ) -> IndexVector | None:
        neighbourhood = Neighbourhood(self.space, member.vector, seed=self.seed)
        for _ in range(_DRAWS):
            vector = neighbourhood.draw(rng)
            if vector is None or vector in self._evaluated or vector in pending:
                continue
            if ask.accepts(vector):
                return vector
        left = [v for v in neighbourhood if v not in self._evaluated and ask.accepts(v)]
        member.is_expanded = not left
        unseen = [vector for vector in left if vector not in pending]
        return rng.choice(unseen) if unseen else None

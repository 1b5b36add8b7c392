"""The loop over proposals of which some are refused."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import final

from nas_tuners.contract.constraints import ATTEMPTS, tally
from nas_tuners.contract.errors import SearchSpaceExhausted, TunerError
from nas_tuners.contract.search_space import IndexVector, SearchSpace

from ._acceptance import Acceptance, Verdicts
from ._exchange import Ask

_GONE_THROUGH = 100_000  # architectures of a space whose enumeration may come to its own end


@final
class ProposalFilter:
    """Takes the first of some proposals that nothing speaks against, or gives up.

    Args:
        space: Whose constraints are kept.
    """

    def __init__(self, space: SearchSpace) -> None:
        self._space = space
        self._verdicts = Verdicts(space)
        self._passed_over = Refusals()  # of an enumeration, for good

    def first(
        self, proposals: Iterable[IndexVector], ask: Ask, acceptance: Acceptance | None
    ) -> IndexVector:
        """Of proposals that are made for one trial.

        What is refused stands as pending under a number below 0, and is forgotten with the trial:
        the suggestion does not depend on what this process has seen refused.

        Raises:
            SearchSpaceExhausted: at the end of the proposals, with what was refused.
            TunerError: if too many are refused.
        """
        refusals = Refusals()

        def set_aside(vector: IndexVector) -> None:
            ask.pending[-refusals.count] = vector

        allowed = self._verdicts.attempts(acceptance)
        return self._first(
            proposals, ask, acceptance, refusals=refusals, allowed=allowed, set_aside=set_aside
        )

    def following(
        self,
        proposals: Iterable[IndexVector],
        ask: Ask,
        acceptance: Acceptance | None,
        *,
        trials: int,
        evaluated: set[IndexVector],
    ) -> IndexVector:
        """Of an enumeration, which passes over what is refused for good.

        Args:
            proposals: Those that are not evaluated.
            ask: Of the trial.
            acceptance: What the trial must keep to besides.
            trials: How many there were. After a restart the enumeration passes over what it did
                for them, too, which shall not cost its patience.
            evaluated: To which it adds what is refused.

        Raises:
            SearchSpaceExhausted: as :meth:`first`.
            TunerError: as :meth:`first`.
        """
        return self._first(
            proposals,
            ask,
            acceptance,
            refusals=self._passed_over,
            allowed=self._allowed_of_enumeration(self._verdicts.attempts(acceptance), trials),
            set_aside=evaluated.add,
        )

    def _allowed_of_enumeration(self, attempts: int, trials: int) -> float:
        """How many refusals in all.

        An enumeration refuses in runs, as neighbours share most of their choices: a long one does
        not tell that little fits. A small space ends by itself, and is left to, except where the
        user wants less patience than usual.
        """
        if attempts >= ATTEMPTS and self._space.size <= _GONE_THROUGH:
            return math.inf
        return attempts * (1 + trials)

    def _first(
        self,
        proposals: Iterable[IndexVector],
        ask: Ask,
        acceptance: Acceptance | None,
        *,
        refusals: Refusals,
        allowed: float,
        set_aside: Callable[[IndexVector], None],
    ) -> IndexVector:
        ask.accepts = lambda vector: not self._verdicts.objections(vector, acceptance)
        try:
            for vector in proposals:
                objections = self._verdicts.objections(vector, acceptance)
                if not objections:
                    return vector
                refusals.add(objections)
                ask.note = None
                set_aside(vector)
                if refusals.count >= allowed:
                    raise refusals.too_many()
        except SearchSpaceExhausted as error:
            raise refusals.exhausted(error) from error
        raise AssertionError("proposals do not end without an exception")


class Refusals:
    """How many proposals were refused, and by what."""

    def __init__(self) -> None:
        self.count = 0
        self._by: Counter[str] = Counter()

    def add(self, objections: Sequence[str]) -> None:
        """One more."""
        self.count += 1
        self._by.update(objections)

    def exhausted(self, error: SearchSpaceExhausted) -> SearchSpaceExhausted:
        """The end of a search, with what was refused until then."""
        told = f", apart from what was refused ({tally(self._by)})" if self.count else ""
        return SearchSpaceExhausted(f"{error}{told}")

    def too_many(self) -> TunerError:
        """The end of all patience."""
        return TunerError(
            f"{self.count:,} proposals were refused ({tally(self._by)}), and the search gives up: "
            "relax the constraint, or allow more `attempts`"
        )

"""What has changed in a study, without going through all of its trials."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, final

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial


class News(NamedTuple):
    """What a look at a study has shown.

    Attributes:
        finished: The trials that have ended since the last look.
        unfinished: All that wait or run.
    """

    finished: list[FrozenTrial]
    unfinished: list[FrozenTrial]


@final
class TrialWatch:
    """Looks at a study's trials again and again, each time only at those that can have changed.

    A study only grows, at its end, and a trial that has ended stays as it is. A list of which that
    is not true is gone through from its beginning, and then what has ended is told once more.
    """

    def __init__(self) -> None:
        self._seen = 0
        self._latest: int | None = None  # number of the last one seen
        self._open: list[int] = []  # places of those that had not ended

    def look(self, trials: Sequence[FrozenTrial]) -> News:
        """What is new in the list of all trials."""
        if not self._goes_on(trials):
            self._seen, self._open = 0, []
        places = [*self._open, *range(self._seen, len(trials))]
        ended = {place for place in places if trials[place].state.is_finished()}
        self._open = [place for place in places if place not in ended]
        self._seen = len(trials)
        self._latest = trials[-1].number if trials else None
        finished = [trials[place] for place in places if place in ended]
        return News(finished, [trials[place] for place in self._open])

    def _goes_on(self, trials: Sequence[FrozenTrial]) -> bool:
        """Whether it begins with what was seen, as far as the last of that tells."""
        if self._seen == 0:
            return True
        return len(trials) >= self._seen and trials[self._seen - 1].number == self._latest

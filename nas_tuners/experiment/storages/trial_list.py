"""The trials of a study, read again and again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, final

if TYPE_CHECKING:
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial


@final
class TrialList:
    """Reads only the trials that can have changed, where a storage gives single ones cheaply.

    Optuna makes a list of all trials at each call, which takes longer the more there are. A study
    only grows, at its end, and a trial that has ended stays as it is. From a database single
    trials cost a query each; there Optuna itself reads what has changed, all at once.

    Args:
        storage: Any of Optuna's.
        study_id: Which study in it.
    """

    def __init__(self, storage: BaseStorage, study_id: int) -> None:
        self._storage, self._study_id = storage, study_id
        self._single = _gives_single_trials(storage)
        self._trials: list[FrozenTrial] = []
        self._unfinished: list[int] = []

    def read(self) -> Sequence[FrozenTrial]:
        """All trials by number, as they are now; to be read before the next call only."""
        if not self._single:
            return self._all()
        for number in self._unfinished:
            self._trials[number] = self._storage.get_trial(self._trials[number]._trial_id)
        for trial in self._new():
            self._unfinished.append(trial.number)
            self._trials.append(trial)
        self._unfinished = [n for n in self._unfinished if not self._trials[n].state.is_finished()]
        return self._trials

    def _new(self) -> Iterator[FrozenTrial]:
        if not self._trials:
            yield from self._all()
        while (trial_id := self._next_id()) is not None:
            yield self._storage.get_trial(trial_id)

    def _next_id(self) -> int | None:
        number = len(self._trials)
        try:
            return self._storage.get_trial_id_from_study_id_trial_number(self._study_id, number)
        except KeyError:  # there is none yet
            return None

    def _all(self) -> list[FrozenTrial]:
        return self._storage.get_all_trials(self._study_id, deepcopy=False)


def _gives_single_trials(storage: BaseStorage) -> bool:
    from optuna.storages import InMemoryStorage, JournalStorage

    return isinstance(storage, InMemoryStorage | JournalStorage)

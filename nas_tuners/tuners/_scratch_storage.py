"""An in-memory Optuna storage of one study that can forget its newest trials."""

from __future__ import annotations

from typing import final

from optuna.storages import InMemoryStorage


@final
class ScratchStorage(InMemoryStorage):
    """Lets a suggestion be made on a study with pending trials, and leave no trace.

    Optuna's storages only grow. Trial ids equal trial numbers here, so that a study that forgot
    and one that never knew are the same.
    """

    @property
    def n_trials(self) -> int:
        """The number of trials of the one study."""
        return sum(len(study.trials) for study in self._studies.values())

    def forget_after(self, count: int) -> None:
        """Drop all trials but the first ``count``, which must be finished ones.

        What a sampler cached in the study goes too: it may rest on what is dropped.
        """
        with self._lock:
            for study in self._studies.values():
                study.system_attrs.clear()
                for trial in study.trials[count:]:
                    del self._trial_id_to_study_id_and_number[trial._trial_id]
                del study.trials[count:]
            self._max_trial_id = count - 1

"""Reading a study through Optuna: journals, proxies, and studies in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from nas_tuners.contract.study_attributes import excess_of

from .reader import Batch, Curve, WholeTrial, thinned, which_study
from .rows import RawTrial, StudyFacts

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial

_PIECE = 2000  # trials in one batch


class ObjectReader:
    """A study in any storage of Optuna's.

    Args:
        storage: The storage; only read.
        study_name: Which study; None for the only one.
        close: Called at the end.

    Raises:
        ExperimentError: if there is no such study, or several where one was meant.
    """

    def __init__(
        self,
        storage: BaseStorage,
        study_name: str | None = None,
        close: Callable[[], None] = lambda: None,
    ) -> None:
        from nas_tuners.experiment.storages.trial_list import TrialList

        self._storage, self.close = storage, close
        studies = [(study._study_id, study.study_name) for study in storage.get_all_studies()]
        self._study_id, self._name = which_study(studies, study_name)
        self._list = TrialList(storage, self._study_id)
        self.distributions: dict[str, BaseDistribution] = {}
        self._trials: list[FrozenTrial] = []
        self._done = 0
        self._unfinished: dict[int, RawTrial] = {}

    def facts(self) -> StudyFacts:
        storage, study_id = self._storage, self._study_id
        return StudyFacts(
            self._name,
            [direction.name.lower() for direction in storage.get_study_directions(study_id)],
            storage.get_study_system_attrs(study_id).get("study:metric_names"),
            storage.get_study_user_attrs(study_id),
        )

    def read(self) -> Batch:
        if self._done == len(self._trials):
            self._trials = list(self._list.read())
        end = min(self._done + _PIECE, len(self._trials))
        known = [self._trials[number] for number in self._unfinished]
        fresh = self._trials[self._done : end]
        self._done = end
        changed = [raw for raw in map(self._raw, [*known, *fresh]) if self._note(raw)]
        return Batch(changed, end, len(self._trials), more=end < len(self._trials))

    def whole(self, number: int) -> WholeTrial | None:
        if not 0 <= number < len(self._trials):
            return None
        trial = self._storage.get_trial(self._trials[number]._trial_id)
        return WholeTrial(self._raw(trial), sorted(trial.intermediate_values.items()))

    def numbers_with_curves(self) -> list[int]:
        return [trial.number for trial in self._trials if trial.intermediate_values]

    def curves(self, numbers: Iterable[int]) -> dict[int, Curve]:
        return dict(self._curves(numbers))

    def _curves(self, numbers: Iterable[int]) -> Iterator[tuple[int, Curve]]:
        for number in numbers:
            if 0 <= number < len(self._trials):
                points = sorted(self._trials[number].intermediate_values.items())
                yield number, thinned(points)

    def _note(self, raw: RawTrial) -> bool:
        before = self._unfinished.pop(raw.number, None)
        if raw.state in ("running", "waiting"):
            self._unfinished[raw.number] = raw
        return raw != before

    def _raw(self, trial: FrozenTrial) -> RawTrial:
        self.distributions.update(trial.distributions)
        start, end = trial.datetime_start, trial.datetime_complete
        return RawTrial(
            number=trial.number,
            state=trial.state.name.lower(),
            values=list(trial.values or ()),
            start=start.timestamp() if start else None,
            end=end.timestamp() if end else None,
            parameters={
                name: trial.distributions[name].to_internal_repr(value)
                for name, value in trial.params.items()
            },
            attributes=dict(trial.user_attrs),
            excess=_excess(trial),
        )


def _excess(trial: FrozenTrial) -> dict[str, float]:
    excess = excess_of(trial)
    old: Any = trial.system_attrs.get("constraints")  # as Optuna wrote them before version 5
    if not excess and isinstance(old, (list, tuple)):
        excess = {str(index): float(x) for index, x in enumerate(old)}
    return excess

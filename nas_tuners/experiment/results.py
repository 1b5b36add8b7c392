"""What an experiment has found, read from its study."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nas_tuners.contract.architecture import to_architecture
from nas_tuners.contract.flat_encoding import FlatEncoding
from nas_tuners.contract.search_space import SearchSpace
from nas_tuners.contract.study_attributes import ARCHITECTURE_ATTR, ENCODING_ATTR, excess_of

from .folder import ExperimentFolder
from .storage import open_storage, storage_file
from .study import REASON_ATTR, study_name

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial


@dataclass(frozen=True)
class TrialResult:
    """One trial of a study.

    Attributes:
        number: Its number.
        state: Optuna's, in lower case.
        value: Of the objective; None if it is not complete.
        architecture: What it tries, as people write it.
        seconds: How long it took; None while it runs.
        reason: Why it failed.
        excess: Bounded metric -> by how much it is beyond its bound.
    """

    number: int
    state: str
    value: float | None
    architecture: dict[str, Any]
    seconds: float | None
    reason: str | None
    excess: Mapping[str, float]

    @property
    def feasible(self) -> bool:
        """Whether it is within all bounds."""
        return all(excess <= 0 for excess in self.excess.values())


@dataclass(frozen=True)
class Results:
    """All trials of a study."""

    trials: tuple[TrialResult, ...]
    maximize: bool

    def best(self, count: int) -> list[TrialResult]:
        """The complete trials with the best values, the best first; beyond bounds come last."""
        complete = [trial for trial in self.trials if trial.state == "complete"]
        complete.sort(key=self._rank)
        return complete[:count]

    def states(self) -> Counter[str]:
        """How many trials are in which state."""
        return Counter(trial.state for trial in self.trials)

    def _rank(self, trial: TrialResult) -> tuple[bool, float, int]:
        assert trial.value is not None, "a complete trial has a value"
        cost = -trial.value if self.maximize else trial.value
        return (not trial.feasible, cost, trial.number)


def read_results(folder: ExperimentFolder) -> Results:
    """Read the study of an experiment, running or not.

    Raises:
        ExperimentError: if its storage cannot be opened.
    """
    import optuna

    config = folder.config()
    maximize = config.optimize_mode == "maximize"
    file = storage_file(folder.storage_url)
    if file is not None and not file.exists():
        return Results((), maximize)  # the runner has only just begun
    with open_storage(folder.storage_url) as storage:
        try:
            study = optuna.load_study(study_name=study_name(config), storage=storage)
        except KeyError:
            return Results((), maximize)
        space = folder.space()
        trials = tuple(_read_trial(study, space, trial) for trial in study.trials)
    return Results(trials, maximize)


def _read_trial(study: Study, space: SearchSpace, trial: FrozenTrial) -> TrialResult:
    return TrialResult(
        number=trial.number,
        state=trial.state.name.lower(),
        value=trial.value,
        architecture=_architecture(study, space, trial),
        seconds=trial.duration.total_seconds() if trial.duration else None,
        reason=trial.user_attrs.get(REASON_ATTR),
        excess=excess_of(trial),
    )


def _architecture(study: Study, space: SearchSpace, trial: FrozenTrial) -> dict[str, Any]:
    """The recorded one, or what the parameters of a trial that others added mean."""
    if ARCHITECTURE_ATTR in trial.user_attrs:
        return dict(trial.user_attrs[ARCHITECTURE_ATTR])
    encoding = FlatEncoding(space, study.user_attrs.get(ENCODING_ATTR, "auto"))
    try:
        return to_architecture(space, encoding.decode(trial.params))
    except (KeyError, ValueError):
        return {}

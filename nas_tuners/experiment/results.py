"""What an experiment has found, read from its study."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nas_tuners.contract.architecture import to_architecture
from nas_tuners.contract.errors import did_you_mean
from nas_tuners.contract.flat_encoding import FlatEncoding
from nas_tuners.contract.search_space import SearchSpace
from nas_tuners.contract.study_attributes import ARCHITECTURE_ATTR, ENCODING_ATTR, excess_of

from .folder import ExperimentFolder
from .outcome import is_number, metric_names
from .records import REASON_ATTR, SECONDS_ATTR, result_of
from .storages.storage import open_storage, storage_file
from .study_setup import goals_of, main_direction, study_name

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial

    from nas_tuners.tuners._goals import Goals


@dataclass(frozen=True)
class TrialResult:
    """One trial of a study.

    Attributes:
        number: Its number.
        state: Optuna's, in lower case.
        value: What it reported as ``default``; None if it is not complete.
        architecture: What it tries, as people write it.
        seconds: How long it took. If it ran more than once: its last run, or with budgets the last
            at each. None while it runs, or if the clock was set back meanwhile.
        reason: Why it failed.
        excess: Bounded metric -> by how much it is beyond its bound.
        metrics: All that it reported, ``default`` included; empty if it is not complete.
    """

    number: int
    state: str
    value: float | None
    architecture: dict[str, Any]
    seconds: float | None
    reason: str | None
    excess: Mapping[str, float]
    metrics: Mapping[str, Any]

    @property
    def feasible(self) -> bool:
        """Whether it is within all bounds."""
        return all(excess <= 0 for excess in self.excess.values())

    def number_of(self, metric: str) -> float | None:
        """A metric; None if it is missing or is no number."""
        value: Any = self.metrics.get(metric)
        return float(value) if is_number(value) else None


@dataclass(frozen=True)
class Results:
    """All trials of a study.

    Attributes:
        trials: By number.
        maximize: Whether a high ``default`` is good.
        goals: What the experiment is after.
    """

    trials: tuple[TrialResult, ...]
    maximize: bool
    goals: Goals

    @property
    def further_metrics(self) -> list[str]:
        """What the goals name beside the first objective."""
        return metric_names(self.goals)[1:]

    @property
    def several_objectives(self) -> bool:
        return len(self.goals.objectives) > 1

    def best(self, count: int) -> list[TrialResult]:
        """The complete trials with the best values, the best first; beyond bounds come last."""
        complete = [trial for trial in self.trials if trial.state == "complete"]
        complete.sort(key=self._rank)
        return complete[:count]

    def front(self) -> list[TrialResult]:
        """The trials within all bounds that no other such trial dominates, by the first objective.

        A trial dominates another that is better in no objective and worse in one.
        """
        from nas_tuners.tuners._pareto import non_dominated

        feasible = [trial for trial in self.trials if trial.feasible]
        scored = [(scores, trial) for trial in feasible if (scores := self._scores(trial))]
        front = [scored[place] for place in non_dominated([scores for scores, _ in scored])]
        front.sort(key=lambda pair: (-pair[0][0], pair[1].number))
        return [trial for _, trial in front]

    def states(self) -> Counter[str]:
        """How many trials are in which state."""
        return Counter(trial.state for trial in self.trials)

    def tried(self) -> int:
        """How many different architectures the trials try."""
        tried = (trial.architecture for trial in self.trials if trial.architecture)
        return len({json.dumps(architecture, sort_keys=True) for architecture in tried})

    def why_none_is_feasible(self) -> str:
        """As a clause; only where it is so, and trials have succeeded."""
        bounded = [metric for metric, _, _ in self.goals.bounds]
        return self._unreported(bounded) or "no trial is within its bounds"

    def why_front_is_empty(self) -> str:
        """As a clause; only where it is so, and trials have succeeded."""
        every = "no trial within its bounds reports every objective"
        return self._unreported(metric_names(self.goals)) or every

    def _rank(self, trial: TrialResult) -> tuple[bool, float, int]:
        assert trial.value is not None, "a complete trial has a value"
        cost = -trial.value if self.maximize else trial.value
        return (not trial.feasible, cost, trial.number)

    def _unreported(self, metrics: Iterable[str]) -> str:
        """That no trial reports one of the metrics; an empty text if each is reported."""
        reported = {metric for trial in self.trials for metric in trial.metrics}
        for metric in metrics:
            if metric not in reported:
                hint = did_you_mean(metric, reported - set(metric_names(self.goals)))
                return f"no trial reports {metric!r}, which optimize_mode names{hint}"
        return ""

    def _scores(self, trial: TrialResult) -> list[float]:
        """One number an objective, higher is better; none at all if one is not known."""
        numbers = [(trial.number_of(metric), sign) for metric, sign in self.goals.objectives]
        scores = [sign * number for number, sign in numbers if number is not None]
        return scores if len(scores) == len(numbers) else []


def read_results(folder: ExperimentFolder) -> Results:
    """Read the study of an experiment, running or not.

    Raises:
        ExperimentError: if its storage cannot be opened.
    """
    import optuna

    config = folder.config()
    goals = goals_of(config)
    maximize = main_direction(goals) == "maximize"
    file = storage_file(folder.storage_url)
    if file is not None and not file.exists():
        return Results((), maximize, goals)  # the runner has only just begun
    with open_storage(folder.storage_url) as storage:
        try:
            study = optuna.load_study(study_name=study_name(config), storage=storage)
        except KeyError:
            return Results((), maximize, goals)
        return results_of(study, folder.space(), goals)


def results_of(study: Study, space: SearchSpace, goals: Goals) -> Results:
    """What a study holds.

    Args:
        study: The study.
        space: What it searches.
        goals: What it is after.
    """
    trials = study.get_trials(deepcopy=False)  # a copy of thousands takes longer than reading them
    return Results(
        tuple(_read_trial(study, space, goals, trial) for trial in trials),
        main_direction(goals) == "maximize",
        goals,
    )


def _read_trial(study: Study, space: SearchSpace, goals: Goals, trial: FrozenTrial) -> TrialResult:
    return TrialResult(
        number=trial.number,
        state=trial.state.name.lower(),
        value=trial.values[0] if trial.values else None,
        architecture=_architecture(study, space, trial),
        seconds=_seconds(trial),
        reason=trial.user_attrs.get(REASON_ATTR),
        excess=excess_of(trial),
        metrics=_metrics(goals, trial),
    )


def _seconds(trial: FrozenTrial) -> float | None:
    ran: Any = trial.user_attrs.get(SECONDS_ATTR)  # without the pauses between its runs
    if is_number(ran):
        return float(ran)
    seconds = trial.duration.total_seconds() if trial.duration else -1.0
    return seconds if seconds >= 0 else None


def _metrics(goals: Goals, trial: FrozenTrial) -> Mapping[str, Any]:
    if trial.state.name != "COMPLETE":
        return {}
    result = result_of(trial)
    if isinstance(result, dict):
        return goals.named(result)
    names = [metric for metric, _ in goals.objectives]
    return goals.named(dict(zip(names, result, strict=True)))


def _architecture(study: Study, space: SearchSpace, trial: FrozenTrial) -> dict[str, Any]:
    """The recorded one, or what the parameters of a trial that others added mean."""
    if ARCHITECTURE_ATTR in trial.user_attrs:
        return dict(trial.user_attrs[ARCHITECTURE_ATTR])
    encoding = FlatEncoding(space, study.user_attrs.get(ENCODING_ATTR, "auto"))
    try:
        return to_architecture(space, encoding.decode(trial.params))
    except (KeyError, ValueError):
        return {}

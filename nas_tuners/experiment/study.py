"""The study of an experiment: the only record of what was tried and found."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from nas_tuners.contract.architecture import to_architecture, to_parameters
from nas_tuners.contract.errors import ConfigError, ExperimentError, Problem, TunerError
from nas_tuners.contract.search_space import SearchSpace
from nas_tuners.contract.study_attributes import ARCHITECTURE_ATTR, CONSTRAINT_PREFIX, NOTE_ATTR
from nas_tuners.contract.trial_io import Assignment, Metric

from .config import ExperimentConfig
from .outcome import Complete, Outcome
from .prior import Prior

if TYPE_CHECKING:
    from optuna.storages import BaseStorage
    from optuna.study import Study
    from optuna.trial import FrozenTrial

    from nas_tuners.contract.flat_encoding import FlatEncoding
    from nas_tuners.tuners._base import Tuner
    from nas_tuners.tuners._goals import Goals
    from nas_tuners.tuners._history import HistoryFollower, Proposal

_logger = logging.getLogger(__name__)

RUNNER_ATTR = "nas_tuners:runner"  # of a trial: the experiment that runs it
REASON_ATTR = "failure"  # of a failed trial: why
RESULT_ATTR = "result"  # of a trial that reported more than one number: all of them


@dataclass(frozen=True)
class StudyTrial:
    """A running trial: its id in the storage and what its process is given."""

    storage_id: int
    assignment: Assignment
    architecture: dict[str, Any]

    @property
    def number(self) -> int:
        return self.assignment.number


class ExperimentStudy:
    """Asks the tuner for trials and records them, with one write to the storage each.

    Args:
        study: The Optuna study.
        encoding: How architectures are written in it.
        follower: The tuner, which learns from the study's trials.
        goals: What the experiment is after.
        experiment_id: Marks the trials that this experiment runs.
        exclusive: Makes a context in which no other runner suggests.

    Attributes:
        goals: The same.
    """

    def __init__(
        self,
        study: Study,
        encoding: FlatEncoding,
        follower: HistoryFollower,
        *,
        goals: Goals,
        experiment_id: str,
        exclusive: Callable[[], AbstractContextManager[None]],
    ) -> None:
        from nas_tuners.tuners._study import distributions

        self._storage = study._storage
        self._study_id = study._study_id
        self._encoding = encoding
        self._distributions = distributions(encoding)
        self._space = encoding.space.to_dict()
        self._follower = follower
        self.goals = goals
        self._experiment_id = experiment_id
        self._exclusive = exclusive

    def ask(self, *, max_trials: int | None = None) -> StudyTrial | None:
        """The next trial, recorded as running; None once the study holds ``max_trials``.

        Raises:
            SearchSpaceExhausted: if the tuner has nothing left to propose.
            TunerError: if the tuner failed.
        """
        with self._exclusive():
            trials = self._storage.get_all_trials(self._study_id, deepcopy=False)
            if max_trials is not None and len(trials) >= max_trials:
                return None
            proposal = self._propose(trials)
            template = self._template(proposal)
            storage_id = self._storage.create_new_trial(self._study_id, template)
        number = self._storage.get_trial_number_from_id(storage_id)
        assignment = self._assignment(number, proposal.parameters)
        return StudyTrial(storage_id, assignment, template.user_attrs[ARCHITECTURE_ATTR])

    def unfinished(self) -> list[StudyTrial]:
        """The trials that this experiment left running when it last ended."""
        trials = self._storage.get_all_trials(self._study_id, deepcopy=False)
        return [self._restore(trial) for trial in trials if self._is_ours(trial)]

    def report(self, trial: StudyTrial, metric: Metric) -> None:
        """Record an intermediate result."""
        with _unless_told_by_others(trial):
            self._storage.set_trial_intermediate_value(
                trial.storage_id, metric.sequence, metric.default
            )

    def tell(self, trial: StudyTrial, outcome: Outcome) -> None:
        """Record how a trial ended."""
        from optuna.trial import TrialState

        set_attribute = self._storage.set_trial_user_attr
        set_state = self._storage.set_trial_state_values
        with _unless_told_by_others(trial):
            if not isinstance(outcome, Complete):
                set_attribute(trial.storage_id, REASON_ATTR, outcome.reason)
                set_state(trial.storage_id, TrialState.FAIL)
                return
            if isinstance(outcome.metric.value, dict) and len(outcome.metric.value) > 1:
                set_attribute(trial.storage_id, RESULT_ATTR, outcome.metric.value)
            for metric, excess in self.goals.beyond(outcome.metric.value).items():
                name = f"{CONSTRAINT_PREFIX}{metric}"
                self._storage.set_trial_system_attr(trial.storage_id, name, excess)
            set_state(trial.storage_id, TrialState.COMPLETE, [outcome.metric.default])

    def _propose(self, trials: list[FrozenTrial]) -> Proposal:
        number = len(trials)  # of the next trial, as nobody else makes one now
        try:
            return self._follower.propose(number, trials)
        except TunerError as error:
            raise TunerError(f"no architecture for trial {number}: {error}") from error

    def _template(self, proposal: Proposal) -> FrozenTrial:
        from optuna.trial import FrozenTrial, TrialState

        system_attrs: dict[str, Any] = {RUNNER_ATTR: self._experiment_id}
        if proposal.note is not None:
            system_attrs[NOTE_ATTR] = proposal.note
        architecture = to_architecture(self._encoding.space, proposal.vector)
        return FrozenTrial(
            number=-1,  # the storage gives both
            trial_id=-1,
            state=TrialState.RUNNING,
            value=None,
            datetime_start=datetime.now(),
            datetime_complete=None,
            params=self._encoding.encode(proposal.vector),
            distributions=self._distributions,
            user_attrs={ARCHITECTURE_ATTR: architecture},
            system_attrs=system_attrs,
            intermediate_values={},
        )

    def _is_ours(self, trial: FrozenTrial) -> bool:
        ours = trial.system_attrs.get(RUNNER_ATTR) == self._experiment_id
        return ours and not trial.state.is_finished()

    def _restore(self, trial: FrozenTrial) -> StudyTrial:
        vector = self._encoding.decode(trial.params)
        parameters = to_parameters(self._encoding.space, vector)
        assignment = self._assignment(trial.number, parameters)
        return StudyTrial(trial._trial_id, assignment, trial.user_attrs[ARCHITECTURE_ATTR])

    def _assignment(self, number: int, parameters: dict[str, Any]) -> Assignment:
        trial_id = f"{self._experiment_id}-{number:04d}"
        return Assignment(self._experiment_id, trial_id, number, parameters, self._space)


def result_of(trial: FrozenTrial) -> Any:
    """What the tuner learns of a finished trial: all metrics where there are several."""
    metrics = trial.user_attrs.get(RESULT_ATTR)
    ours = RUNNER_ATTR in trial.system_attrs and isinstance(metrics, dict)
    return metrics if ours and trial.values is not None else trial.values


def make_tuner_of(config: ExperimentConfig) -> Tuner:
    """The tuner that a configuration names.

    Raises:
        ConfigError: if there is none such, or its arguments are wrong.
    """
    from nas_tuners.tuners._registry import make_tuner

    tuner = make_tuner(
        config.tuner.name,
        config.tuner.args,
        optimize_mode=config.optimize_mode,
        seed=config.seed,
        code_directory=config.tuner.code_directory or config.code_directory,
    )
    if "optimize_mode" in config.tuner.args and tuner.goals.opposes(config.optimize_mode):
        message = f"its 'default' is the opposite of the experiment's, {config.optimize_mode!r}"
        raise ConfigError([Problem("tuner.args.optimize_mode", message)])
    return tuner


def prepared_tuner(config: ExperimentConfig, space: SearchSpace, prior: Prior) -> Tuner:
    """The tuner as it is before the first trial.

    Raises:
        ConfigError: if it cannot be made.
        ArchitectureError: if none of the scores, or of the results, fits the space.
        TunerError: if it makes no use of scores, or fails on what it is given.
    """
    tuner = make_tuner_of(config)
    if prior.warm_start:
        tuner.warm_start(prior.warm_start)
    tuner.update_search_space(space)
    if prior.import_data:
        tuner.import_data(prior.import_data)
    return tuner


def goals_of(config: ExperimentConfig) -> Goals:
    """What an experiment is after: its objective, and what its tuner is told beside it.

    Raises:
        ConfigError: if the tuner cannot be made.
    """
    return make_tuner_of(config).goals


def configured_goals(config: ExperimentConfig) -> Goals:
    """:func:`goals_of` without the tuner, whose class may be slow to import, or gone by now.

    A class of one's own may have goals that its arguments do not tell.
    """
    from nas_tuners.tuners._goals import Goals

    try:
        return Goals.of(config.tuner.args.get("optimize_mode", config.optimize_mode))
    except ValueError:  # the word means something else to a class of one's own
        return Goals.of(config.optimize_mode)


def open_study(storage: BaseStorage, config: ExperimentConfig) -> Study:
    """The study of an experiment, made if it does not exist.

    Raises:
        ExperimentError: if a study of that name optimizes something else.
    """
    import optuna

    study = optuna.create_study(
        storage=storage,
        study_name=study_name(config),
        direction=config.optimize_mode,
        load_if_exists=True,
        sampler=optuna.samplers.RandomSampler(),  # never asked
    )
    directions = [direction.name.lower() for direction in study.directions]
    if directions != [config.optimize_mode]:
        raise ExperimentError(
            f"the study {study.study_name!r} is there already, to {' and '.join(directions)}; "
            f"optimize_mode is {config.optimize_mode}: change it, or choose another study_name"
        )
    return study


@contextmanager
def _unless_told_by_others(trial: StudyTrial) -> Iterator[None]:
    """A running trial may be ended from a dashboard; what was recorded there stands."""
    from optuna.exceptions import UpdateFinishedTrialError

    try:
        yield
    except UpdateFinishedTrialError:
        _logger.warning("Trial %d was ended in the study by somebody else.", trial.number)


def study_name(config: ExperimentConfig) -> str:
    return config.study_name or config.name

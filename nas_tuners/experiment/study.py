"""The study of an experiment: the only record of what was tried and found."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

from nas_tuners.contract.architecture import to_architecture, to_parameters
from nas_tuners.contract.errors import SearchSpaceExhausted, TunerError
from nas_tuners.contract.study_attributes import ARCHITECTURE_ATTR, NOTE_ATTR
from nas_tuners.contract.trial_io import Assignment, Metric

from .budgets import Budgets
from .company import Company
from .hyperband import BRACKET_ATTR, Placement
from .loop import Finished, Nothing
from .outcome import Complete, Failed, Outcome, Paused
from .ownership import Ownership
from .pruning import Pruning
from .recording import Recording
from .records import REASON_ATTR, RUNNER_ATTR, SECONDS_ATTR, StudyTrial
from .recovery import left_result, record_result
from .storages.lock import GivenUpError
from .storages.operations import again
from .storages.trial_list import TrialList
from .trial_files import trial_folder

if TYPE_CHECKING:
    from optuna.pruners import BasePruner
    from optuna.study import Study
    from optuna.trial import FrozenTrial

    from nas_tuners.contract.flat_encoding import FlatEncoding
    from nas_tuners.tuners._goals import Goals
    from nas_tuners.tuners._history import HistoryFollower, Proposal

    from .constraint import Constraint
    from .results import Results

_logger = logging.getLogger(__name__)


class ExperimentStudy:
    """Asks the tuner for trials and records them, with one write to the storage each.

    Args:
        study: The Optuna study.
        encoding: How architectures are written in it.
        follower: The tuner, which learns from the study's trials.
        goals: What the experiment is after.
        experiment_id: Marks the trials that this experiment runs.
        exclusive: Makes a context in which no other runner suggests.
        company: The other runners on this study; None if there are none.
        waits: Whether to wait, before the end, for what the others still run: should one of them
            die, its trials are run here.
        max_retries: How often a trial is taken over from a runner that vanished.
        pruner: Says which trials to stop early; None if none.
        budgets: Gives trials their budgets; None if they have none.
        constraint: What architectures must keep to, whatever they score; None if nothing.
        recovered: Is told of a result that was found in the folder of a runner that vanished.

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
        exclusive: Callable[[], AbstractContextManager[None]] = nullcontext,
        company: Company | None = None,
        waits: bool = False,
        max_retries: int = 3,
        pruner: BasePruner | None = None,
        budgets: Budgets | None = None,
        constraint: Constraint | None = None,
        recovered: Callable[[Finished], None] = lambda finished: None,
    ) -> None:
        from nas_tuners.tuners._study import distributions
        from nas_tuners.tuners._trial_watch import TrialWatch

        self._study = study
        self._storage = study._storage
        self._study_id = study._study_id
        self._trials = TrialList(self._storage, self._study_id)
        self._recording = Recording(self._storage, goals)
        self._encoding = encoding
        self._distributions = distributions(encoding)
        self._space = encoding.space.to_dict()
        self._follower, self._watch = follower, TrialWatch()
        self.goals = goals
        self._metric = goals.objectives[0][0]
        self._experiment_id = experiment_id
        self._exclusive = exclusive
        self._look_every = company.every if company else math.inf
        self._ownership = Ownership(
            self._storage, experiment_id, company=company, waits=waits, max_retries=max_retries
        )
        self._pruning = Pruning(pruner, study) if pruner else None
        self._budgets, self._constraint = budgets, constraint
        self._recovered = recovered
        self._here: set[int] = set()  # numbers of the trials that the loop has
        self._ran_before: dict[int, float] = {}  # seconds, of trials that run once more
        self._told_by_others: set[int] = set()  # numbers of those that others have ended
        self._next_look = 0.0 if company else math.inf

    def ask(self, *, max_trials: int | None = None) -> StudyTrial | Nothing:
        """The next trial, recorded as running.

        Raises:
            SearchSpaceExhausted: if the tuner has nothing left to propose.
            TunerError: if the tuner failed.
        """
        while True:
            try:
                trial = again(self._storage, lambda: self._ask(max_trials))
            except GivenUpError:  # as the user wants it to end, of which the loop knows
                return Nothing.YET
            if not isinstance(trial, StudyTrial):
                return trial
            self._here.add(trial.number)
            reason = self._ownership.why_not_again(trial)
            if self._recover(trial):
                continue
            if reason is None:
                return trial
            self.tell(trial, Failed(reason))

    def results(self) -> Results:
        """What the study holds."""
        from .results import results_of

        return again(
            self._storage, lambda: results_of(self._study, self._encoding.space, self.goals)
        )

    def unfinished(self) -> list[StudyTrial]:
        """The trials that this experiment left running when it last ended."""
        with self._exclusive():  # nobody is about to take them over
            trials = self._trials.read()
        left = [self._restore(trial, budget) for trial, budget in self._due(trials, more=True)]
        self._here.update(trial.number for trial in left)
        return left

    def is_over(self, *, max_trials: int | None = None) -> bool:
        """Whether there are as many trials as may be, and all of them have ended."""
        if max_trials is None:
            return False
        trials = again(self._storage, self._trials.read)
        if len(trials) < max_trials or next(self._due(trials, more=False), None):
            return False
        return not self._unfinished(again(self._storage, self._trials.read))  # some may end now

    def report(self, trial: StudyTrial, metric: Metric) -> str | None:
        """Record an intermediate result; why the trial shall be stopped now, if it shall."""
        if self._budgets:
            return None  # its steps are its budgets
        value = metric.number(self._metric)
        with self._unless_told_by_others(trial):
            self._recording.report(trial.storage_id, metric.sequence, value)
            if self._pruning:
                return self._pruning.reason(trial, metric.sequence, value)
        return None

    def tell(
        self, trial: StudyTrial, outcome: Outcome, *, seconds: float | None = None
    ) -> Outcome:
        """Record how a trial ended, or that it has used up its budget; what was recorded."""
        self._here.discard(trial.number)
        notes = self._run_time(trial, seconds)
        if self._pruning:
            self._pruning.forget(trial)
        if not isinstance(outcome, Complete) and self._ownership.is_elsewhere(trial):
            return outcome  # another runner may yet have a result
        with self._unless_told_by_others(trial):
            if self._budgets and isinstance(outcome, Complete):
                outcome = self._set_result_at_budget(self._budgets, trial, outcome, notes)
            if not isinstance(outcome, Paused):
                self._recording.end(trial.storage_id, outcome, notes)
        return outcome

    def gone(self) -> Collection[int]:
        """Trials that run here and that others have ended or taken over meanwhile."""
        ended = self._told_by_others & self._here
        self._here -= ended
        if not self._here or time.monotonic() < self._next_look:
            return ended
        self._next_look = time.monotonic() + self._look_every
        trials = again(self._storage, self._trials.read)
        ours = {trial.number for trial in self._ours(trials)}
        gone = self._here - ours
        for number in gone:
            _logger.warning("Trial %d was ended or taken over elsewhere; it stops here.", number)
        self._here -= gone
        return gone | ended

    def _recover(self, trial: StudyTrial) -> bool:
        """Record what the runner had that a trial was taken over from, if its folder is seen."""
        left = self._ownership.left_in(trial)
        if left is None:
            return False
        owner, trials = left
        metrics = left_result(trial_folder(trials, trial.number), trial.assignment, runner=owner)
        if metrics:
            _logger.info("Trial %d had its result before %s vanished.", trial.number, owner)
            self._recovered(record_result(self, trial, metrics))
        return bool(metrics)

    # ---- asking ---------------------------------------------------------------------------------

    def _ask(self, max_trials: int | None) -> StudyTrial | Nothing:
        with self._exclusive():
            trials = self._trials.read()
            if self._ownership.take_over(self._unfinished(trials)):
                trials = self._trials.read()
            full = max_trials is not None and len(trials) >= max_trials
            for trial, budget in self._due(trials, more=not full):
                return self._restore(trial, budget)
            return self._at_the_end(trials) if full else self._begin_if_any(trials)

    def _due(
        self, trials: Sequence[FrozenTrial], *, more: bool
    ) -> Iterator[tuple[FrozenTrial, int | None]]:
        """The trials of this runner that should run and that the loop does not have.

        An earlier run left them, another runner lost them, their record was made when the
        connection broke, or they go on with a larger budget.
        """
        ours = {trial.number: trial for trial in self._ours(trials)}
        due: Iterable[tuple[int, int | None]] = ((number, None) for number in ours)
        if self._budgets is not None:
            due = self._decide(self._budgets, trials, more=more)
        for number, budget in due:
            if number in ours and number not in self._here:
                yield ours[number], budget

    def _begin_if_any(self, trials: Sequence[FrozenTrial]) -> StudyTrial | Nothing:
        try:
            return self._begin(trials)
        except SearchSpaceExhausted as error:
            for trial, budget in self._due(trials, more=False):
                return self._restore(trial, budget)
            if self._at_the_end(trials) is Nothing.LIMIT:
                _logger.info("The search space ends here: %s.", error)
                raise
            return Nothing.YET

    def _at_the_end(self, trials: Sequence[FrozenTrial]) -> Nothing:
        """Whether what still runs may become work for this runner."""
        pauses = self._budgets is not None and bool(self._ours(trials))
        may = pauses or self._ownership.waits_for(self._unfinished(trials))
        return Nothing.YET if may else Nothing.LIMIT

    def _begin(self, trials: Sequence[FrozenTrial]) -> StudyTrial:
        proposal = self._propose(trials)
        place = self._budgets.decide(trials, more=True).next if self._budgets else None
        template = self._template(proposal, place)
        storage_id = self._storage.create_new_trial(self._study_id, template)
        number = self._storage.get_trial_number_from_id(storage_id)
        parameters = proposal.parameters
        if place is not None:
            self._ran_before[number] = 0.0
            parameters = Budgets.given(parameters, place.budget)
        assignment = self._assignment(number, parameters)
        return StudyTrial(storage_id, assignment, template.user_attrs[ARCHITECTURE_ATTR])

    def _propose(self, trials: Sequence[FrozenTrial]) -> Proposal:
        number = len(trials)  # of the next trial, as nobody else makes one now
        try:
            if self._constraint is None:
                return self._follower.propose(number, trials)
            return self._constraint.propose(self._follower, number, trials)
        except TunerError as error:
            raise TunerError(f"no architecture for trial {number}: {error}") from error

    # ---- budgets --------------------------------------------------------------------------------

    def _decide(
        self, budgets: Budgets, trials: Sequence[FrozenTrial], *, more: bool
    ) -> Sequence[tuple[int, int]]:
        """Number and budget of the trials that should run; those that are done are ended."""
        decision = budgets.decide(trials, more=more)
        for number in decision.prune:
            budget = max(trials[number].intermediate_values)
            reason = {REASON_ATTR: f"not among the best at budget {budget}"}
            self._end_at_budget(trials[number], "PRUNED", reason)
        for number in decision.complete:  # the record of its end was lost
            self._end_at_budget(trials[number], "COMPLETE", {})
        return decision.run

    def _end_at_budget(self, trial: FrozenTrial, state: str, notes: dict[str, Any]) -> None:
        from optuna.exceptions import UpdateFinishedTrialError

        if trial.state.is_finished():
            return
        value = trial.intermediate_values[max(trial.intermediate_values)]
        with suppress(UpdateFinishedTrialError):  # another runner has come to the same decision
            self._recording.finish(trial._trial_id, state, notes, [value])

    def _set_result_at_budget(
        self, budgets: Budgets, trial: StudyTrial, outcome: Complete, notes: dict[str, Any]
    ) -> Complete | Paused:
        budget = budgets.of(trial.assignment.parameters)
        self._recording.result_at(trial.storage_id, budget, outcome, notes)
        if budget >= budgets.maximum:
            return outcome
        return Paused(outcome.metric, budget, outcome.remarks, outcome.usable)

    # ---- trials ---------------------------------------------------------------------------------

    @contextmanager
    def _unless_told_by_others(self, trial: StudyTrial) -> Iterator[None]:
        """A running trial may be ended from a dashboard; what was recorded there stands."""
        from optuna.exceptions import UpdateFinishedTrialError

        try:
            yield
        except UpdateFinishedTrialError:
            if trial.number not in self._told_by_others:
                _logger.warning("Trial %d was ended in the study by somebody else.", trial.number)
            self._told_by_others.add(trial.number)

    def _unfinished(self, trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
        return self._watch.look(trials).unfinished

    def _ours(self, trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
        """The trials that this runner has begun and nobody has ended."""
        return self._ownership.ours(self._unfinished(trials))

    def _template(self, proposal: Proposal, place: Placement | None) -> FrozenTrial:
        from optuna.trial import FrozenTrial, TrialState

        system_attrs: dict[str, Any] = {RUNNER_ATTR: self._experiment_id}
        if proposal.note is not None:
            system_attrs[NOTE_ATTR] = proposal.note
        if place is not None:
            system_attrs[BRACKET_ATTR] = place.bracket
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

    def _run_time(self, trial: StudyTrial, seconds: float | None) -> dict[str, Any]:
        """All of it, where it cannot be told from when the trial was begun and when it ended."""
        before = self._ran_before.pop(trial.number, None)
        if before is None or seconds is None:
            return {}
        return {SECONDS_ATTR: round(before + seconds, 3)}

    def _restore(self, trial: FrozenTrial, budget: int | None = None) -> StudyTrial:
        self._ran_before[trial.number] = trial.user_attrs.get(SECONDS_ATTR, 0.0)
        vector = self._encoding.decode(trial.params)
        parameters = to_parameters(self._encoding.space, vector)
        if budget is not None:
            parameters = Budgets.given(parameters, budget)
        assignment = self._assignment(trial.number, parameters)
        return StudyTrial(trial._trial_id, assignment, trial.user_attrs[ARCHITECTURE_ATTR])

    def _assignment(self, number: int, parameters: dict[str, Any]) -> Assignment:
        trial_id = f"{self._experiment_id}-{number:04d}"
        return Assignment(
            self._experiment_id, trial_id, number, parameters, self._space, self._metric
        )

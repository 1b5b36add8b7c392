"""The loop of an experiment: ask, launch, listen, tell, until something ends it."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from nas_tuners.contract.errors import ExperimentError, SearchSpaceExhausted, TunerError
from nas_tuners.contract.trial_io import Metric

from .launcher import Event, Exited, Launcher, Reported, ReportedUnusable
from .outcome import Complete, Failed, Outcome, Paused, Pruned, judge
from .records import StudyTrial

if TYPE_CHECKING:
    from nas_tuners.tuners._goals import Goals

_POLL = 0.25  # seconds between two looks at what running trials report
_GRACE = 5.0  # seconds between SIGTERM and SIGKILL
_PAUSE = 1.0  # seconds between two questions for a trial while there is none and nothing happens


class Ending(Enum):
    """Why a run ended; the value is for people."""

    MAX_TRIALS = "max_trials reached"
    MAX_DURATION = "max_duration reached"
    EXHAUSTED = "the tuner has nothing more to propose"
    FAILURES = "too many trials in a row failed or gave no usable result"
    TUNER_ERROR = "the tuner failed"
    INTERRUPTED = "interrupted"


class Nothing(Enum):
    """Why a source gives no trial."""

    LIMIT = "no trial is to come any more"
    YET = "none now; ask again"


@dataclass(frozen=True)
class Ended:
    """How a run ended.

    Attributes:
        ending: Why.
        tuner_error: What the tuner raised, if that ended it.
        last_failure: The latest trial that failed or whose result is not usable, if any.
    """

    ending: Ending
    tuner_error: TunerError | None = None
    last_failure: Finished | None = None


@dataclass(frozen=True)
class Limits:
    """When to stop; see :class:`.ExperimentConfig`."""

    concurrency: int = 1
    max_trials: int | None = None
    max_duration: float | None = None
    max_trial_duration: float | None = None
    max_consecutive_failures: int = 10
    max_retries: int = 3


@dataclass(frozen=True)
class Finished:
    """A trial and how it ended.

    ``outcome`` is None if it shall run again, here or elsewhere: it was stopped, what ran it is
    gone, or another worker has it now.
    """

    trial: StudyTrial
    outcome: Outcome | None
    exited: Exited
    seconds: float


class TrialSource(Protocol):
    """Where trials come from and results go; see :class:`.ExperimentStudy`."""

    def ask(self, *, max_trials: int | None = None) -> StudyTrial | Nothing:
        """The next trial."""

    def is_over(self, *, max_trials: int | None = None) -> bool:
        """Whether no trial is to come any more, as far as it is known without asking for one."""

    def report(self, trial: StudyTrial, metric: Metric) -> str | None:
        """Record an intermediate result; why the trial shall be stopped now, if it shall."""

    def tell(
        self, trial: StudyTrial, outcome: Outcome, *, seconds: float | None = None
    ) -> Outcome:
        """Record how a trial ended, and how long it ran; what it was recorded as."""

    def gone(self) -> Collection[int]:
        """Trials that run here and that others have ended or taken over meanwhile."""


class Observer(Protocol):
    """Is told what the loop does, after it was recorded."""

    def started(self, trial: StudyTrial) -> None: ...
    def reported(self, trial: StudyTrial, metric: Metric) -> None: ...
    def finished(self, finished: Finished) -> None: ...
    def waiting(self, reason: str) -> None: ...
    def tick(self, elapsed: float) -> None: ...


@dataclass
class _Running:
    trial: StudyTrial
    since: float
    finals: list[Metric] = field(default_factory=list)
    unusable: list[str] = field(default_factory=list)
    pruned: Pruned | None = None
    gone: bool = False


class Loop:
    """Runs trials until a limit, the tuner or the user ends it; no input or output of its own.

    Args:
        source: Gives trials and takes results.
        launcher: Runs them.
        limits: When to stop.
        clock: Seconds that never go back.
        observers: Are told what happens.
        interrupted: Whether the user wants it to end.
        elapsed: Seconds that earlier runs of the same experiment took.
        goals: What a result must tell of to be usable; None if a number is enough.

    Attributes:
        ending: Why it ended; None before.
        tuner_error: As in :class:`Ended`.
        last_failure: As in :class:`Ended`.
    """

    def __init__(
        self,
        source: TrialSource,
        launcher: Launcher,
        limits: Limits,
        *,
        clock: Callable[[], float],
        observers: Iterable[Observer] = (),
        interrupted: Callable[[], bool] = lambda: False,
        elapsed: float = 0.0,
        goals: Goals | None = None,
    ) -> None:
        self._source, self._launcher, self._limits = source, launcher, limits
        self._clock, self._observers = clock, tuple(observers)
        self._interrupted, self._goals = interrupted, goals
        self._started_at = clock() - elapsed
        self._running: dict[int, _Running] = {}
        self._unfinished: deque[StudyTrial] = deque()
        self._lost: Counter[int] = Counter()
        self._failures_in_a_row = 0
        self._ask_at = self._ask_whether_over_at = clock()
        self._waits_for = ""
        self.ending: Ending | None = None
        self.tuner_error: TunerError | None = None
        self.last_failure: Finished | None = None

    @property
    def ended(self) -> Ended:
        """How it ended."""
        assert self.ending is not None, "it has ended"
        return Ended(self.ending, self.tuner_error, self.last_failure)

    @property
    def elapsed(self) -> float:
        """Seconds that the experiment has taken so far."""
        return self._clock() - self._started_at

    def run(self, unfinished: Iterable[StudyTrial] = ()) -> Ending:
        """Run to the end; trials that an earlier run left unfinished come first."""
        self._unfinished.extend(unfinished)
        while True:
            self._heed_interrupt()
            self._fill_slots()
            if self.ending is not None and not self._running and not self._has_unfinished():
                return self.ending
            for event in self._launcher.events(_POLL):
                self._heed_interrupt()  # a flood of reports takes long to record
                self._handle(event)
            self._stop_gone()
            for observer in self._observers:
                observer.tick(self.elapsed)

    def _heed_interrupt(self) -> None:
        if self._interrupted() and self.ending is not Ending.INTERRUPTED:
            self.ending = Ending.INTERRUPTED
            self._launcher.stop(list(self._running), grace=_GRACE)

    def _fill_slots(self) -> None:
        while len(self._running) < self._limits.concurrency and self._may_start():
            self._heed_interrupt()
            trial = self._next()
            if trial is None:
                return
            if trial.number in self._running:  # it has come back while what ran it here ends
                self._unfinished.append(trial)
                return
            self._running[trial.number] = _Running(trial, self._clock())
            self._launcher.start(trial.assignment, timeout=self._limits.max_trial_duration)
            for observer in self._observers:
                observer.started(trial)

    def _may_start(self) -> bool:
        """Whether there may be a trial to start, and there is room for it."""
        over = self.elapsed >= (self._limits.max_duration or float("inf"))
        if self.ending is None and over and not self._unfinished:
            self.ending = Ending.MAX_DURATION
        if self.ending is not None and not self._has_unfinished():
            return False
        try:
            has_room = self._launcher.has_room()
        except ExperimentError:
            if self._is_over():
                return False
            raise
        if has_room or not self._is_over():
            self._tell_waiting(self._launcher.waits_for())
        return has_room

    def _is_over(self) -> bool:
        """Whether the run needs no room any more; it would wait for it in vain."""
        if self._running or self._unfinished or self._clock() < self._ask_whether_over_at:
            return False
        self._ask_whether_over_at = self._clock() + _PAUSE
        if self._source.is_over(max_trials=self._limits.max_trials):
            self.ending = Ending.MAX_TRIALS
        return self.ending is not None

    def _tell_waiting(self, reason: str) -> None:
        if reason and reason != self._waits_for:
            for observer in self._observers:
                observer.waiting(reason)
        self._waits_for = reason

    def _next(self) -> StudyTrial | None:
        if self._has_unfinished():
            return self._unfinished.popleft()
        return self._ask() if self.ending is None else None

    def _has_unfinished(self) -> bool:
        """Whether trials that were begun before are still to be run."""
        return bool(self._unfinished) and self.ending not in (Ending.INTERRUPTED, Ending.FAILURES)

    def _ask(self) -> StudyTrial | None:
        if self._clock() < self._ask_at:
            return None
        try:
            trial = self._source.ask(max_trials=self._limits.max_trials)
        except SearchSpaceExhausted:
            self.ending = Ending.EXHAUSTED
            return None
        except TunerError as error:
            self.ending, self.tuner_error = Ending.TUNER_ERROR, error
            return None
        if trial is Nothing.LIMIT:
            self.ending = Ending.MAX_TRIALS
        if trial is Nothing.YET:
            self._ask_at = self._clock() + _PAUSE
        return None if isinstance(trial, Nothing) else trial

    def _handle(self, event: Event) -> None:
        running = self._running[event.number]
        if isinstance(event, Exited):
            self._finish(running, event)
        elif isinstance(event, ReportedUnusable):
            running.unusable.append(event.problem)
        else:
            self._take_report(running, event)

    def _take_report(self, running: _Running, event: Reported) -> None:
        if event.metric.kind == "final":
            running.finals.append(event.metric)
        elif not running.gone and self.ending is not Ending.INTERRUPTED:  # else it reports anew
            self._prune(running, event.metric, self._record(running.trial, event.metric))
        for observer in self._observers:
            observer.reported(running.trial, event.metric)

    def _record(self, trial: StudyTrial, metric: Metric) -> str | None:
        try:
            return self._source.report(trial, metric)
        except TunerError as error:  # the pruner's; what was reported is recorded
            self.ending, self.tuner_error = self.ending or Ending.TUNER_ERROR, error
            return None

    def _prune(self, running: _Running, metric: Metric, reason: str | None) -> None:
        if running.pruned is not None:
            running.pruned = Pruned(metric, running.pruned.reason)  # it reports until it has ended
        elif reason is not None:
            running.pruned = Pruned(metric, reason)
            self._launcher.stop([running.trial.number], grace=_GRACE)

    def _stop_gone(self) -> None:
        """What others have ended in the study need not be trained to its end."""
        gone = self._source.gone()
        self._unfinished = deque(t for t in self._unfinished if t.number not in gone)
        numbers = [n for n in gone if n in self._running]
        for number in numbers:
            self._running[number].gone = True
        self._launcher.stop(numbers, grace=_GRACE)

    def _finish(self, running: _Running, exited: Exited) -> None:
        del self._running[running.trial.number]
        self._ask_at = self._ask_whether_over_at = self._clock()
        outcome, seconds = self._outcome(running, exited), self._clock() - running.since
        if outcome is not None:
            outcome = self._source.tell(running.trial, outcome, seconds=seconds)
        finished = Finished(running.trial, outcome, exited, seconds)
        self._count_failures(finished)
        for observer in self._observers:
            observer.finished(finished)

    def _outcome(self, running: _Running, exited: Exited) -> Outcome | None:
        """How it ended; None if it stays unfinished in the study."""
        outcome = judge(
            running.finals,
            running.unusable,
            exited,
            timeout=self._limits.max_trial_duration,
            goals=self._goals,
            pruned=running.pruned,
        )
        if not isinstance(outcome, Failed):
            return outcome
        if running.gone or self._interrupted():  # which may have reached the trial first
            return None
        return self._retry(running.trial) if exited.lost else outcome

    def _retry(self, trial: StudyTrial) -> Failed | None:
        """Run it again, unless what ran it vanishes each time."""
        self._lost[trial.number] += 1
        if self._lost[trial.number] <= self._limits.max_retries:
            self._unfinished.append(trial)
            return None
        return Failed(f"what ran it vanished {self._lost[trial.number]} times")

    def _count_failures(self, finished: Finished) -> None:
        outcome = finished.outcome
        good = isinstance(outcome, (Complete, Paused)) and outcome.usable
        if good or isinstance(outcome, Pruned):
            self._failures_in_a_row = 0
        elif outcome is not None:
            self._failures_in_a_row += 1
            self.last_failure = finished
        if self._failures_in_a_row >= self._limits.max_consecutive_failures:
            self.ending = self.ending or Ending.FAILURES

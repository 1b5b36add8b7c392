"""One search on a table: what it saw, and how good its choice was at every moment.

The search sees validation results only. After each result its choice is the architecture with the
best validation result so far; what is reported is that architecture's test regret, the best test
result of the table minus its own (Dong & Yang, NAS-Bench-201, ICLR 2020).
"""

from __future__ import annotations

import heapq
import math
import time
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

from nas_tuners.contract.errors import SearchSpaceExhausted
from nas_tuners.contract.search_space import IndexVector

from .tables import Table

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

    from nas_tuners.tuners import Tuner

Progress = Callable[[], object]
"""Called after each evaluation."""


@dataclass
class Trace:
    """What happened in one search; list item i stands for the moment after i + 1 evaluations.

    Evaluations count every architecture that was tried, published or not. Regrets are NaN until
    something succeeded.

    Attributes:
        test_regret: Best test result of the table - that of the choice.
        validation_regret: The same of the validation result, which the search knows itself.
        seconds: When the evaluation ended, on a simulated clock.
        vectors: What was evaluated.
        ask_seconds: Processor time that suggestions and learning took, in total.
    """

    test_regret: list[float] = field(default_factory=list)
    validation_regret: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    vectors: list[IndexVector] = field(default_factory=list)
    ask_seconds: float = 0.0
    found_best_at: int = 0
    """The number of the evaluation that gave the last choice; 0 if none succeeded."""

    @property
    def distinct(self) -> int:
        """The number of different architectures."""
        return len(set(self.vectors))

    def test_regret_after(self, seconds: float) -> float:
        """Test regret of the choice at a moment of the simulated clock; NaN if none had ended."""
        ended = bisect_right(self.seconds, seconds)
        return self.test_regret[ended - 1] if ended else math.nan


def run(
    table: Table,
    tuner: Tuner,
    evaluations: int,
    *,
    workers: int = 1,
    seed: int = 0,
    progress: Progress | None = None,
) -> Trace:
    """Let a tuner search a table.

    Args:
        table: The table.
        tuner: A new tuner that maximizes.
        evaluations: How many architectures are tried; fewer if the tuner has no more.
        workers: Trials that run at the same time. Their durations are the table's, or else drawn
            from an exponential distribution, so results come out of order.
        seed: Of the durations.
        progress: Called after each evaluation.

    Raises:
        TunerError: if the tuner fails.
    """
    tuner.update_search_space(table.space)
    recorder, clock = _Recorder(table), _Clock(table, Random(f"{seed}:durations"))
    asked, exhausted = 0, False
    while True:
        while not exhausted and asked < evaluations and clock.running < workers:
            exhausted = not _ask(tuner, asked, clock, recorder.trace)
            asked += 1
        if not clock.running:
            return recorder.trace
        ended = clock.next_end()
        value = recorder.record(ended.vector, ended.time)
        start = time.process_time()
        tuner.tell(ended.number, ended.vector, value, ended.note)
        recorder.trace.ask_seconds += time.process_time() - start
        if progress is not None:
            progress()


def run_sampler(
    table: Table,
    sampler: BaseSampler,
    evaluations: int,
    *,
    progress: Progress | None = None,
) -> Trace:
    """Let a sampler of Optuna search a table, in a plain study as a user would write it.

    Nothing of this package stands between: repeated architectures are evaluated again, and
    architectures that were not published are failed trials.
    """
    import optuna

    from nas_tuners.contract.flat_encoding import FlatEncoding
    from nas_tuners.tuners._study import distributions

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    encoding = FlatEncoding(table.space)
    parameters = distributions(encoding)
    recorder, clock = _Recorder(table), _Clock(table, Random(0))
    for number in range(evaluations):
        start = time.process_time()
        trial = study.ask(parameters)
        vector = encoding.decode(trial.params)
        recorder.trace.ask_seconds += time.process_time() - start
        clock.start(number, vector, None)
        value = recorder.record(vector, clock.next_end().time)
        if value is None:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
        else:
            study.tell(trial, value)
        if progress is not None:
            progress()
    return recorder.trace


def _ask(tuner: Tuner, number: int, clock: _Clock, trace: Trace) -> bool:
    """Start one trial; False when there is nothing more to try."""
    start = time.process_time()
    try:
        tuner.generate_parameters(number)
    except SearchSpaceExhausted:
        return False
    trace.ask_seconds += time.process_time() - start
    clock.start(number, tuner.proposed_vector(number), tuner.proposal_note(number))
    return True


class _Recorder:
    """Looks up results and keeps the choice."""

    def __init__(self, table: Table) -> None:
        self.trace = Trace()
        self._table = table
        self._best: float | None = None
        self._regrets = (math.nan, math.nan)

    def record(self, vector: IndexVector, now: float) -> float | None:
        table, trace = self._table, self.trace
        value = table.validation(vector)
        trace.vectors.append(vector)
        if value is not None and (self._best is None or value > self._best):
            self._best = value
            self._regrets = (table.best_test - table.test(vector), table.best_validation - value)
            trace.found_best_at = len(trace.vectors)
        trace.test_regret.append(self._regrets[0])
        trace.validation_regret.append(self._regrets[1])
        trace.seconds.append(now)
        return value


class _Trial(NamedTuple):
    """When a trial ends, and what it is. The earliest is the smallest."""

    time: float
    number: int
    vector: IndexVector
    note: dict[str, Any] | None


class _Clock:
    """Simulated time: which trial ends next."""

    def __init__(self, table: Table, rng: Random) -> None:
        self._table, self._rng = table, rng
        self._now = 0.0
        self._trials: list[_Trial] = []

    @property
    def running(self) -> int:
        return len(self._trials)

    def start(self, number: int, vector: IndexVector, note: dict[str, Any] | None) -> None:
        cost = self._table.cost_seconds(vector)
        duration = self._rng.expovariate(1.0) if cost is None else cost
        heapq.heappush(self._trials, _Trial(self._now + duration, number, vector, note))

    def next_end(self) -> _Trial:
        ended = heapq.heappop(self._trials)
        self._now = ended.time
        return ended

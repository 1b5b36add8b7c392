"""The loop alone, with a launcher whose trials end at once and a clock that the test moves."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from nas_tuners.contract.errors import ExperimentError, SearchSpaceExhausted, TunerError
from nas_tuners.contract.trial_io import Assignment, Metric
from nas_tuners.experiment.launcher import Event, Exited, Reported
from nas_tuners.experiment.loop import Ending, Finished, Limits, Loop, Nothing
from nas_tuners.experiment.outcome import Complete, Failed, Outcome, Pruned
from nas_tuners.experiment.records import StudyTrial
from nas_tuners.tuners._goals import Goals


class Source:
    """Numbers its trials; raises ``error`` instead of trial ``last``."""

    def __init__(self, *, last: int | None = None, error: Exception | None = None) -> None:
        self.asked = 0
        self.told: dict[int, Outcome] = {}
        self.reports: list[float] = []
        self.taken: set[int] = set()
        self._last, self._error = last, error

    def ask(self, *, max_trials: int | None = None) -> StudyTrial | Nothing:
        if max_trials is not None and self.asked >= max_trials:
            return Nothing.LIMIT
        if self._error and self.asked == self._last:
            raise self._error
        self.asked += 1
        return trial(self.asked - 1)

    def is_over(self, *, max_trials: int | None = None) -> bool:
        return max_trials is not None and self.asked >= max_trials

    def report(self, trial: StudyTrial, metric: Metric) -> str | None:
        self.reports.append(metric.default)
        return "it is bad" if metric.default < 0 else None

    def gone(self) -> set[int]:
        return self.taken

    def tell(
        self, trial: StudyTrial, outcome: Outcome, *, seconds: float | None = None
    ) -> Outcome:
        assert trial.number not in self.told
        self.told[trial.number] = outcome
        return outcome


class Launcher:
    """Lets ``behave`` say what happens to the running trials; each call takes a second."""

    def __init__(self, behave: Callable[[list[int]], list[Event]]) -> None:
        self.running: list[int] = []
        self.stopped: list[int] = []
        self.now = 0.0
        self.most = 0
        self.room = 1000
        self.reason = ""
        self._behave = behave

    def has_room(self) -> bool:
        return len(self.running) < self.room

    def waits_for(self) -> str:
        return self.reason

    def start(self, assignment: Assignment, *, timeout: float | None) -> None:
        self.running.append(assignment.number)
        self.most = max(self.most, len(self.running))

    def events(self, timeout: float) -> list[Event]:
        self.now += 1.0
        happened = [Exited(n, None, 15) for n in self.stopped if n in self.running]
        happened = happened or list(self._behave(list(self.running)))
        for event in happened:
            if isinstance(event, Exited):
                self.running.remove(event.number)
        return happened

    def stop(self, numbers: Iterable[int], *, grace: float) -> None:
        self.stopped.extend(numbers)

    def wake(self) -> None:
        pass


def trial(number: int) -> StudyTrial:
    return StudyTrial(number, Assignment("e", f"e-{number}", number, {}), {})


def succeed(running: list[int]) -> list[Event]:
    """The oldest trial reports and ends."""
    number = running[0]
    return [Reported(number, Metric("final", 0, float(number))), Exited(number, 0)]


def fail(running: list[int]) -> list[Event]:
    return [Exited(running[0], 1)]


def make(source: Source, launcher: Launcher, **limits: object) -> Loop:
    return Loop(source, launcher, Limits(**limits), clock=lambda: launcher.now)  # type: ignore[arg-type]


@pytest.mark.parametrize("concurrency", [1, 3, 50])
def test_as_many_trials_as_allowed_as_many_at_a_time_as_allowed(concurrency: int) -> None:
    source, launcher = Source(), Launcher(succeed)
    loop = make(source, launcher, max_trials=10, concurrency=concurrency)
    assert loop.run() is Ending.MAX_TRIALS
    assert sorted(source.told) == list(range(10))
    assert launcher.most == min(concurrency, 10)


def test_running_trials_finish_when_the_space_is_exhausted() -> None:
    source = Source(last=4, error=SearchSpaceExhausted())
    loop = make(source, Launcher(succeed), concurrency=3)
    assert loop.run() is Ending.EXHAUSTED
    assert sorted(source.told) == [0, 1, 2, 3]


def test_running_trials_finish_when_the_tuner_fails() -> None:
    source = Source(last=4, error=TunerError("broken"))
    loop = make(source, Launcher(succeed), concurrency=3)
    assert loop.run() is Ending.TUNER_ERROR
    assert str(loop.tuner_error) == "broken"
    assert sorted(source.told) == [0, 1, 2, 3]


def test_no_trial_starts_after_the_time_is_over() -> None:
    source, launcher = Source(), Launcher(succeed)
    loop = make(source, launcher, max_duration=5.0, concurrency=2)
    assert loop.run() is Ending.MAX_DURATION
    assert loop.elapsed == 6.0  # the one that ran finished
    assert len(source.told) == 6


def test_time_that_earlier_runs_took_counts() -> None:
    source, launcher = Source(), Launcher(succeed)
    loop = Loop(
        source, launcher, Limits(max_duration=5.0), clock=lambda: launcher.now, elapsed=3.0
    )
    loop.run()
    assert len(source.told) == 2
    assert loop.elapsed == 5.0


def test_unfinished_trials_come_first_and_even_when_nothing_may_be_asked() -> None:
    source, launcher = Source(), Launcher(succeed)
    loop = make(source, launcher, max_trials=0)
    assert loop.run([trial(7), trial(9)]) is Ending.MAX_TRIALS
    assert list(source.told) == [7, 9]


def test_failures_in_a_row_end_the_run() -> None:
    source = Source()
    loop = make(source, Launcher(fail), max_consecutive_failures=3)
    assert loop.run() is Ending.FAILURES
    assert len(source.told) == 3
    assert loop.last_failure is not None
    assert loop.last_failure.trial.number == 2


def test_results_in_a_row_that_lack_a_metric_end_the_run_and_are_kept() -> None:
    def behave(running: list[int]) -> list[Event]:
        number = running[0]
        if number == 4:
            return fail(running)
        value = {"default": 1.0} | ({"size": 3} if number == 2 else {})
        return [Reported(number, Metric("final", 0, value)), Exited(number, 0)]

    source, launcher = Source(), Launcher(behave)
    goals = Goals.of({"default": "maximize", "size": "minimize"})
    limits = Limits(max_consecutive_failures=3)
    loop = Loop(source, launcher, limits, clock=lambda: launcher.now, goals=goals)
    assert loop.run() is Ending.FAILURES
    usable = [isinstance(t, Complete) and t.usable for t in source.told.values()]
    assert usable == [False, False, True, False, False, False]
    assert [n for n, t in source.told.items() if not isinstance(t, Complete)] == [4]
    assert loop.last_failure is not None
    assert loop.last_failure.trial.number == 5


def test_an_interrupt_stops_trials_and_leaves_them_unfinished() -> None:
    source, interrupted = Source(), False

    def report_then_interrupt(running: list[int]) -> list[Event]:
        nonlocal interrupted
        interrupted = True
        return [Reported(running[0], Metric("final", 0, 1.0))]

    launcher = Launcher(report_then_interrupt)
    loop = Loop(
        source,
        launcher,
        Limits(concurrency=3),
        clock=lambda: launcher.now,
        interrupted=lambda: interrupted,
    )
    assert loop.run() is Ending.INTERRUPTED
    assert launcher.stopped == [0, 1, 2]
    assert list(source.told) == [0], "the one that had its result is recorded"
    assert isinstance(source.told[0], Complete)


def test_an_interrupt_is_heeded_in_the_middle_of_a_flood_of_reports() -> None:
    def flood(running: list[int]) -> list[Event]:
        return [Reported(0, Metric("intermediate", n, 1.0)) for n in range(100)]

    source, launcher = Source(), Launcher(flood)
    interrupted = lambda: len(source.reports) >= 3  # noqa: E731
    loop = Loop(source, launcher, Limits(), clock=lambda: 0.0, interrupted=interrupted)
    assert loop.run() is Ending.INTERRUPTED
    assert len(source.reports) == 3
    assert source.told == {}


def test_an_interrupt_before_the_first_trial() -> None:
    source, launcher = Source(), Launcher(succeed)
    loop = Loop(source, launcher, Limits(), clock=lambda: launcher.now, interrupted=lambda: True)
    assert loop.run([trial(0)]) is Ending.INTERRUPTED
    assert source.asked == 0


def test_observers_hear_of_everything_after_it_was_recorded() -> None:
    source, heard = Source(), []

    class Observer:
        def started(self, trial: StudyTrial) -> None:
            heard.append("started")

        def reported(self, trial: StudyTrial, metric: Metric) -> None:
            heard.append(f"{metric.kind} {metric.default}")

        def finished(self, finished: Finished) -> None:
            assert source.told == {0: finished.outcome}
            heard.append(f"finished after {finished.seconds}")

        def waiting(self, reason: str) -> None:
            heard.append(f"waiting for {reason}")

        def tick(self, elapsed: float) -> None:
            heard.append(f"{elapsed}")

    def behave(running: list[int]) -> list[Event]:
        if not source.reports:
            return [Reported(0, Metric("intermediate", 0, 0.5))]
        return succeed(running)

    launcher = Launcher(behave)
    limits = Limits(max_trials=1)
    Loop(source, launcher, limits, clock=lambda: launcher.now, observers=[Observer()]).run()
    expected = ["started", "intermediate 0.5", "1.0", "final 0.0", "finished after 2.0", "2.0"]
    assert heard == expected
    assert source.reports == [0.5]


class Waited:
    """An observer that notes what the run waits for."""

    def __init__(self) -> None:
        self.reasons: list[str] = []

    def waiting(self, reason: str) -> None:
        self.reasons.append(reason)

    def started(self, trial: StudyTrial) -> None:
        pass

    def reported(self, trial: StudyTrial, metric: Metric) -> None:
        pass

    def finished(self, finished: Finished) -> None:
        pass

    def tick(self, elapsed: float) -> None:
        pass


def test_what_keeps_trials_from_starting_is_told_once_a_change() -> None:
    reasons = ["a driver", "a driver", "a program", "a program", "", "a program"]

    def behave(running: list[int]) -> list[Event]:
        launcher.room = 0 if reasons else 1000
        launcher.reason = reasons.pop(0) if reasons else ""
        return succeed(running) if running else []

    launcher, observer = Launcher(behave), Waited()
    limits = Limits(max_trials=2)
    Loop(Source(), launcher, limits, clock=lambda: launcher.now, observers=[observer]).run()
    assert observer.reasons == ["a driver", "a program", "a program"]


@pytest.mark.parametrize("error", [None, ExperimentError("no trial could be placed")])
def test_a_run_that_is_over_does_not_wait_for_room(error: ExperimentError | None) -> None:
    class Full(Launcher):
        def has_room(self) -> bool:
            if source.told and error:
                raise error
            assert self.now < 10, "it ends"
            return not source.told

    observer, source = Waited(), Source()
    launcher = Full(succeed)
    launcher.reason = "room"
    limits = Limits(max_trials=1)
    loop = Loop(source, launcher, limits, clock=lambda: launcher.now, observers=[observer])
    assert loop.run() is Ending.MAX_TRIALS
    assert source.told.keys() == {0}


def test_one_that_is_not_over_fails_for_want_of_room() -> None:
    class Full(Launcher):
        def has_room(self) -> bool:
            raise ExperimentError("no trial could be placed")

    with pytest.raises(ExperimentError, match="no trial could be placed"):
        make(Source(), Full(succeed), max_trials=1).run()


def test_the_time_is_over_while_there_is_no_room() -> None:
    launcher = Launcher(lambda running: [])
    launcher.room = 0
    assert make(Source(), launcher, max_duration=5.0).run() is Ending.MAX_DURATION
    assert launcher.now == 5.0


def test_a_trial_that_is_not_worth_it_is_stopped_and_keeps_its_latest_value() -> None:
    def behave(running: list[int]) -> list[Event]:
        return [Reported(running[0], Metric("intermediate", 3, -1.0))]

    source, launcher = Source(), Launcher(behave)
    make(source, launcher, max_trials=2).run()
    assert launcher.stopped == [0, 1]
    assert source.told == {n: Pruned(Metric("intermediate", 3, -1.0), "it is bad") for n in (0, 1)}


def test_a_final_result_counts_even_if_the_trial_was_being_stopped() -> None:
    def behave(running: list[int]) -> list[Event]:
        bad = Reported(running[0], Metric("intermediate", 0, -1.0))
        return [bad, Reported(running[0], Metric("final", 0, 0.5)), Exited(running[0], 0)]

    source = Source()
    make(source, Launcher(behave), max_trials=1).run()
    assert isinstance(source.told[0], Complete)


def test_what_vanishes_with_its_machine_runs_again_but_not_for_ever() -> None:
    def vanish(running: list[int]) -> list[Event]:
        return [Exited(running[0], None, 9, lost=True)]

    source, launcher = Source(), Launcher(vanish)
    make(source, launcher, max_trials=1, max_retries=2).run()
    assert source.told == {0: Failed("what ran it vanished 3 times")}
    assert source.asked == 1


def test_what_vanished_last_runs_again_even_if_there_is_no_room_for_a_while() -> None:
    def behave(running: list[int]) -> list[Event]:
        if not running:
            launcher.room = 2
            return []
        if launcher.now > 3:
            return succeed(running)
        launcher.room = 0
        return [Exited(running[0], None, 9, lost=True)] if launcher.now > 2 else []

    source, launcher = Source(), Launcher(behave)
    launcher.room = 2
    loop = make(source, launcher, max_trials=1, concurrency=2)
    assert loop.run() is Ending.MAX_TRIALS
    assert isinstance(source.told[0], Complete)


def test_what_others_took_over_before_it_began_here_does_not_begin() -> None:
    source, launcher = Source(), Launcher(succeed)
    source.taken = {8}
    loop = make(source, launcher, max_trials=0)
    loop.run([trial(7), trial(8)])
    assert source.told.keys() == {7}


def test_what_comes_back_while_it_is_still_being_stopped_waits_for_its_end() -> None:
    class Returning(Source):
        def ask(self, *, max_trials: int | None = None) -> StudyTrial | Nothing:
            if self.told:
                return Nothing.LIMIT
            self.asked += 1
            return trial(0) if self.asked in (1, 3) else Nothing.YET

        def gone(self) -> set[int]:
            return {0} if launcher.now == 1 else set()

    def behave(running: list[int]) -> list[Event]:
        assert len(running) == len(set(running)), "one attempt at a time"
        if launcher.now < 5:
            return []
        return [Exited(0, None, 15)] if launcher.now == 5 else succeed(running)

    source = Returning()
    launcher = Launcher(behave)
    launcher.stop = lambda numbers, *, grace: None  # type: ignore[method-assign,assignment]
    make(source, launcher, concurrency=2).run()
    assert source.told.keys() == {0}


def test_what_others_took_over_is_stopped_and_not_told() -> None:
    source = Source()
    source.taken = {0}

    def behave(running: list[int]) -> list[Event]:
        return [] if running == [0] else succeed(running)

    launcher = Launcher(behave)
    make(source, launcher, max_trials=2).run()
    assert launcher.stopped == [0]
    assert source.told.keys() == {1}


def test_nothing_is_asked_for_while_there_is_no_room() -> None:
    source, launcher = Source(), Launcher(succeed)
    launcher.room = 2
    make(source, launcher, max_trials=6, concurrency=5).run()
    assert launcher.most == 2
    assert len(source.told) == 6


def test_a_source_may_have_nothing_yet() -> None:
    class Slow(Source):
        waits = 3

        def ask(self, *, max_trials: int | None = None) -> StudyTrial | Nothing:
            self.waits -= 1
            return Nothing.YET if self.waits >= 0 else super().ask(max_trials=max_trials)

    source = Slow()
    assert make(source, Launcher(lambda r: succeed(r) if r else []), max_trials=1).run()
    assert source.told.keys() == {0}

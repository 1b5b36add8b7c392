"""Hyperband's schedule, against the paper and in simulated runs of every kind."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas_tuners.experiment.hyperband import (
    BRACKET_ATTR,
    BudgetTrial,
    Decision,
    Placement,
    Schedule,
)

R81 = [
    [(81, 1), (27, 3), (9, 9), (3, 27), (1, 81)],
    [(34, 3), (11, 9), (3, 27), (1, 81)],
    [(15, 9), (5, 27), (1, 81)],
    [(8, 27), (2, 81)],
    [(5, 81)],
]


def _pairs(schedule: Schedule, bracket: int) -> list[tuple[int, int]]:
    return [(rung.size, rung.budget) for rung in schedule.rungs(bracket)]


def test_the_table_for_81_and_3() -> None:
    """n = ceil((s_max + 1) eta^s / (s + 1)), n_i = floor(n eta^-i), r_i = R eta^(i - s)."""
    assert [_pairs(Schedule(81), bracket) for bracket in range(6)] == [*R81, R81[0]]


@pytest.mark.parametrize(
    ("maximum", "minimum", "eta", "s_max"),
    [
        (243, 1, 3, 5),
        (242, 1, 3, 4),
        (3**20, 1, 3, 20),
        (125, 1, 5, 3),
        (100, 4, 5, 2),
        (7, 7, 2, 0),
    ],
)
def test_the_number_of_brackets_is_exact(maximum: int, minimum: int, eta: int, s_max: int) -> None:
    """A logarithm is not: log(243) / log(3) is a little less than 5, log(125) / log(5) more."""
    assert Schedule(maximum, minimum, eta).s_max == s_max


def test_budgets_are_whole_and_end_at_the_maximum() -> None:
    assert _pairs(Schedule(100, 1, 3), 0) == [(81, 1), (27, 3), (9, 11), (3, 33), (1, 100)]


def test_one_bracket_is_successive_halving() -> None:
    schedule = Schedule(9, brackets=1)
    assert [_pairs(schedule, bracket) for bracket in (0, 1)] == 2 * [[(9, 1), (3, 3), (1, 9)]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((3, 5), r"`1 <= minimum <= maximum` must hold, but got \(minimum=5, maximum=3\)"),
        ((3, 0), "minimum=0"),
        ((9, 1, 1), r"`eta` must be at least 2, but got \(eta=1\)"),
        ((9, 1, 3, 4), r"`brackets` must be from 1 to 3, as many as there are from 1 to 9 with"),
        ((9, 1, 3, 0), "brackets=0"),
    ],
)
def test_numbers_out_of_range_are_refused(arguments: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Schedule(*arguments)


@dataclass
class Run:
    """A study and its processes: carries out decisions, in any order and with failures."""

    schedule: Schedule
    concurrency: int
    max_trials: int
    random: random.Random
    failures: float = 0.0
    trials: dict[int, BudgetTrial] = field(default_factory=dict)
    running: dict[int, int] = field(default_factory=dict)
    seen: list[Decision] = field(default_factory=list)

    def decide(self) -> Decision:
        history = list(self.trials.values())
        self.random.shuffle(history)
        return self.schedule.decide(history, more=len(self.trials) < self.max_trials)

    def step(self) -> bool:
        """Start what can be started, then let one trial end its budget; False at the end."""
        decision = self.decide()
        self.seen.append(decision)
        for number in (*decision.prune, *decision.complete):
            self._change(number, ended=True)
        for number, budget in decision.run:
            if number not in self.running and len(self.running) < self.concurrency:
                self.running[number] = budget
        while len(self.running) < self.concurrency and len(self.trials) < self.max_trials:
            self._create(self.decide().next)
        if not self.running:
            return False
        number = self.random.choice(sorted(self.running))
        self._finish(number, self.running.pop(number))
        return True

    def _create(self, place: Placement) -> None:
        number = len(self.trials)
        self.trials[number] = BudgetTrial(number, place.bracket, {})
        self.running[number] = place.budget

    def _finish(self, number: int, budget: int) -> None:
        trial = self.trials[number]
        if self.random.random() < self.failures:
            self._change(number, ended=True)
        else:
            score = float(self.random.randrange(5))
            self._change(number, scores={**trial.scores, budget: score})

    def _change(self, number: int, **fields: object) -> None:
        content = {**vars(self.trials[number]), **fields}
        self.trials[number] = BudgetTrial(**content)


def _run(run: Run) -> Run:
    while run.step():
        pass
    return run


runs = st.builds(
    Run,
    st.sampled_from([Schedule(9), Schedule(27, 2), Schedule(20, 1, 2, 3), Schedule(8, eta=4)]),
    concurrency=st.integers(1, 12),
    max_trials=st.integers(1, 60),
    random=st.integers(0, 2**20).map(random.Random),
    failures=st.sampled_from([0.0, 0.2, 1.0]),
)


@settings(max_examples=60, deadline=None)
@given(runs)
def test_every_trial_ends(run: Run) -> None:
    """At the maximum, stopped, or failed; whatever the concurrency and the order of results."""
    _run(run)
    assert len(run.trials) == run.max_trials
    assert all(trial.ended for trial in run.trials.values())
    last = run.decide()
    assert (last.run, last.prune, last.complete) == ((), (), ())
    if not run.failures:
        for bracket in {trial.bracket for trial in run.trials.values()}:
            assert any(
                run.schedule.maximum in trial.scores
                for trial in run.trials.values()
                if trial.bracket == bracket
            )


@settings(max_examples=60, deadline=None)
@given(runs)
def test_decisions_stand(run: Run) -> None:
    """Who is stopped never runs again, and budgets are given once, in ascending order."""
    _run(run)
    pruned, budgets = set(), {}
    for decision in run.seen:
        named = [number for number, _ in decision.run] + [*decision.prune, *decision.complete]
        assert len(set(named)) == len(named)
        assert not pruned & set(named)
        pruned |= set(decision.prune)
        for number, budget in decision.run:
            assert budget >= budgets.get(number, 0)
            budgets[number] = budget


@settings(max_examples=40, deadline=None)
@given(runs)
def test_slots_are_never_idle_while_trials_may_come(run: Run) -> None:
    """Nobody waits for stragglers: with trials left, as many run as may."""
    running = True
    while running:
        running = run.step()
        if len(run.trials) < run.max_trials:
            assert len(run.running) == run.concurrency - 1, "all but the one that has just ended"


@settings(max_examples=40, deadline=None)
@given(runs, st.integers(0, 2**20))
def test_full_brackets_are_algorithm_1(run: Run, seed: int) -> None:
    run.failures = 0.0
    _run(run)
    members = Counter(trial.bracket for trial in run.trials.values())
    for bracket, count in members.items():
        rungs = run.schedule.rungs(bracket)
        if count == rungs[0].size:
            alive = [trial for trial in run.trials.values() if trial.bracket == bracket]
            for rung in rungs:
                assert {t.number for t in alive} == {
                    t.number
                    for t in run.trials.values()
                    if t.bracket == bracket and rung.budget in t.scores
                }
                assert len(alive) == rung.size
                alive.sort(key=lambda t: (-t.scores[rung.budget], t.number))
                alive = alive[: rung.size // run.schedule.eta]


@settings(max_examples=40, deadline=None)
@given(runs, st.integers(1, 40))
def test_a_run_goes_on_where_it_was_cut_off(run: Run, steps: int) -> None:
    """Processes die with the runner; the trials that have no result yet are named again."""
    for _ in range(steps):
        run.step()
    assert run.running.items() <= dict(run.decide().run).items()
    run.running.clear()
    _run(run)
    assert all(trial.ended for trial in run.trials.values())


@settings(max_examples=40, deadline=None)
@given(runs, st.integers(1, 60))
def test_more_trials_than_were_planned(run: Run, added: int) -> None:
    """A bracket that was closed before it was full stays closed; new trials open the next."""
    _run(run)
    outcome = dict(run.trials)
    run.max_trials += added
    _run(run)
    assert {number: run.trials[number] for number in outcome} == outcome
    assert all(trial.ended for trial in run.trials.values())


def _trials(*scores: dict[int, float] | None, bracket: int = 0) -> list[BudgetTrial]:
    return [
        BudgetTrial(number, bracket, score or {}, ended=score is None)
        for number, score in enumerate(scores)
    ]


def test_a_rung_waits_for_all_of_its_trials() -> None:
    trials = _trials({1: 0.5}, {1: 0.9}, {})
    decision = Schedule(3, brackets=1).decide(trials, more=True)
    assert decision == Decision(((2, 1),), (), (), Placement(1, 1))


def test_the_best_goes_on_and_the_others_are_stopped() -> None:
    decision = Schedule(3, brackets=1).decide(_trials({1: 0.5}, {1: 0.9}, {1: 0.1}), more=True)
    assert decision == Decision(((1, 3),), (0, 2), (), Placement(1, 1))


def test_of_equal_scores_the_lower_number_goes_on() -> None:
    decision = Schedule(3, brackets=1).decide(_trials({1: 0.5}, {1: 0.5}, {1: 0.5}), more=True)
    assert (decision.run, decision.prune) == (((0, 3),), (1, 2))


def test_who_failed_is_the_worst() -> None:
    decision = Schedule(3, brackets=1).decide(_trials(None, {1: -9.0}, None), more=True)
    assert (decision.run, decision.prune) == (((1, 3),), ())


def test_a_place_that_a_failed_trial_had_is_not_filled() -> None:
    """It was given away when the rung was complete; who was stopped then is stopped."""
    trials = _trials({1: 0.9}, {1: 0.5}, {1: 0.1})
    schedule = Schedule(3, brackets=1)
    assert schedule.decide(trials, more=True).prune == (1, 2)
    trials[0] = BudgetTrial(0, 0, {1: 0.9}, ended=True)
    assert schedule.decide(trials, more=True).run == ()


def test_a_result_at_the_maximum_completes() -> None:
    trials = _trials({1: 0.9, 3: 0.95}, {1: 0.5}, {1: 0.1})
    assert Schedule(3, brackets=1).decide(trials, more=True).complete == (0,)


def test_without_more_trials_brackets_go_on_with_what_they_have() -> None:
    trials = _trials({1: 0.5}, {1: 0.9})
    schedule = Schedule(9, brackets=1)
    assert schedule.decide(trials, more=True).run == ()
    assert schedule.decide(trials, more=False) == Decision(((1, 3),), (0,), (), Placement(0, 1))


@pytest.mark.parametrize(
    ("scores", "run"),
    [({1: 0.9, 3: 0.9}, ((1, 9),)), ({1: 0.9}, ((1, 3),))],
)
def test_a_bracket_that_went_on_early_stays_closed(
    scores: dict[int, float], run: tuple[tuple[int, int], ...]
) -> None:
    """New trials, which the first two were not held against, come into a bracket of their own."""
    stopped = BudgetTrial(0, 0, {1: 0.5}, ended=True)
    decision = Schedule(9, brackets=1).decide([stopped, BudgetTrial(1, 0, scores)], more=True)
    assert decision == Decision(run, (), (), Placement(1, 1))


def test_a_trial_beyond_the_first_rung_closes_its_bracket() -> None:
    decision = Schedule(9, brackets=1).decide(_trials({1: 0.9, 3: 0.9}), more=True)
    assert decision == Decision(((0, 9),), (), (), Placement(1, 1))


def test_a_bracket_in_which_nothing_was_decided_is_filled() -> None:
    decision = Schedule(9, brackets=1).decide(_trials({1: 0.9}, None), more=True)
    assert decision == Decision((), (), (), Placement(0, 1))


def test_the_first_trial_of_all() -> None:
    assert Schedule(81).decide([], more=True) == Decision((), (), (), Placement(0, 1))
    assert Schedule(81, 9).decide([], more=True).next == Placement(0, 9)


def test_trials_of_a_study() -> None:
    """Intermediate values stand at their budgets, and turn into scores."""
    storage = optuna.storages.InMemoryStorage()
    study = optuna.create_study(storage=storage, direction="minimize")
    ours, others = study.ask(), study.ask()
    storage.set_trial_system_attr(ours._trial_id, BRACKET_ATTR, 2)
    for trial in (ours, others):
        trial.report(0.5, 3)
    study.tell(ours, state=optuna.trial.TrialState.PRUNED)
    read = [BudgetTrial.of(trial, sign=-1.0) for trial in study.trials]
    assert read == [BudgetTrial(0, 2, {3: -0.5}, ended=True), None]

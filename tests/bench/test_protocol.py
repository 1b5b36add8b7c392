from __future__ import annotations

import math
from typing import final

import optuna
import pytest

from nas_tuners import RandomTuner, RegularizedEvolutionTuner
from nas_tuners.bench import PEERS, Table, load_table, run, run_sampler, search
from nas_tuners.contract.errors import ConfigError, TunerError
from nas_tuners.contract.search_space import IndexVector, SearchSpace
from nas_tuners.contract.space_json import LayerChoice
from nas_tuners.tuners import Ask, Result, Tuner


@final
class FiveOptions(Table):
    """Validation and test disagree; option 0 was not published; option n takes 10 n seconds."""

    name = "five"
    space = SearchSpace.from_specs({"op": LayerChoice(("a", "b", "c", "d", "e"))})
    best_test = 9.0
    best_validation = 8.0
    has_costs = True

    def validation(self, vector: IndexVector) -> float | None:
        return {0: None, 1: 5.0, 2: 4.0, 3: 8.0, 4: 7.0}[int(vector[0] or 0)]

    def test(self, vector: IndexVector) -> float:
        return {1: 6.0, 2: 9.0, 3: 6.5, 4: 8.0}[int(vector[0] or 0)]

    def cost_seconds(self, vector: IndexVector) -> float | None:
        return 10.0 * int(vector[0] or 0)


class InOrder(Tuner):
    """Proposes what it is given; keeps what it is told."""

    def __init__(self, *order: int) -> None:
        super().__init__(seed=0, dedup=False)
        self.order = order
        self.told: list[tuple[int | None, float | None]] = []
        self.waiting: list[int] = []

    def _propose(self, ask: Ask) -> IndexVector:
        self.waiting.append(len(ask.pending))
        ask.note = {"number": ask.number}
        return (self.order[ask.number],)

    def _learn(self, result: Result) -> None:
        assert result.note == {"number": result.number}
        self.told.append((result.number, result.value))


def test_the_choice_is_the_best_by_validation_and_judged_by_test() -> None:
    tuner = InOrder(0, 2, 1, 4, 3, 2)
    trace = run(FiveOptions(), tuner, 6)
    assert math.isnan(trace.test_regret[0])
    assert trace.test_regret[1:] == [0.0, 3.0, 1.0, 2.5, 2.5]
    assert trace.validation_regret[1:] == [4.0, 3.0, 1.0, 0.0, 0.0]
    assert trace.seconds == [0.0, 20.0, 30.0, 70.0, 100.0, 120.0]
    assert [trace.test_regret_after(moment) for moment in (20.0, 69.9, 70.0, 1e9)] == [
        0.0,
        3.0,
        1.0,
        2.5,
    ]
    assert math.isnan(trace.test_regret_after(19.9))
    assert trace.found_best_at == 5
    assert trace.distinct == 5
    assert trace.seconds == [0.0, 20.0, 30.0, 70.0, 100.0, 120.0]


def test_the_tuner_sees_validation_results_and_failures() -> None:
    tuner = InOrder(0, 2, 3)
    run(FiveOptions(), tuner, 3)
    assert tuner.told == [(0, None), (1, 4.0), (2, 8.0)]
    assert tuner.waiting == [0, 0, 0]


def test_workers_deliver_in_the_order_in_which_they_finish() -> None:
    """At 0 s start e, b, c; b ends at 10, then d starts and would end at 40."""
    tuner = InOrder(4, 1, 2, 3)
    trace = run(FiveOptions(), tuner, 4, workers=3)
    assert [number for number, _ in tuner.told] == [1, 2, 0, 3]
    assert tuner.waiting == [0, 1, 2, 2]
    assert trace.seconds == [10.0, 20.0, 40.0, 40.0]
    assert trace.vectors == [(1,), (2,), (4,), (3,)]


def test_durations_are_drawn_where_the_table_has_none() -> None:
    table = load_table("synthetic-separable")
    traces = [run(table, RandomTuner(seed=0), 30, workers=4, seed=seed) for seed in (0, 0, 1)]
    assert traces[0].seconds == traces[1].seconds != traces[2].seconds
    assert traces[0].seconds == sorted(traces[0].seconds)
    one = run(table, RandomTuner(seed=0), 30)
    assert set(traces[0].vectors) == set(one.vectors)
    assert traces[0].vectors != one.vectors
    assert traces[0].seconds[-1] < one.seconds[-1]


def test_a_search_ends_when_the_tuner_has_no_more() -> None:
    trace = run(FiveOptions(), RandomTuner(seed=0), 100, workers=2)
    assert sorted(trace.vectors) == [(index,) for index in range(5)]
    assert trace.validation_regret[-1] == 0.0


def test_the_same_seed_gives_the_same_search() -> None:
    table = load_table("synthetic-pairwise")
    first, second, third = (
        run(table, RegularizedEvolutionTuner(seed=seed), 120, workers=3) for seed in (1, 1, 2)
    )
    assert first.vectors == second.vectors != third.vectors


def test_what_a_tuner_raises_comes_through() -> None:
    with pytest.raises(TunerError, match="InOrder raised while proposing trial 1"):
        run(FiveOptions(), InOrder(1), 2)


def test_progress_counts_evaluations() -> None:
    ticks: list[int] = []
    run(FiveOptions(), InOrder(0, 1, 2), 3, progress=lambda: ticks.append(1))
    run_sampler(
        FiveOptions(), optuna.samplers.RandomSampler(seed=0), 4, progress=lambda: ticks.append(1)
    )
    assert len(ticks) == 7


def test_a_stock_sampler_repeats_itself_and_its_failures_are_failed_trials() -> None:
    seen: list[optuna.trial.TrialState] = []

    class Watching(optuna.samplers.RandomSampler):
        def after_trial(
            self,
            study: optuna.Study,
            trial: optuna.trial.FrozenTrial,
            state: optuna.trial.TrialState,
            values: object,
        ) -> None:
            seen.append(state)

    trace = run_sampler(FiveOptions(), Watching(seed=0), 40)
    assert len(trace.vectors) == len(seen) == 40
    assert trace.distinct == 5
    failed = [vector == (0,) for vector in trace.vectors]
    assert [state == optuna.trial.TrialState.FAIL for state in seen] == failed


@pytest.mark.parametrize("peer", [name for name in PEERS if name != "optuna-gp"])
def test_peers_run_by_name(peer: str) -> None:
    table = load_table("synthetic-separable")
    first, second = (search(peer, table, 30, seed=4) for _ in range(2))
    assert first.vectors == second.vectors
    assert len(first.test_regret) == 30


def test_tuners_run_by_name_with_arguments() -> None:
    table = load_table("synthetic-separable")
    arguments = {"population_size": 5, "sample_size": 2}
    trace = search("RegularizedEvolution", table, 40, seed=3, arguments=arguments)
    same = run(table, RegularizedEvolutionTuner(seed=3, **arguments), 40)
    assert trace.vectors == same.vectors


def test_what_the_protocol_sets_is_no_argument() -> None:
    table = load_table("synthetic-separable")
    with pytest.raises(ConfigError) as caught:
        search("random", table, 10, seed=0, arguments={"seed": 1, "optimize_mode": "minimize"})
    assert [str(problem) for problem in caught.value.problems] == [
        "tuner argument 'seed' is set by the protocol (another for each search); leave it out",
        "tuner argument 'optimize_mode' is set by the protocol (as the table needs it); "
        "leave it out",
    ]


def test_a_peer_takes_neither_workers_nor_arguments() -> None:
    table = load_table("synthetic-separable")
    with pytest.raises(ConfigError, match="optuna-tpe: runs as Optuna ships it"):
        search("optuna-tpe", table, 10, seed=0, workers=4)
    with pytest.raises(ConfigError, match="optuna-tpe: runs as Optuna ships it"):
        search("optuna-tpe", table, 10, seed=0, arguments={"gamma": 1})

"""Bayesian optimization keeps the rules of all tuners, and finds what it should."""

from __future__ import annotations

import copy
import math
import pickle
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from random import Random
from statistics import fmean
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.samplers import BaseSampler
from optuna.testing.pytest_samplers import (
    BasicSamplerTestCase,
    MultiObjectiveSamplerTestCase,
    RelativeSamplerTestCase,
)

from nas_tuners.contract.architecture import to_parameters
from nas_tuners.contract.errors import ArchitectureError, SearchSpaceExhausted
from nas_tuners.contract.flat_encoding import FlatEncoding
from nas_tuners.contract.search_space import IndexVector, SearchSpace
from nas_tuners.testing import TunerSuite
from nas_tuners.testing._spaces import SPACES
from nas_tuners.tuners import hypervolume
from nas_tuners.tuners._base import Ask, Tuner
from nas_tuners.tuners._bayesian import BayesianTuner
from nas_tuners.tuners._features import Array
from nas_tuners.tuners._maximization import maximize
from nas_tuners.tuners._optuna_sampler import TunerSampler
from nas_tuners.tuners._study import distributions

SMALL = SearchSpace(
    {f"op_{i}": {"_type": "layer_choice", "_value": list("abcd")} for i in range(5)}
)  # 1,024: ranked as a whole
LARGE = SearchSpace(
    {f"op_{i}": {"_type": "layer_choice", "_value": list("abcde")} for i in range(6)}
)  # 15,625: climbed
CELL = SearchSpace(
    SPACES["inputs"] | {f"op_{i}": {"_type": "layer_choice", "_value": ["a", "b"]} for i in "12"}
)

Objective = Callable[[IndexVector], float]


class TestBayesianTuner(TunerSuite):
    budget = 24
    learning_budget = 40

    def make_tuner(self, space: SearchSpace, **options: Any) -> Tuner:
        return BayesianTuner(**options)


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
class TestOptunasOwnCases(
    BasicSamplerTestCase, RelativeSamplerTestCase, MultiObjectiveSamplerTestCase
):
    @pytest.fixture(params=[None, CELL], ids=["without a space", "with a space"])
    def sampler(self, request: pytest.FixtureRequest) -> Callable[[], BaseSampler]:
        def make() -> BaseSampler:
            tuner = BayesianTuner(n_startup_trials=3, seed=0)
            return TunerSampler(tuner, request.param)

        return make


def _objective(space: SearchSpace, seed: object) -> Objective:
    """Effects of single decisions and of pairs of neighbours; higher is better."""
    rng = Random(f"objective:{seed}")
    sizes = [int(decision.domain.size) for decision in space.decisions]
    single = [[rng.gauss(0, 1) for _ in range(size)] for size in sizes]
    pairs = [
        [[rng.gauss(0, 0.5) for _ in range(after)] for _ in range(before)]
        for before, after in pairwise(sizes)
    ]

    def objective(vector: IndexVector) -> float:
        entries = [int(entry or 0) for entry in vector]
        total = sum(weights[entry] for weights, entry in zip(single, entries, strict=True))
        return total + sum(
            pair[before][after]
            for pair, (before, after) in zip(pairs, pairwise(entries), strict=True)
        )

    return objective


def _tuner(space: SearchSpace = LARGE, **options: Any) -> BayesianTuner:
    tuner = BayesianTuner(**({"seed": 0} | options))
    tuner.update_search_space(space)
    return tuner


def _ask(tuner: Tuner, number: int) -> IndexVector:
    tuner.generate_parameters(number)
    return tuner.proposed_vector(number)


def _run(
    tuner: Tuner, trials: int, value_of: Callable[[IndexVector], Any], first: int = 0
) -> list[IndexVector]:
    vectors = []
    for number in range(first, first + trials):
        vectors.append(_ask(tuner, number))
        tuner.tell(number, vectors[-1], value_of(vectors[-1]))
    return vectors


def _total(vector: IndexVector) -> float:
    return float(sum(entry or 0 for entry in vector))


def _changes(one: IndexVector, other: IndexVector) -> int:
    return sum(a != b for a, b in zip(one, other, strict=True))


# ---- what it finds ------------------------------------------------------------------------------


def test_the_optimum_of_a_small_space_takes_few_trials() -> None:
    """Random search needs 512 on average."""
    needed = []
    for seed in range(8):
        objective = _objective(SMALL, seed)
        best = max(map(objective, SMALL.enumerate()))
        found = [objective(v) == best for v in _run(_tuner(SMALL, seed=seed), 80, objective)]
        needed.append(found.index(True) if any(found) else 512)
    assert fmean(needed) < 50


def test_the_start_tries_every_alternative_equally_often() -> None:
    vectors = _run(_tuner(), 10, lambda vector: 0.0)
    for position in range(6):
        assert Counter(vector[position] for vector in vectors) == Counter([*range(5)] * 2)


def test_trials_that_fail_in_a_region_are_avoided() -> None:
    """Even where the surrogate has nothing but hopes."""
    failed = []
    for seed in range(3):
        objective = _objective(LARGE, seed)
        best = max(range(5), key=lambda entry: objective((entry, 0, 0, 0, 0, 0)))
        vectors = _run(
            _tuner(seed=seed),
            40,
            lambda v: None if v[0] == best else objective(v),  # noqa: B023
        )
        failed += [vector[0] == best for vector in vectors[20:]]
    assert fmean(failed) < 0.1, "a fifth of the space fails"


def test_the_first_success_among_failures_is_followed() -> None:
    tuner = _tuner()
    rng = Random(0)
    for number in range(30):
        tuner.tell(number, (0, *(rng.randrange(5) for _ in range(5))), None)
    tuner.tell(30, (3, 0, 0, 0, 0, 0), 1.0)
    assert _ask(tuner, 31)[0] != 0


def test_failures_at_random_do_not_stop_it() -> None:
    rng = Random(0)
    objective = _objective(LARGE, 1)
    vectors = _run(_tuner(), 50, lambda v: None if rng.random() < 0.2 else objective(v))
    drawn = [objective(LARGE.sample(rng)) for _ in range(1_000)]
    assert max(map(objective, vectors)) > sorted(drawn)[-3]


def test_bounds_are_kept_once_they_are_known() -> None:
    """One architecture in eight is small enough; the good ones are large."""
    kept, found = [], []
    for seed in range(3):
        objective = _objective(LARGE, seed)
        tuner = _tuner(seed=seed, optimize_mode={"default": "maximize", "size": "<= 8"})
        vectors = _run(
            tuner,
            45,
            lambda v: {"default": objective(v) + _total(v), "size": _total(v)},  # noqa: B023
        )
        kept += [_total(vector) <= 8 for vector in vectors[25:]]
        feasible = [v for v in LARGE.enumerate() if _total(v) <= 8]
        worth = sorted((objective(v) + _total(v) for v in feasible), reverse=True)
        ours = max(objective(v) + _total(v) for v in vectors if _total(v) <= 8)
        found.append(worth.index(ours) / len(worth))
    assert fmean(kept) > 0.6
    assert fmean(found) < 0.01, "among the best hundredth of what is small enough"


def test_bounds_that_nothing_keeps_are_approached() -> None:
    tuner = _tuner(optimize_mode={"default": "maximize", "size": "<= 1"})
    vectors = _run(tuner, 30, lambda v: {"default": 0.0, "size": 5.0 + _total(v)})
    assert min(_total(vector) for vector in vectors[10:]) <= 2


@pytest.mark.parametrize("excess", [math.inf, -math.inf, 1e308, 0.0])
def test_excesses_of_any_size_are_survived(excess: float) -> None:
    tuner = _tuner()
    for number in range(14):
        vector = _ask(tuner, number)
        beyond = {"size": excess if number % 3 else 1e-300}
        tuner.tell(number, vector, float(number), excess=beyond)
    assert len({_ask(tuner, number) for number in range(20, 23)}) == 3


@pytest.mark.parametrize("space", [SMALL, LARGE], ids=["ranked", "climbed"])
def test_two_objectives_are_traded_off(space: SearchSpace) -> None:
    """The front dominates more than that of random search with three times the trials."""
    ours, drawn = [], []
    for seed in range(2):
        one, other = _objective(space, seed), _objective(space, f"{seed} too")

        def both(vector: IndexVector) -> list[float]:
            return [one(vector), 2 * one(vector) - 3 * other(vector)]  # noqa: B023

        mode = {"accuracy": "maximize", "latency": "minimize"}
        vectors = _run(_tuner(space, seed=seed, optimize_mode=mode), 40, both)
        rng = Random(seed)
        others = [space.sample(rng) for _ in range(120)]
        ours.append(_volume([both(vector) for vector in vectors]))
        drawn.append(_volume([both(vector) for vector in others]))
    assert fmean(ours) > fmean(drawn)


def _volume(values: list[list[float]]) -> float:
    points = [(accuracy, -latency) for accuracy, latency in values]
    return hypervolume(points, (-10.0, -40.0))


def test_pruned_trials_count_by_what_they_reported() -> None:
    """Nothing with candidate 4 was ever finished; its reports say what it is worth."""

    def proposals(sign: float) -> list[IndexVector]:
        tuner, rng = _tuner(), Random(0)
        for number in range(30):
            vector = tuple(rng.randrange(4) for _ in range(6))
            score = _total(vector) / 10
            tuner.tell(number, vector, score, intermediate={1: score, 9: score})
        for number in range(30, 45):
            vector = (4, *(rng.randrange(4) for _ in range(5)))
            report = sign * 3.0 + _total(vector) / 10
            tuner.tell(number, vector, report, intermediate={1: report}, pruned=True)
        return [_ask(tuner, number) for number in range(50, 54)]

    assert all(vector[0] == 4 for vector in proposals(+1.0))
    assert all(vector[0] != 4 for vector in proposals(-1.0))


# ---- batches ------------------------------------------------------------------------------------


@pytest.mark.parametrize("space", [SMALL, LARGE], ids=["ranked", "climbed"])
def test_a_batch_is_spread_out(space: SearchSpace) -> None:
    tuner, objective = _tuner(space), _objective(space, 0)
    _run(tuner, 25, objective)
    batch = [_ask(tuner, number) for number in range(100, 120)]
    assert len(set(batch)) == 20
    distances = [_changes(a, b) for a in batch for b in batch if a != b]
    assert fmean(distances) > 1.5
    for position in range(len(space.decisions)):
        assert len({vector[position] for vector in batch}) > 1, "every decision is questioned"


def test_pending_trials_push_others_away() -> None:
    """What is about to be known is worth less, and so is what is like it."""
    tuner, objective = _tuner(), _objective(LARGE, 0)
    _run(tuner, 25, objective)
    first = _ask(copy.deepcopy(tuner), 100)
    tuner.set_pending({number: (v, None) for number, v in enumerate(_around(first), 200)})
    assert _changes(_ask(tuner, 100), first) > 1


def _around(vector: IndexVector) -> Iterator[IndexVector]:
    yield vector
    for position in range(len(vector)):
        yield (*vector[:position], (int(vector[position] or 0) + 1) % 5, *vector[position + 1 :])


# ---- the same after a restart -------------------------------------------------------------------


def _trial(number: int, vector: IndexVector) -> tuple[Any, dict[str, Any]]:
    """A trial's value and all that comes with it: failures, pruning, and a bound that shows up."""
    value = _objective(LARGE, 0)(vector)
    reports = {step: value + step for step in range(1, 3 if number % 4 == 1 else 6)}
    details: dict[str, Any] = {"intermediate": reports, "pruned": number % 4 == 1}
    if number > 17:
        details["excess"] = {"size": _total(vector) - 14.0}
    return (None if number % 7 == 3 else value), details


def test_a_restart_at_any_moment_changes_nothing() -> None:
    """The one has asked before every trial, the other never: both have fitted to the same."""
    tuner = _tuner()
    history: list[tuple[int, IndexVector]] = []
    for number in range(34):
        vector = _ask(tuner, number)
        if number > 9 and number % 3 == 0:
            resumed = _tuner()
            for earlier, tried in history:
                value, details = _trial(earlier, tried)
                resumed.tell(earlier, tried, value, **details)
            assert _ask(resumed, number) == vector
        value, details = _trial(number, vector)
        tuner.tell(number, vector, value, **details)
        history.append((number, vector))


def test_two_objectives_are_the_same_after_a_restart() -> None:
    mode = {"accuracy": "maximize", "latency": "minimize"}
    tuner, resumed = (_tuner(optimize_mode=mode) for _ in range(2))
    for number, vector in enumerate(_run(tuner, 16, lambda v: [_total(v), v[0]])):
        resumed.tell(number, vector, [_total(vector), vector[0]])
    assert _ask(resumed, 90) == _ask(tuner, 90)


def test_a_study_is_resumed_by_any_number_of_processes() -> None:
    encoding = FlatEncoding(CELL)
    objective = _objective(CELL, 0)

    def search(study: optuna.Study, trials: int) -> None:
        for _ in range(trials):
            trial = study.ask(distributions(encoding))
            study.tell(trial, objective(encoding.decode(trial.params)))

    def sampler() -> TunerSampler:
        return TunerSampler(BayesianTuner(n_startup_trials=4, seed=0), CELL)

    whole = optuna.create_study(direction="maximize", sampler=sampler())
    search(whole, 24)
    storage = optuna.storages.InMemoryStorage()
    optuna.create_study(storage=storage, study_name="parts", direction="maximize")
    for trials in (5, 1, 7, 11):
        part = optuna.load_study(storage=storage, study_name="parts", sampler=sampler())
        search(part, trials)
    assert [t.params for t in part.trials] == [t.params for t in whole.trials]


def test_scores_that_come_late_count_as_if_they_had_been_there() -> None:
    late, early = _tuner(), _tuner()
    scores = _scores(lambda vector: _total(vector), 0)
    early.warm_start(scores)
    for number, vector in enumerate(_run(late, 21, _objective(LARGE, 0))):
        early.tell(number, vector, _objective(LARGE, 0)(vector))
    late.warm_start(scores)
    for number in range(90, 96):
        assert _ask(late, number) == _ask(early, number)


# ---- scores from elsewhere ----------------------------------------------------------------------


def _scores(score: Objective, seed: int, count: int = 60) -> list[Mapping[str, Any]]:
    rng = Random(f"scores:{seed}")
    vectors = [LARGE.sample(rng) for _ in range(count)]
    return [{"parameter": to_parameters(LARGE, v), "value": score(v)} for v in vectors]


def _best_found(kind: str, seed: int, trials: int) -> float:
    """The best result so far, on average over the trials."""
    objective, rng = _objective(LARGE, seed), Random(seed)
    given: dict[str, Objective] = {
        "true": lambda v: 1e3 * objective(v) ** 3,
        "random": lambda v: rng.random(),
        "reversed": lambda v: -objective(v),
    }
    tuner = _tuner(seed=seed)
    if kind in given:
        tuner.warm_start(_scores(given[kind], seed))
    found = list(map(objective, _run(tuner, trials, objective)))
    return fmean(max(found[: end + 1]) for end in range(trials))


def test_scores_count_as_much_as_they_rank_the_results() -> None:
    """True ones, on any scale, speed the search up; others cost little: the same seeds for all."""
    kinds = ("none", "true", "random", "reversed")
    found = {kind: fmean(_best_found(kind, seed, 24) for seed in range(6)) for kind in kinds}
    assert found["true"] > found["none"] + 1.0
    assert found["random"] > found["none"] - 1.5
    assert found["reversed"] > found["none"] - 1.0


def test_before_any_result_the_scores_are_followed() -> None:
    """Every other trial, and the best of those scored is among them."""
    objective = _objective(LARGE, 0)
    scores = _scores(objective, 0, count=200)
    tuner = _tuner()
    tuner.warm_start(scores)
    proposed = [objective(_ask(tuner, number)) for number in range(8)]
    given = sorted((record["value"] for record in scores), reverse=True)
    assert min(proposed[::2]) > given[10]
    assert fmean(proposed[1::2]) < given[10]


def test_of_scores_of_another_version_of_the_space_the_usable_part_is_used(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tuner, expected = _tuner(), _tuner()
    other = {f"op_{i}": {"_value": "f", "_idx": 5} for i in range(6)}
    usable = _scores(lambda vector: _total(vector), 0)
    expected.warm_start(usable)
    tuner.warm_start([*usable, {"parameter": other, "value": 1.0}])
    assert "60 of 61 records are used" in caplog.text
    assert "op_0: index 5 is out of range 0..4" in caplog.text
    assert _ask(tuner, 0) == _ask(expected, 0)


def test_scores_of_quite_another_space_are_refused() -> None:
    tuner = _tuner()
    foreign = {"parameter": {"conv": {"_value": "3x3", "_idx": 0}}, "value": 1.0}
    with pytest.raises(ArchitectureError, match="record 0, op_0"):
        tuner.warm_start([foreign])
    assert _ask(tuner, 0) == _ask(_tuner(), 0)


def test_copies_know_the_scores_too() -> None:
    tuner, objective = _tuner(), _objective(LARGE, 0)
    tuner.warm_start(_scores(objective, 0))
    _run(tuner, 13, objective)
    others = [pickle.loads(pickle.dumps(tuner)), copy.deepcopy(tuner)]
    expected = _ask(tuner, 90)
    assert [_ask(other, 90) for other in others] == [expected, expected]


def test_scores_that_are_no_numbers_are_left_out(caplog: pytest.LogCaptureFixture) -> None:
    some, plain = _tuner(), _tuner()
    records = _scores(lambda vector: float(vector[0] or 0), 0, count=20)
    odd = [{**records[0], "value": value} for value in (None, math.nan, "n/a")]
    plain.warm_start(records)
    assert caplog.messages == []
    some.warm_start([*records, *odd])
    assert "3 of 23 scores of a warm start are no finite number, such as None" in caplog.text
    assert _ask(some, 0) == _ask(plain, 0)
    with pytest.raises(ArchitectureError, match="3 of 3 scores of a warm start are no finite"):
        _tuner().warm_start(odd)


# ---- odd spaces and results ---------------------------------------------------------------------


def test_numbers_alone_are_searched() -> None:
    body = {"_type": "uniform", "_value": [0.0, 1.0]}
    tuner = _tuner(SearchSpace({"x": body, "y": body}))

    def distance(vector: IndexVector) -> float:
        x, y = vector
        return abs((x or 0.0) - 0.3) + abs((y or 0.0) - 0.9)

    assert min(map(distance, _run(tuner, 50, lambda v: -distance(v)))) < 0.1


def test_a_choice_among_very_many_subsets_is_searched() -> None:
    """2^70 of them: more than a float can tell apart."""
    body = {"candidates": [f"in{i}" for i in range(70)], "n_chosen": None}
    space = SearchSpace({"from": {"_type": "input_choice", "_value": body}})
    domain = space.decisions[0].domain

    def few(vector: IndexVector) -> float:
        return -float(len(domain.chosen(vector[0])))  # type: ignore[union-attr, arg-type]

    vectors = _run(_tuner(space), 30, few)
    assert len(set(vectors)) == 30
    assert few(vectors[-1]) > max(map(few, vectors[:10]))


def test_a_large_space_is_searched_to_its_end() -> None:
    space = SearchSpace(
        {f"op_{i}": {"_type": "layer_choice", "_value": list("abc")} for i in range(7)}
    )
    everything = list(space.enumerate())
    left = set(everything[1_000:1_004])
    tuner = _tuner(space)
    for number, vector in enumerate(vector for vector in everything if vector not in left):
        tuner.tell(number, vector, _total(vector))
    assert tuner._propose(Ask(4_000, Random(0), {})) in left
    assert {_ask(tuner, number) for number in range(5_000, 5_004)} == left
    with pytest.raises(SearchSpaceExhausted):
        tuner.generate_parameters(5_004)


@pytest.mark.parametrize("name", ["empty", "small", "layers"])
def test_repeats_are_possible_where_they_are_wanted(name: str) -> None:
    space = SearchSpace(SPACES[name])
    vectors = _run(_tuner(space, dedup=False), 25, lambda v: float(len(set(v))))
    assert len(vectors) == 25


def test_of_a_thousand_results_a_part_is_enough() -> None:
    """The suggestion is next to the best, and the same after a restart."""
    objective = _objective(LARGE, 0)
    tuner, resumed = _tuner(), _tuner()
    rng = Random(0)
    tried = list(dict.fromkeys(LARGE.sample(rng) for _ in range(1_000)))
    for number, vector in enumerate(tried):
        tuner.tell(number, vector, objective(vector))
        resumed.tell(number, vector, objective(vector))
        if number == 700:
            _ask(tuner, 5_000)
            tuner.set_pending({})
    proposed = _ask(tuner, 6_000)
    assert proposed == _ask(resumed, 6_000)
    assert objective(proposed) > sorted(map(objective, tried))[-20]


@pytest.mark.parametrize("trials", [0, -3])
def test_the_number_of_startup_trials_is_checked(trials: int) -> None:
    with pytest.raises(ValueError, match="`n_startup_trials` must be at least 1"):
        BayesianTuner(n_startup_trials=trials)


# ---- the maximum of the acquisition -------------------------------------------------------------


def test_small_spaces_are_ranked_as_a_whole() -> None:
    heights = {vector: Random(str(vector)).random() for vector in SMALL.enumerate()}
    ranked = sorted(heights, key=lambda vector: -heights[vector])
    asked: list[int] = []

    def acquisition(vectors: Sequence[IndexVector]) -> Array:
        asked.append(len(vectors))
        return np.array([heights[vector] for vector in vectors])

    assert maximize(acquisition, SMALL, [], set(), Random(0)) == ranked[0]
    assert maximize(acquisition, SMALL, [], set(ranked[:7]), Random(0)) == ranked[7]
    assert maximize(acquisition, SMALL, [], set(ranked), Random(0)) is None
    assert asked == [1_024, 1_017]


@pytest.mark.parametrize("seed", range(5))
def test_larger_spaces_are_climbed(seed: int) -> None:
    """From the best of what was drawn to the summit, and past what is known."""
    objective = _objective(LARGE, seed)
    summit, second = sorted(LARGE.enumerate(), key=objective)[:-3:-1]
    asked: list[int] = []

    def acquisition(vectors: Sequence[IndexVector]) -> Array:
        asked.append(len(vectors))
        return np.array([objective(vector) for vector in vectors])

    assert maximize(acquisition, LARGE, [], set(), Random(seed)) == summit
    assert maximize(acquisition, LARGE, [summit], {summit}, Random(seed)) == second
    assert sum(asked) < 4_000


@pytest.mark.parametrize("space", [SMALL, LARGE])
def test_the_best_of_what_is_accepted(space: SearchSpace) -> None:
    objective = _objective(space, 0)
    best = sorted(space.enumerate(), key=objective)[-30:]
    refused = {*best[1:]}
    looked_at: list[IndexVector] = []

    def accepts(vector: IndexVector) -> bool:
        looked_at.append(vector)
        return vector not in refused

    def acquisition(vectors: Sequence[IndexVector]) -> Array:
        return np.array([objective(vector) for vector in vectors])

    found = maximize(acquisition, space, [best[-1]], set(), Random(0), accepts)
    assert found == best[0]
    assert len(looked_at) < 300
    assert maximize(acquisition, space, [], set(), Random(0), lambda _: False) is None


def test_scores_that_do_not_fit_leave_the_tuner_without_a_space() -> None:
    tuner = BayesianTuner(seed=0)
    tuner.warm_start([{"parameter": {"other": {"_value": "a", "_idx": 0}}, "value": 1.0}])
    for _ in range(2):  # the second attempt must not pass in silence
        with pytest.raises(ArchitectureError, match="scores of a warm start"):
            tuner.update_search_space(SPACES["layers"])

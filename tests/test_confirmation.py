"""Choosing the winner of a search by new runs."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import optuna
import pytest

import nas_tuners
from nas_tuners.bench import data_folder
from nas_tuners.confirmation import candidates_of, plan, summarize
from nas_tuners.contract.errors import ExperimentError
from nas_tuners.contract.flat_encoding import FlatEncoding
from nas_tuners.contract.search_space import SearchSpace
from nas_tuners.tuners._optuna_sampler import TunerSampler
from nas_tuners.tuners._random import RandomTuner
from nas_tuners.tuners._study import distributions

RECORDS = [{"parameter": {"op": name}, "value": float(i)} for i, name in enumerate("abcdef")]
TRUE = {"a": 0.0, "b": 0.0, "c": 0.0, "d": 9.0, "e": 7.0, "f": 1.0}


def _noisy(parameters: dict[str, Any], seed: int) -> float:
    return TRUE[parameters["op"]] + 0.1 * seed


def test_the_best_are_measured_again_and_ranked_by_that() -> None:
    chosen = nas_tuners.confirm(RECORDS, _noisy, top_k=3, seeds=3)
    assert [row.parameters["op"] for row in chosen.candidates] == ["d", "e", "f"]
    assert chosen.winner.parameters == {"op": "d"}
    assert chosen.winner.values == (9.1, 9.2, 9.3)
    assert chosen.winner.mean == pytest.approx(9.2)
    assert chosen.winner.standard_error == pytest.approx(0.1 / math.sqrt(3))
    assert chosen.winner.probability == pytest.approx(1.0, abs=1e-3)
    assert sum(row.probability or 0.0 for row in chosen.candidates) == pytest.approx(1.0)


def test_what_the_search_measured_is_shown_and_not_counted() -> None:
    lucky = [{"parameter": {"op": "a"}, "value": 1e6}, *RECORDS]
    chosen = nas_tuners.confirm(lucky, _noisy, top_k=2)
    assert [row.parameters["op"] for row in chosen.candidates] == ["f", "a"]
    assert chosen.candidates[1].search_value == pytest.approx(5e5)  # of the two records of a
    assert chosen.candidates[1].mean == pytest.approx(0.2)


def test_minimizing() -> None:
    chosen = nas_tuners.confirm(RECORDS, _noisy, top_k=4, seeds=[5, 6], optimize_mode="minimize")
    assert {row.parameters["op"] for row in chosen.candidates} == set("abcd")
    assert chosen.candidates[-1].parameters == {"op": "d"}
    assert chosen.candidates[-1].probability == pytest.approx(0.0, abs=1e-3)
    assert chosen.winner.values == pytest.approx((0.5, 0.6))


def test_failed_runs_are_reported_and_are_no_values(caplog: pytest.LogCaptureFixture) -> None:
    def evaluate(parameters: dict[str, Any], seed: int) -> Any:
        if parameters["op"] == "d":
            raise RuntimeError("out of memory")
        return math.nan if parameters["op"] == "e" and seed == 2 else _noisy(parameters, seed)

    chosen = nas_tuners.confirm(RECORDS, evaluate, top_k=3, seeds=2)
    assert [row.parameters["op"] for row in chosen.candidates] == ["e", "f", "d"]
    best, _, failed = chosen.candidates
    assert best.values == (7.1,)
    assert best.failures[0].startswith("seed 2: the result is nan")
    assert (failed.mean, failed.probability, failed.values) == (None, 0.0, ())
    assert failed.failures == tuple(f"seed {s}: RuntimeError: out of memory" for s in (1, 2))
    assert "seed 1 failed: RuntimeError: out of memory" in caplog.text


def test_when_every_run_failed_there_is_no_winner() -> None:
    chosen = nas_tuners.confirm(RECORDS, lambda parameters, seed: None, top_k=2)
    assert all(row.mean is None and row.probability is None for row in chosen.candidates)
    with pytest.raises(ExperimentError, match="no run succeeded; the first failed with: seed 1:"):
        chosen.winner  # noqa: B018 - reading it is the test


def test_one_run_each_tells_no_probability() -> None:
    chosen = nas_tuners.confirm(RECORDS, _noisy, top_k=2, seeds=1)
    assert [row.probability for row in chosen.candidates] == [None, None]
    assert [row.standard_error for row in chosen.candidates] == [None, None]
    assert chosen.winner.parameters == {"op": "e"}


def test_huge_values_are_values() -> None:
    chosen = nas_tuners.confirm(
        RECORDS, lambda parameters, seed: 1e200 * _noisy(parameters, seed), top_k=3, seeds=2
    )
    assert [row.parameters["op"] for row in chosen.candidates] == ["d", "e", "f"]
    assert chosen.winner.mean == pytest.approx(9.15e200)
    assert chosen.winner.standard_error == pytest.approx(0.05e200)
    assert chosen.winner.probability == pytest.approx(1.0, abs=2e-3)


def test_the_largest_floats_are_values() -> None:
    records = [record | {"value": 1.7e308} for record in RECORDS[:2]] * 2
    chosen = nas_tuners.confirm(records, lambda parameters, seed: 1.7e308)
    for row in chosen.candidates:
        assert (row.search_value, row.mean, row.standard_error) == (1.7e308, 1.7e308, 0.0)
        assert row.probability == pytest.approx(0.5)
    apart = nas_tuners.confirm(records, lambda parameters, seed: 1.7e308 * (-1) ** seed, seeds=2)
    assert (apart.winner.mean, apart.winner.standard_error) == (0.0, None)
    assert apart.winner.probability is None


def test_a_run_may_change_its_parameters() -> None:
    record = {"parameter": {"in": {"_value": ["a"], "_idx": [0]}}, "value": 1.0}
    chosen = nas_tuners.confirm(
        [record], lambda parameters, seed: parameters["in"].pop("_idx")[0] + seed, seeds=3
    )
    assert chosen.winner.values == (1.0, 2.0, 3.0)
    assert chosen.winner.parameters == {"in": {"_value": ["a"], "_idx": [0]}}


def test_records_as_nni_exports_them() -> None:
    """Both fields as JSON text; a value may be a dict of metrics, or null of a failed trial."""
    texts = [{field: json.dumps(record[field]) for field in record} for record in RECORDS]
    texts[5]["value"] = '{"default": 5.0, "latency": 3}'
    texts += [{"parameter": '{"op": "a"}', "value": value} for value in ("null", "NaN")]
    assert candidates_of(texts, 9) == candidates_of(RECORDS, 9)


def test_a_study_of_any_objective() -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=20)
    chosen = nas_tuners.confirm(study, lambda parameters, seed: parameters["x"], top_k=2)
    assert chosen.winner.parameters == study.best_params
    assert chosen.winner.search_value == study.best_value


def test_a_study_with_a_search_space_gives_what_its_trials_were_given() -> None:
    space = SearchSpace(
        {"in": {"_type": "input_choice", "_value": {"candidates": list("abcd"), "n_chosen": 2}}}
    )
    study = optuna.create_study(
        direction="maximize", sampler=TunerSampler(RandomTuner(seed=0), space)
    )
    encoding = FlatEncoding(space)

    def objective(trial: optuna.Trial) -> float:
        values = {n: trial._suggest(n, d) for n, d in distributions(encoding).items()}
        return float(encoding.decode(values)[0] or 0) + trial.suggest_float("lr", 0, 0.1)  # type: ignore[arg-type]

    study.optimize(objective, n_trials=6)
    [candidate] = candidates_of(study, 1)
    assert candidate.parameters["in"] == {"_value": ["c", "d"], "_idx": [2, 3]}
    assert candidate.parameters["lr"] == study.best_params["lr"]


@pytest.mark.skipif(
    not hasattr(optuna.trial.FrozenTrial, "constraints"), reason="Optuna 4 has none"
)
def test_trials_beyond_a_constraint_and_failed_ones_are_no_candidates() -> None:
    study = optuna.create_study(direction="maximize")

    def objective(trial: optuna.Trial) -> float:
        x = trial.suggest_int("x", 0, 9)
        trial.set_constraint("size", x - 4)
        if x == 4:
            raise RuntimeError
        return float(x)

    for x in (1, 2, 4, 7):
        study.enqueue_trial({"x": x})
    study.optimize(objective, n_trials=4, catch=RuntimeError)
    assert [c.parameters["x"] for c in candidates_of(study, 9)] == [2, 1]


def test_runs_may_happen_elsewhere() -> None:
    """The parts of ``confirm``: what to run, in which order, and what any part of it says."""
    candidates = candidates_of(RECORDS, 2)
    runs = plan(candidates, [10, 11])
    assert [(run.parameters["op"], run.seed) for run in runs] == [
        ("f", 10),
        ("e", 10),
        ("f", 11),
        ("e", 11),
    ]
    told = [(run, _noisy(run.parameters, run.seed)) for run in runs[:3]]
    rows = summarize(candidates, told).candidates
    assert [(row.parameters["op"], len(row.values)) for row in rows] == [("e", 1), ("f", 2)]
    assert rows[0].probability is not None


def test_the_table() -> None:
    lines = str(nas_tuners.confirm(RECORDS, _noisy, top_k=2, seeds=2)).splitlines()
    assert lines[0].split() == [
        "mean",
        "+-",
        "runs",
        "failed",
        "P(best)",
        "search",
        "architecture",
    ]
    assert lines[1].split() == ["7.15", "0.05", "2", "1.000", "4", '{"op":', '"e"}']


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"top_k": 0}, "`top_k` must be a whole number of at least 1, but got 0"),
        ({"seeds": 0}, "`seeds` must be a positive number or different whole numbers"),
        ({"seeds": [1, 1]}, r"different whole numbers, but got \(seeds=\[1, 1\]\)"),
        ({"seeds": "ab"}, r"but got \(seeds='ab'\)"),
        ({"seeds": 2.0}, r"but got \(seeds=2.0\)"),
        ({"seeds": True}, r"different whole numbers, but got \(seeds=True\)"),
        ({"seeds": [True, 2]}, r"different whole numbers, but got \(seeds=\[True, 2\]\)"),
        ({"optimize_mode": "max"}, "`optimize_mode` must be 'maximize' or 'minimize'"),
    ],
)
def test_wrong_arguments(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        nas_tuners.confirm(RECORDS, _noisy, **options)


@pytest.mark.parametrize(
    "record",
    [
        {"op": "a", "value": 1.0},
        {"parameter": {"op": "a"}},
        {"parameter": "op=a", "value": 1.0},
        {"parameter": [1], "value": 1.0},
        3,
    ],
)
def test_what_is_no_record(record: Any) -> None:
    with pytest.raises(ValueError, match=r"`results` must be a study, or records .* record 1 is"):
        nas_tuners.confirm([RECORDS[0], record], _noisy)


@pytest.mark.parametrize("results", [None, 3, "results.json", RECORDS[0]])
def test_what_are_no_results(results: Any) -> None:
    with pytest.raises(ValueError, match=r"`results` must be a study, or records .* but got "):
        nas_tuners.confirm(results, _noisy)


def test_records_without_a_value() -> None:
    failed = [{"parameter": {"op": name}, "value": None} for name in "ab"]
    with pytest.raises(ExperimentError, match=r"no record has a usable value; .* 0: .* got None"):
        nas_tuners.confirm(failed, _noisy)
    with pytest.raises(ExperimentError, match="no trial has succeeded"):
        nas_tuners.confirm([], _noisy)


def test_studies_it_cannot_serve() -> None:
    several = optuna.create_study(directions=["minimize", "maximize"])
    with pytest.raises(ValueError, match="the study has several"):
        nas_tuners.confirm(several, _noisy)
    with pytest.raises(ValueError, match="but the study's is 'minimize'"):
        nas_tuners.confirm(optuna.create_study(), _noisy, optimize_mode="maximize")
    with pytest.raises(ExperimentError, match="no trial has succeeded"):
        nas_tuners.confirm(optuna.create_study(), _noisy)


def test_the_winner_is_better_than_the_luckiest() -> None:
    """Against simulation: 100 architectures, noise as large as their differences."""
    rng = np.random.default_rng(0)
    gain = []
    for _ in range(60):
        truth = rng.normal(size=100)
        records = [{"parameter": {"x": i}, "value": truth[i] + rng.normal()} for i in range(100)]
        chosen = nas_tuners.confirm(
            records,
            lambda parameters, seed: truth[parameters["x"]] + rng.normal(),  # noqa: B023
            top_k=5,
        )
        luckiest = max(records, key=lambda record: record["value"])
        gain.append(truth[chosen.winner.parameters["x"]] - truth[luckiest["parameter"]["x"]])
    assert np.mean(gain) > 3 * np.std(gain) / math.sqrt(len(gain)) > 0


def test_regret_on_a_published_table_gets_smaller() -> None:
    """NAS-Bench-Macro, three runs each: search sees the first, the second confirms, and the third
    judges.
    """
    file = data_folder() / "nas_bench_macro.npz"
    if not file.exists():
        pytest.skip(f"no published table: {file}")
    runs = np.load(file)["test_acc_x100"] / 100
    rng = np.random.default_rng(0)
    gain = []
    for _ in range(200):
        seen = rng.choice(len(runs), size=200, replace=False)
        records = [{"parameter": {"row": int(row)}, "value": runs[row, 0]} for row in seen]
        chosen = nas_tuners.confirm(
            records, lambda parameters, seed: runs[parameters["row"], seed], top_k=5, seeds=[1]
        )
        luckiest = seen[runs[seen, 0].argmax()]
        gain.append(runs[chosen.winner.parameters["row"], 2] - runs[luckiest, 2])
    assert np.mean(gain) > 2 * np.std(gain) / math.sqrt(len(gain))

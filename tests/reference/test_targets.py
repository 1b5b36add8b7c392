"""What a model is given of the results, against definitions and simulated trials."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from scipy import stats

from nas_tuners.tuners._exchange import Result
from nas_tuners.tuners._features import Array
from nas_tuners.tuners._targets import (
    final_scores,
    gaussian_ranks,
    representatives,
    signed_scale,
)

STEP = 3


def _finished(early: float, final: float) -> Result:
    return Result(None, (), final, final, None, scores=(final,), partial={STEP: early, 9: final})


def _stopped(*reports: float) -> Result:
    """Reports up to the step at which it was stopped."""
    partial = {STEP - len(reports) + 1 + i: report for i, report in enumerate(reports)}
    last = reports[-1]
    return Result(None, (), last, last, None, scores=(last,), partial=partial, pruned=True)


def _correlated(count: int, correlation: float, seed: int = 0) -> Array:
    """Early and final scores of trials: a bivariate normal."""
    covariance = [[1.0, correlation], [correlation, 1.0]]
    drawn: Array = np.random.default_rng(seed).multivariate_normal([0, 0], covariance, count)
    return drawn


# ---- ranks --------------------------------------------------------------------------------------


def test_ranks_become_normal_quantiles() -> None:
    found = gaussian_ranks(np.array([3.0, -1e30, 7.0, 1e30]))
    assert found == pytest.approx(stats.norm.ppf([0.375, 0.125, 0.625, 0.875]))


def test_many_ranks_are_distributed_normally_whatever_the_values() -> None:
    found = gaussian_ranks(np.random.default_rng(0).standard_cauchy(size=2_000))
    assert found.mean() == pytest.approx(0.0, abs=1e-9)
    assert found.std() == pytest.approx(1.0, abs=0.01)
    assert stats.kstest(found, "norm").statistic < 0.01


def test_no_unit_matters_and_ties_share_a_rank() -> None:
    values = np.random.default_rng(0).normal(size=50)
    assert gaussian_ranks(np.exp(5 * values)) == pytest.approx(gaussian_ranks(values))
    assert gaussian_ranks(-values) == pytest.approx(-gaussian_ranks(values))
    assert gaussian_ranks(np.array([1.0, 2.0, 2.0, 3.0]))[1:3] == pytest.approx([0.0, 0.0])
    assert gaussian_ranks(np.ones(7)) == pytest.approx(np.zeros(7))


# ---- bounds -------------------------------------------------------------------------------------


def test_excesses_keep_their_sign_and_lose_their_unit() -> None:
    values = np.array([-3.0, -0.1, 0.0, 0.2, 5.0, 40.0])
    found = signed_scale(values)
    assert (np.sign(found) == np.sign(values)).all()
    assert (np.diff(found) > 0).all()
    assert signed_scale(1e-7 * values) == pytest.approx(found)
    assert found == pytest.approx(np.arcsinh(values / np.median(np.abs(values))))


@pytest.mark.parametrize(
    "values",
    [
        [-1e308, 1.0, 1e308],
        [np.inf, -1.0, -np.inf],
        [np.inf, np.inf, -1.0],
        [1e-320, 5.0, -1e-320],
        [0.0, 0.0, 1e9],
    ],
)
def test_excesses_beyond_all_measure_are_large_but_finite(values: list[float]) -> None:
    found = signed_scale(np.array(values))
    assert (np.sign(found) == np.sign(values)).all()
    assert (np.abs(found) < 30).all()


# ---- pruned trials ------------------------------------------------------------------------------


@pytest.mark.parametrize("correlation", [0.3, 0.7, 0.95])
@pytest.mark.parametrize("early", [-1.5, 0.0, 1.0])
def test_a_pruned_trial_is_expected_where_its_like_end(correlation: float, early: float) -> None:
    """Against the trials of a simulation that were where it is and went on."""
    estimates = []
    for seed in range(10):
        trials = _correlated(400, correlation, seed=seed)
        results = [*(_finished(*pair) for pair in trials.tolist()), _stopped(early)]
        values, extra = final_scores(results)
        assert values[:-1] == pytest.approx(trials[:, 1])
        assert not extra[:-1].any()
        estimates.append((values[-1], extra[-1]))
    value, noise = np.mean(estimates, axis=0)
    like = _correlated(400_000, correlation, seed=10)
    like = like[np.abs(like[:, 0] - early) < 0.05, 1]
    assert value == pytest.approx(like.mean(), abs=0.1)
    assert noise == pytest.approx(like.var(), abs=0.06)


def test_of_many_trials_some_are_compared_evenly() -> None:
    """Trials 0, 3, 6, ... of 1,500 say all there is to know."""
    trials = _correlated(1_500, 0.7).tolist()
    stopped = _stopped(0.5)
    some = final_scores([*(_finished(*pair) for pair in trials[::3]), stopped])
    found = final_scores([*(_finished(*pair) for pair in trials), stopped])
    assert (found.values[-1], found.extra_noise[-1]) == (some.values[-1], some.extra_noise[-1])
    exact = _correlated(1_500, 0.7)[:, 1]
    assert found.values[:-1] == pytest.approx(exact)


def test_estimates_do_not_depend_on_the_unit_of_reports_or_results() -> None:
    trials = _correlated(200, 0.8)
    plain = [*(_finished(*pair) for pair in trials.tolist()), _stopped(0.4), _stopped(-0.3)]
    others = [
        *(_finished(1e3 * early**3, float(np.exp(final))) for early, final in trials.tolist()),
        _stopped(1e3 * 0.4**3),
        _stopped(-1e3 * 0.3**3),
    ]
    first, second = final_scores(plain), final_scores(others)
    assert gaussian_ranks(first.values) == pytest.approx(gaussian_ranks(second.values), abs=0.01)
    assert first.extra_noise == pytest.approx(second.extra_noise)


@pytest.mark.parametrize("finals", ["unrelated", "opposed", "equal"])
def test_a_step_that_says_nothing_gives_the_median_with_full_noise(finals: str) -> None:
    early = np.random.default_rng(0).normal(size=300)
    final = {
        "unrelated": np.random.default_rng(1).normal(size=300),
        "opposed": -early,
        "equal": np.ones(300),
    }[finals]
    pairs = zip(early.tolist(), final.tolist(), strict=True)
    values, extra = final_scores([*(_finished(*pair) for pair in pairs), _stopped(2.5)])
    assert values[-1] == pytest.approx(np.median(final), abs=0.3)
    assert extra[-1] == pytest.approx(1.0, abs=0.02)


def test_its_last_report_stands_until_five_have_gone_on() -> None:
    finished = [_finished(early, 10 * early) for early in (1.0, 2.0, 3.0, 4.0, 5.0)]
    unknown = final_scores([*finished[:4], _stopped(2.5)])
    assert unknown.values[-1] == 2.5
    assert unknown.extra_noise[-1] == 1.0
    known = final_scores([*finished, _stopped(2.5)])
    assert known.values[-1] == pytest.approx(24.0, abs=4.0)
    assert known.extra_noise[-1] == pytest.approx(0.0)


def test_trials_stopped_at_different_steps_are_compared_there() -> None:
    """At step 3 everything is 100 higher than at step 2."""
    finished = [
        Result(None, (), x, x, None, scores=(x,), partial={2: x, 3: 100 + x})
        for x in map(float, range(9))
    ]
    late = Result(None, (), 104.0, 104.0, None, scores=(104.0,), partial={2: 4.0, 3: 104.0})
    early = Result(None, (), 4.0, 4.0, None, scores=(4.0,), partial={2: 4.0})
    pruned = [_as_pruned(result) for result in (late, early)]
    silent = _as_pruned(Result(None, (), 7.0, 7.0, None, scores=(7.0,)))
    values, extra = final_scores([*pruned, *finished, silent])
    assert values[:2] == pytest.approx([4.0, 4.0])
    assert extra[:2] == pytest.approx([0.0, 0.0])
    assert (values[-1], extra[-1]) == (7.0, 1.0), "without a report its score is all there is"


def test_other_objectives_are_taken_as_they_are() -> None:
    results = [
        Result(None, (), 1.0, 1.0, None, scores=(1.0, score), partial={1: 0.0}, pruned=True)
        for score in (5.0, 6.0)
    ]
    values, extra = final_scores(results, objective=1)
    assert values.tolist() == [5.0, 6.0]
    assert extra.tolist() == [0.0, 0.0]


def _as_pruned(result: Result) -> Result:
    return Result(
        None,
        (),
        result.value,
        result.score,
        None,
        scores=result.scores,
        partial=result.partial,
        pruned=True,
    )


# ---- a sample of many ---------------------------------------------------------------------------


def _kept(scores: Sequence[float], limit: int) -> list[int]:
    kept: list[int] = representatives(np.array(scores), limit).tolist()
    return kept


def test_few_results_are_all_kept() -> None:
    assert _kept([3.0, 1.0, 2.0], 3) == [0, 1, 2]


def test_of_many_the_best_half_is_kept_and_the_rest_evenly() -> None:
    scores = np.random.default_rng(0).permutation(1_000).astype(float)
    kept = _kept(scores.tolist(), 100)
    assert kept == sorted(kept)
    assert len(set(kept)) == 100
    chosen = sorted(scores[kept].tolist(), reverse=True)
    assert chosen[:50] == [999.0 - place for place in range(50)]
    steps = -np.diff(chosen[50:])
    assert set(steps.tolist()) <= {19.0, 20.0}
    assert chosen[-1] == 0.0


@pytest.mark.parametrize("limit", [1, 2, 5, 399])
def test_exactly_so_many_are_kept_also_of_equals(limit: int) -> None:
    assert len(set(_kept([1.0] * 400, limit))) == limit

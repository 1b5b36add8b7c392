"""The model of one metric: what it is fitted to, and what it predicts."""

from __future__ import annotations

from functools import partial
from random import Random

import numpy as np
import pytest

from nas_tuners.contract.search_space import IndexVector, SearchSpace
from nas_tuners.testing._spaces import SPACES
from nas_tuners.tuners._exchange import Result
from nas_tuners.tuners._features import Array, Features
from nas_tuners.tuners._surrogate import Prior, Surrogate
from nas_tuners.tuners._targets import final_scores, gaussian_ranks

SPACE = SearchSpace(SPACES["layers"])
FEATURES = Features(SPACE)
OTHERS = FEATURES.encode([SPACE.sample(Random(f"other:{i}")) for i in range(30)])


def _worth(vector: IndexVector) -> float:
    first, second, third, *rest = (float(entry or 0) for entry in vector)
    return first * second - third + 0.1 * sum(rest)


def _results(count: int) -> list[Result]:
    rng = Random(0)
    vectors = [SPACE.sample(rng) for _ in range(count)]
    return [Result(None, v, _worth(v), _worth(v), None, scores=(_worth(v),)) for v in vectors]


def _surrogate() -> Surrogate:
    return Surrogate(FEATURES, partial(final_scores, objective=0), gaussian_ranks)


def _correlation(first: Array, second: Array) -> float:
    return float(np.corrcoef(first, second)[0, 1])


@pytest.mark.parametrize("asked", [[27], [5, 6, 22, 23], [*range(1, 28)], [21, 27, 3, 26]])
def test_it_does_not_matter_when_it_was_asked_before(asked: list[int]) -> None:
    """Bit for bit: the parameters are those of the results at fixed numbers of them."""
    results, surrogate = _results(29), _surrogate()
    for number in asked:
        surrogate.model(results[:number])
    for number in (28, 29):
        expected = _surrogate().model(results[:number]).posterior(OTHERS)
        found = surrogate.model(results[:number]).posterior(OTHERS)
        assert (found.mean == expected.mean).all()
        assert (found.deviation == expected.deviation).all()


def test_it_predicts_architectures_it_has_not_seen() -> None:
    model = _surrogate().model(_results(120))
    vectors = [SPACE.sample(Random(f"other:{i}")) for i in range(30)]
    mean, deviation = model.posterior(OTHERS)
    assert _correlation(mean, np.array([_worth(vector) for vector in vectors])) > 0.9
    assert (deviation < 1.0).all()
    assert model.mean(OTHERS) == pytest.approx(mean)


def test_pending_architectures_are_believed() -> None:
    """The mean stays where it was; there, and near there, less is left to learn."""
    results, surrogate = _results(40), _surrogate()
    before = surrogate.model(results).posterior(OTHERS)
    after = surrogate.model(results, pending=OTHERS[:5]).posterior(OTHERS)
    assert after.mean == pytest.approx(before.mean, abs=1e-6)
    assert (after.deviation[:5] < 0.95 * before.deviation[:5]).all()
    assert (after.deviation <= before.deviation + 1e-9).all()


def test_scores_from_elsewhere_get_the_weight_that_they_deserve() -> None:
    """Twelve results say whether they rank the architectures, rank them in reverse, or do not."""
    results = _results(12)
    truth = np.array([_worth(SPACE.sample(Random(f"other:{i}"))) for i in range(30)])
    rows = FEATURES.encode([result.vector for result in results])
    known = {
        row.tobytes(): score / 3
        for row, score in zip(
            np.concatenate([rows, OTHERS]),
            [*(_worth(result.vector) for result in results), *truth],
            strict=True,
        )
    }

    def agreement(prior: Prior | None) -> float:
        return _correlation(_surrogate().model(results, prior=prior).mean(OTHERS), truth)

    def right(features: Array) -> Array:
        return np.array([known[row.tobytes()] for row in features])

    alone = agreement(None)
    assert alone < 0.9
    assert agreement(right) > 0.95
    assert agreement(lambda features: -right(features)) > alone
    noise = np.random.default_rng(0).normal(size=FEATURES.width)
    assert agreement(lambda features: features @ noise) > alone - 0.15


def test_of_many_results_the_best_and_a_sample_of_the_others_count() -> None:
    """As well as all of them: 1,200 are known, 400 are looked at."""
    model = _surrogate().model(_results(1_200))
    truth = np.array([_worth(SPACE.sample(Random(f"other:{i}"))) for i in range(30)])
    assert _correlation(model.mean(OTHERS), truth) > 0.95

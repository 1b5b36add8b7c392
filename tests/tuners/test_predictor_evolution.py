"""Evolution with a predictor keeps the rules of all tuners, and its own."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from nas_tuners.contract.architecture import to_parameters, to_vector
from nas_tuners.contract.search_space import IndexVector, SearchSpace
from nas_tuners.testing import TunerSuite
from nas_tuners.testing._spaces import SPACES
from nas_tuners.tuners._base import Tuner
from nas_tuners.tuners._predictor_evolution import PredictorEvolutionTuner

LAYERS = SearchSpace(SPACES["layers"])
CELL = SearchSpace(
    {f"op_{i}": {"_type": "layer_choice", "_value": list("abcdef")} for i in range(12)}
)


class TestPredictorEvolutionTuner(TunerSuite):
    budget = 24
    learning_budget = 80

    def make_tuner(self, space: SearchSpace, **options: Any) -> Tuner:
        return PredictorEvolutionTuner(**options)


def _tuner(space: SearchSpace = CELL, **options: Any) -> PredictorEvolutionTuner:
    tuner = PredictorEvolutionTuner(**({"seed": 0} | options))
    tuner.update_search_space(space)
    return tuner


def _ask(tuner: Tuner, number: int) -> IndexVector:
    return to_vector(tuner.space, tuner.generate_parameters(number))


def _value(vector: IndexVector) -> float:
    """Its optimum, 12, is the last alternative everywhere."""
    return sum(float(entry or 0) for entry in vector) / 5


def _drive(
    tuner: Tuner, trials: int, value_of: Callable[[IndexVector], Any] = _value
) -> list[IndexVector]:
    vectors = []
    for number in range(trials):
        vectors.append(_ask(tuner, number))
        tuner.tell(number, vectors[-1], value_of(vectors[-1]))
    return vectors


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


# ---- batches ------------------------------------------------------------------------------------


def test_a_large_batch_spreads_out() -> None:
    """Each of fifty pending differs from the next like one, in more than a decision."""
    tuner = _tuner()
    _drive(tuner, 60)
    batch = [_ask(tuner, number) for number in range(100, 150)]
    assert len(set(batch)) == 50
    rng = Random(0)
    pairs = [rng.sample(batch, 2) for _ in range(300)]
    different = [sum(a != b for a, b in zip(*pair, strict=True)) for pair in pairs]
    assert _mean([float(count) for count in different]) > 3
    assert _mean([_value(vector) for vector in batch]) > 8, "at random it is 6"


def test_workers_that_ask_at_the_same_time_get_different_architectures() -> None:
    """Each knows the same results, and nothing of what the others have just been given."""
    tuner = _tuner()
    _drive(tuner, 40)
    asked = set()
    for number in range(100, 120):
        asked.add(_ask(tuner, number))
        tuner.set_pending({})
    assert len(asked) > 15


def test_it_comes_near_the_best_of_two_billion() -> None:
    """In a hundred trials; random search gets to about 9."""
    assert max(_value(vector) for vector in _drive(_tuner(), 100)) > 11.5


# ---- failures and bounds ------------------------------------------------------------------------


def test_what_fails_is_avoided() -> None:
    """Everything with the last alternative in the first place fails."""
    vectors = _drive(_tuner(), 70, lambda v: None if v[0] == 5 else _value(v))
    failures = [vector[0] == 5 for vector in vectors[40:]]
    assert sum(failures) <= 3
    assert max(_value(vector) for vector in vectors if vector[0] != 5) > 11


def test_bounds_are_kept() -> None:
    """The bound and the objective want the opposite; the best feasible value is 9."""
    tuner = _tuner(optimize_mode={"default": "maximize", "latency": "<= 9"})
    vectors = _drive(tuner, 80, lambda v: {"default": _value(v), "latency": _value(v)})
    late = [_value(vector) for vector in vectors[50:]]
    assert sum(value <= 9 for value in late) >= 12
    assert 8.4 <= max(value for value in late if value <= 9) <= 9
    assert max(late) < 10.5


# ---- scores from elsewhere ----------------------------------------------------------------------


def _best_of(scores: Callable[[IndexVector], float] | None, trials: int) -> float:
    """The mean of what three searches find, with scores of 200 architectures or without."""
    found = []
    for seed in range(3):
        tuner = _tuner(seed=seed)
        if scores is not None:
            known = [CELL.sample(Random(f"{seed}:{i}")) for i in range(200)]
            tuner.warm_start(
                {"parameter": to_parameters(CELL, v), "value": scores(v)} for v in known
            )
        found.append(max(_value(vector) for vector in _drive(tuner, trials)))
    return _mean(found)


def test_good_scores_help() -> None:
    """On another scale, which does not matter."""
    assert _best_of(lambda v: _value(v) ** 3, 12) > _best_of(None, 12) + 1


def test_worthless_scores_do_no_harm() -> None:
    noise = _best_of(lambda v: Random(str(v)).random(), 45)
    assert noise > _best_of(None, 45) - 0.5


def test_scores_may_come_after_results() -> None:
    """What was fitted without them is void."""
    tuner, other = _tuner(LAYERS), _tuner(LAYERS)
    vectors = _drive(tuner, 20)
    scores = [{"parameter": to_parameters(LAYERS, v), "value": _value(v)} for v in vectors]
    tuner.warm_start(scores)
    other.warm_start(scores)
    for number, vector in enumerate(vectors):
        other.tell(number, vector, _value(vector))
    assert _ask(tuner, 500) == _ask(other, 500)


# ---- arguments ----------------------------------------------------------------------------------


def test_arguments_are_checked() -> None:
    with pytest.raises(ValueError, match="`n_startup_trials` must be at least 1, but got 0"):
        PredictorEvolutionTuner(n_startup_trials=0)

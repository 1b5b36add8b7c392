"""REINFORCE keeps the rules of tuners, and learns as it says."""

from __future__ import annotations

import math
from random import Random
from typing import Any

import pytest

from nas_tuners.contract.search_space import SearchSpace
from nas_tuners.testing import TunerSuite
from nas_tuners.testing._spaces import SPACES
from nas_tuners.tuners._base import Tuner
from nas_tuners.tuners._reinforce import ReinforceTuner

SPACE = SearchSpace(SPACES["layers"])


class TestReinforceTuner(TunerSuite):
    budget = 60
    constant_cost = True

    def make_tuner(self, space: SearchSpace, **options: Any) -> Tuner:
        return ReinforceTuner(**options)


def _tuner(**options: Any) -> ReinforceTuner:
    tuner = ReinforceTuner(seed=0, **options)
    tuner.update_search_space(SPACE)
    return tuner


def _run(tuner: ReinforceTuner, number: int, value: float | None) -> None:
    tuner.generate_parameters(number)
    tuner.tell(number, tuner.proposed_vector(number), value, tuner.proposal_note(number))


def test_a_better_result_raises_what_it_took_and_nothing_else() -> None:
    tuner = _tuner(lr=0.5, baseline_decay=0.0)
    _run(tuner, 0, 1.0)
    assert tuner._policy == [[0.0] * 4] * 6, "the first result is neither good nor bad"
    tuner.generate_parameters(1)
    vector = tuner.proposed_vector(1)
    tuner.tell(1, vector, 2.0, tuner.proposal_note(1))
    for scores, entry in zip(tuner._policy, vector, strict=True):
        assert scores.index(max(scores)) == entry
        assert math.isclose(sum(scores), 0.0, abs_tol=1e-12)


def test_failed_trials_teach_nothing() -> None:
    tuner = _tuner()
    for number in range(5):
        _run(tuner, number, None)
    assert tuner._policy == [[0.0] * 4] * 6
    assert tuner._baseline == 0.0


def test_foreign_results_move_the_baseline_only() -> None:
    tuner = _tuner()
    for number in range(5):
        tuner.tell(number, SPACE.sample(Random(number)), float(number))
    assert tuner._policy == [[0.0] * 4] * 6
    assert tuner._baseline > 0.0


def test_stale_results_count_by_how_probable_they_are_now() -> None:
    """A result noted as twice as probable as it is now moves the policy half as far."""
    moves = []
    for noted in (0.0, math.log(2.0)):
        tuner = _tuner(baseline_decay=0.0)
        tuner.tell(0, SPACE.sample(Random(0)), 1.0)
        vector = SPACE.sample(Random(1))
        log_prob = 6 * math.log(0.25)
        tuner.tell(1, vector, 2.0, {"log_prob": log_prob + noted})
        moves.append(max(tuner._policy[0]))
    assert moves[1] == pytest.approx(moves[0] / 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lr": 0.0}, r"`lr > 0` must hold, but got \(lr=0.0\)"),
        ({"lr": math.inf}, "`lr` must be finite, but got inf"),
        ({"baseline_decay": math.nan}, "`baseline_decay` must be finite, but got nan"),
        ({"baseline_decay": 1.0}, "`0 <= baseline_decay < 1` must hold"),
    ],
)
def test_arguments_are_checked(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ReinforceTuner(**options)

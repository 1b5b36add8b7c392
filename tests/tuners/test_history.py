"""A follower is a function of the study's history, in whatever order it sees it."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from random import Random

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState, create_trial

from nas_tuners.contract.errors import TunerError
from nas_tuners.contract.flat_encoding import FlatEncoding
from nas_tuners.contract.search_space import IndexVector, SearchSpace
from nas_tuners.contract.study_attributes import VECTOR_ATTR
from nas_tuners.testing._spaces import SPACES
from nas_tuners.testing._tuner_suite import score
from nas_tuners.tuners._base import Ask, Tuner
from nas_tuners.tuners._history import HistoryFollower
from nas_tuners.tuners._regularized_evolution import RegularizedEvolutionTuner
from nas_tuners.tuners._study import distributions

SPACE = SearchSpace(SPACES["layers"])
ENCODING = FlatEncoding(SPACE)
DISTRIBUTIONS = distributions(ENCODING)
START = datetime(2026, 1, 1)


def _follower() -> HistoryFollower:
    # As many as there are results below: each one's place in the order shows in the suggestion.
    tuner = RegularizedEvolutionTuner(population_size=200, sample_size=40, seed=0)
    return HistoryFollower(tuner, ENCODING)


def _finished(number: int, seconds: float) -> FrozenTrial:
    vector = SPACE.sample(Random(number))
    trial = create_trial(
        value=score(vector), params=ENCODING.encode(vector), distributions=DISTRIBUTIONS
    )
    trial.number = number
    trial.datetime_complete = START + timedelta(seconds=seconds)
    return trial


def test_results_count_in_the_order_in_which_they_finished() -> None:
    trials = [_finished(number, seconds=(number * 37) % 200) for number in range(200)]
    shuffled = trials.copy()
    Random(0).shuffle(shuffled)
    assert _follower().propose(900, trials) == _follower().propose(900, shuffled)
    by_number = [_finished(number, seconds=number) for number in range(200)]
    assert _follower().propose(900, trials) != _follower().propose(900, by_number)


def test_late_arrivals_take_the_tuner_back() -> None:
    """Every way of seeing 300 results bit by bit ends in the same suggestion."""
    trials = [_finished(number, seconds=number) for number in range(300)]
    expected = _follower().propose(900, trials)
    for seed in range(5):
        follower, rng = _follower(), Random(seed)
        seen: list[FrozenTrial] = []
        waiting = trials.copy()
        while waiting:
            # mostly in order, but up to forty trials late
            seen.append(waiting.pop(rng.randrange(min(40, len(waiting)))))
            if rng.random() < 0.3:
                follower.propose(1_000 + len(seen), seen)
        assert follower.propose(900, seen) == expected


def test_running_trials_are_pending_also_before_their_parameters_are_written() -> None:
    trials = [_finished(number, seconds=number) for number in range(30)]
    first = _follower().propose(40, trials)
    written = create_trial(
        state=TrialState.RUNNING,
        params=ENCODING.encode(first.vector),
        distributions=DISTRIBUTIONS,
    )
    published = create_trial(
        state=TrialState.RUNNING, system_attrs={VECTOR_ATTR: list(first.vector)}
    )
    for running in (written, published):
        running.number = 39
        second = _follower().propose(40, [*trials, running])
        assert second.vector != first.vector


def test_trials_of_another_space_are_ignored_with_a_warning(caplog: object) -> None:
    stranger = create_trial(
        value=1.0,
        params={"x": 1.0},
        distributions={"x": optuna.distributions.FloatDistribution(0, 2)},
    )
    stranger.number = 0
    trials = [_finished(number, seconds=number) for number in range(1, 30)]
    assert _follower().propose(40, [stranger, *trials]) == _follower().propose(40, trials)
    assert "Trial 0 is not of this search space" in caplog.text  # type: ignore[attr-defined]


def test_a_tuner_that_cannot_be_copied_says_so() -> None:
    class Locked(Tuner):
        def __init__(self) -> None:
            super().__init__(seed=0)
            self.lock = threading.Lock()

        def _propose(self, ask: Ask) -> IndexVector:
            return self.space.sample(ask.rng)

    with pytest.raises(TunerError, match="Locked cannot be copied"):
        HistoryFollower(Locked(), ENCODING)

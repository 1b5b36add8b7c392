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
from nas_tuners.contract.study_attributes import NOTE_ATTR, VECTOR_ATTR
from nas_tuners.testing._spaces import SPACES
from nas_tuners.testing._tuner_suite import score
from nas_tuners.tuners._base import Ask, Result, Tuner
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


class _Listening(Tuner):
    """Keeps the notes that come back."""

    def __init__(self) -> None:
        super().__init__(seed=0)
        self.notes: list[object] = []

    def _propose(self, ask: Ask) -> IndexVector:
        ask.note = {"number": ask.number, "so far": self.notes}
        return self.space.sample(ask.rng)

    def _learn(self, result: Result) -> None:
        self.notes.append(result.note)


def test_a_note_comes_back_only_with_what_it_was_made_for() -> None:
    """A part of the second trial was enqueued: it is not what the tuner proposed."""
    proposed, other = SPACE.sample(Random(0)), SPACE.sample(Random(1))
    trials = []
    for number, tried in enumerate((proposed, other)):
        trial = create_trial(
            value=1.0,
            params=ENCODING.encode(tried),
            distributions=DISTRIBUTIONS,
            system_attrs={VECTOR_ATTR: list(proposed), NOTE_ATTR: {"mine": True}},
        )
        trial.number = number
        trials.append(trial)
    note = HistoryFollower(_Listening(), ENCODING).propose(9, trials).note
    assert note == {"number": 9, "so far": [{"mine": True}, None]}


def test_dead_trials_are_pending_no_longer() -> None:
    trials = [_finished(number, seconds=number) for number in range(30)]
    first = _follower().propose(40, trials)
    dead = create_trial(
        state=TrialState.RUNNING,
        params=ENCODING.encode(first.vector),
        distributions=DISTRIBUTIONS,
    )
    dead.number, dead.datetime_start = 39, START
    for days, pending in ((0.5, True), (2, False)):
        now = START + timedelta(days=days)
        follower = HistoryFollower(
            RegularizedEvolutionTuner(population_size=200, sample_size=40, seed=0),
            ENCODING,
            pending_timeout=24 * 60 * 60,
            clock=lambda now=now: now,  # type: ignore[misc]
        )
        assert (follower.propose(40, [*trials, dead]) != first) == pending
        assert follower.is_taken(40, first.vector, [*trials, dead]) == pending


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

"""Looking only at what can have changed shows the same as going through everything."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.trial import FrozenTrial, TrialState, create_trial

from nas_tuners.contract.flat_encoding import FlatEncoding
from nas_tuners.contract.search_space import SearchSpace
from nas_tuners.testing._spaces import SPACES
from nas_tuners.testing._tuner_suite import score
from nas_tuners.tuners._history import HistoryFollower
from nas_tuners.tuners._regularized_evolution import RegularizedEvolutionTuner
from nas_tuners.tuners._study import distributions
from nas_tuners.tuners._trial_watch import TrialWatch

SPACE = SearchSpace(SPACES["layers"])
ENCODING = FlatEncoding(SPACE)
DISTRIBUTIONS = distributions(ENCODING)
START = datetime(2026, 1, 1)

Step = tuple[str, int, int]

# A worker begins a trial; the one at a place among those that run ends, and turns up so many
# seconds late; somebody looks at the study.
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("begin"), st.just(0), st.just(0)),
        st.tuples(st.just("end"), st.integers(0, 7), st.sampled_from([0, 0, 0, 3, 40])),
        st.tuples(st.just("look"), st.just(0), st.just(0)),
    ),
    min_size=30,
    max_size=120,
)


def _trial(number: int, state: TrialState, seconds: float = 0.0) -> FrozenTrial:
    vector = SPACE.sample(Random(number))
    trial = create_trial(
        state=state,
        value=score(vector) if state is TrialState.COMPLETE else None,
        params=ENCODING.encode(vector),
        distributions=DISTRIBUTIONS,
    )
    trial.number = number
    trial.datetime_start = START
    if state.is_finished():
        trial.datetime_complete = START + timedelta(seconds=seconds)
    return trial


def _looks(steps: list[Step]) -> Iterator[list[FrozenTrial]]:
    """The study's trials at each look at it, and at its end."""
    trials: list[FrozenTrial] = []
    for second, (kind, place, late) in enumerate(steps):
        running = [trial.number for trial in trials if not trial.state.is_finished()]
        if kind == "begin":
            trials.append(_trial(len(trials), TrialState.RUNNING))
        elif kind == "end" and running:
            number = running[place % len(running)]
            state = TrialState.FAIL if number % 5 == 4 else TrialState.COMPLETE
            trials[number] = _trial(number, state, second - late)
        elif kind == "look":
            yield list(trials)
    yield list(trials)


def _follower() -> HistoryFollower:
    # So few that the order of the results shows in the suggestion.
    return HistoryFollower(
        RegularizedEvolutionTuner(population_size=3, sample_size=2, seed=0), ENCODING
    )


@given(STEPS)
@settings(deadline=None)
def test_every_trial_is_told_once_when_it_has_ended(steps: list[Step]) -> None:
    watch, told = TrialWatch(), []
    for trials in _looks(steps):
        news = watch.look(trials)
        told += [trial.number for trial in news.finished]
        assert sorted(told) == [t.number for t in trials if t.state.is_finished()]
        assert news.unfinished == [t for t in trials if not t.state.is_finished()]


@given(STEPS)
@settings(max_examples=50, deadline=None)
def test_a_follower_suggests_what_one_that_sees_all_at_once_does(
    steps: list[Step],
) -> None:
    follower = _follower()
    for trials in _looks(steps):
        number = len(trials)
        proposal = follower.propose(number, trials)
        assert proposal == _follower().propose(number, trials)
    later = [*trials, _trial(number, TrialState.RUNNING), _trial(number + 1, TrialState.FAIL)]
    expected = proposal.vector == SPACE.sample(Random(number + 1))
    assert follower.is_taken(number, proposal.vector, later) == expected
    assert follower.is_taken(number, SPACE.sample(Random(number + 1)), later)


def test_a_list_that_does_not_go_on_is_gone_through_again() -> None:
    watch = TrialWatch()
    trials = [_trial(number, TrialState.COMPLETE) for number in range(5)]
    watch.look([trials[0], *trials[2:4]])
    assert [t.number for t in watch.look(trials).finished] == [0, 1, 2, 3, 4]
    assert [t.number for t in watch.look(trials[:2]).finished] == [0, 1]
    assert watch.look(trials[:2]).finished == []

"""Proposals that are refused before anything is tried, by every tuner that has a name."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from optuna.trial import FrozenTrial, create_trial

from nas_tuners.contract.errors import SearchSpaceExhausted, TunerError
from nas_tuners.contract.flat_encoding import FlatEncoding
from nas_tuners.contract.search_space import IndexVector, SearchSpace
from nas_tuners.testing._tuner_suite import score
from nas_tuners.tuners._acceptance import Acceptance
from nas_tuners.tuners._base import Ask, Result, Tuner
from nas_tuners.tuners._history import HistoryFollower, Proposal
from nas_tuners.tuners._names import SAMPLERS
from nas_tuners.tuners._registry import TUNERS, make_tuner, without_experimental_warnings
from nas_tuners.tuners._study import distributions

LAYERS = {"_type": "layer_choice", "_value": ["none", "skip", "conv", "pool", "sep"]}
SPACE = SearchSpace({"a": LAYERS, "b": LAYERS, "c": {"_type": "choice", "_value": [1, 2]}})
EVERY = list(SPACE.enumerate())
FIT = {(0, 0, 0), (1, 4, 1), (2, 2, 0), (3, 1, 1), (4, 4, 0)}  # a tenth of the space
BATCH = [{"a": a, "b": b, "c": 1 + (c or 0)} for a, b, c in EVERY]


def objections(parameters: dict[str, Any]) -> list[str]:
    vector = (parameters["a"]["_idx"], parameters["b"]["_idx"], parameters["c"] - 1)
    return [] if vector in FIT else ["flops <= 6", *(["size <= 1"] if vector[0] else [])]


def make(name: str) -> Tuner:
    arguments = {"batch": BATCH} if name == "BatchTuner" else {}
    with without_experimental_warnings():
        return make_tuner(name, arguments, optimize_mode="maximize", seed=3)


class History:
    """A study in memory, its tuner, and the proposals so far."""

    def __init__(self, tuner: Tuner, *, space: SearchSpace = SPACE, **acceptance: Any) -> None:
        self._tuner = tuner
        self._encoding = FlatEncoding(space)
        self._acceptance = Acceptance(**({"objections": objections} | acceptance))
        self.trials: list[FrozenTrial] = []
        self._follower = self.follower()

    def follower(self) -> HistoryFollower:
        """One that knows nothing yet, as after a restart."""
        return HistoryFollower(self._tuner, self._encoding)

    def propose(self, follower: HistoryFollower | None = None) -> Proposal:
        follower = follower or self._follower
        return follower.propose(len(self.trials), self.trials, self._acceptance)

    def finish(self, vector: IndexVector) -> None:
        trial = create_trial(
            value=score(vector),
            params=self._encoding.encode(vector),
            distributions=distributions(self._encoding),
        )
        trial.number = len(self.trials)
        trial.datetime_complete = datetime(2026, 1, 1) + timedelta(seconds=trial.number)
        self.trials.append(trial)

    def proposals(self) -> Iterator[IndexVector]:
        """Until the end, each with its result."""
        while True:
            try:
                vector = self.propose().vector
            except SearchSpaceExhausted:
                return
            yield vector
            self.finish(vector)


@pytest.mark.parametrize("name", [*TUNERS, *SAMPLERS])
def test_all_that_fits_is_proposed_and_nothing_else(name: str) -> None:
    history = History(make(name))
    assert sorted(history.proposals()) == sorted(FIT)
    with pytest.raises(SearchSpaceExhausted, match="apart from what was refused"):
        history.propose()


@pytest.mark.parametrize("name", [*TUNERS, *SAMPLERS])
def test_a_restart_changes_nothing(name: str) -> None:
    history = History(make(name))
    for _ in range(3):
        proposal = history.propose()
        assert history.propose(history.follower()) == proposal
        history.finish(proposal.vector)


def test_the_end_says_what_refused() -> None:
    history = History(make("RandomTuner"))
    list(history.proposals())
    with pytest.raises(SearchSpaceExhausted, match=r"\(45 by flops <= 6, 36 by size <= 1\)$"):
        history.propose()


@pytest.mark.parametrize("name", ["RandomTuner", "PPOTuner", "BayesianTuner"])
def test_too_many_refusals_say_what_refused(name: str) -> None:
    space = SearchSpace({f"key {i}": LAYERS for i in range(20)})
    asked: list[dict[str, Any]] = []

    def refuse(parameters: dict[str, Any]) -> list[str]:
        asked.append(parameters)
        return ["flops <= 6"]

    history = History(make(name), space=space, objections=refuse, attempts=100)
    message = r"100 proposals were refused \(100 by flops <= 6\), and the search gives up: relax"
    with pytest.raises(TunerError, match=message):
        history.propose()
    assert len({str(parameters) for parameters in asked}) == len(asked) == 100


def test_an_enumeration_keeps_its_order_and_goes_on_where_it_was() -> None:
    asked: list[dict[str, Any]] = []

    def noted(parameters: dict[str, Any]) -> list[str]:
        asked.append(parameters)
        return objections(parameters)

    history = History(make("GridSearchTuner"), objections=noted, attempts=30)
    assert list(history.proposals()) == sorted(FIT)
    assert len(asked) == len(EVERY), "each was looked at once"


def test_an_enumeration_without_end_ends() -> None:
    space = SearchSpace({"rate": {"_type": "uniform", "_value": [0, 1]}})
    grid = make("GridSearchTuner")
    history = History(grid, space=space, objections=lambda _: ["x"], attempts=50)
    with pytest.raises(TunerError, match=r"50 proposals were refused \(50 by x\)"):
        history.propose()


def test_running_trials_are_not_proposed_again() -> None:
    history = History(make("RandomTuner"))
    first = history.propose()
    history.finish(first.vector)
    history.trials[0].state = history.trials[0].state.RUNNING
    history.trials[0].values = None
    assert history.propose().vector != first.vector


class _Listening(Tuner):
    """Notes what it is told; proposes the same again and again."""

    def __init__(self, **options: Any) -> None:
        super().__init__(seed=0, **options)
        self.learned: list[IndexVector] = []
        self.asks: list[Ask] = []

    def _propose(self, ask: Ask) -> IndexVector:
        self.asks.append(ask)
        ask.note = {"learned": len(self.learned)}
        return self.space.sample(ask.rng)

    def _learn(self, result: Result) -> None:
        self.learned.append(result.vector)


def test_what_is_refused_is_neither_learned_nor_counted() -> None:
    history = History(_Listening())
    for _ in range(3):
        history.finish(history.propose().vector)
    history.propose()
    tuner = history._follower._tuner
    assert isinstance(tuner, _Listening)
    assert len(tuner.learned) == 3
    assert set(tuner.learned) < FIT
    assert tuner._pending.keys() == {3}
    assert not tuner.is_exhausted


def test_refused_proposals_stand_as_pending_below_zero() -> None:
    history = History(_Listening())
    history.propose()
    tuner = history._follower._tuner
    assert isinstance(tuner, _Listening)
    for ask in tuner.asks:
        assert all(number < 0 for number in ask.pending)
        assert ask.running == 0
        assert FIT.isdisjoint(ask.pending.values())
    assert max(len(ask.pending) for ask in tuner.asks) > 0


def test_a_tuner_that_may_repeat_itself() -> None:
    history = History(_Listening(dedup=False))
    vectors = []
    for _ in range(8):
        vectors.append(history.propose().vector)
        history.finish(vectors[-1])
    assert set(vectors) <= FIT
    assert len(vectors) > len(set(vectors))

"""Constraints of a search space are kept by every tuner, wherever it runs."""

from __future__ import annotations

import copy
import logging
import pickle
from collections import Counter
from itertools import islice
from random import Random
from typing import Any

import optuna
import pytest

from nas_tuners.contract.architecture import to_architecture, to_vector
from nas_tuners.contract.errors import SearchSpaceError, SearchSpaceExhausted, TunerError
from nas_tuners.contract.search_space import IndexVector, SearchSpace
from nas_tuners.testing._cases import drive, score
from nas_tuners.tuners._base import Ask, Tuner
from nas_tuners.tuners._contract_tuner import ContractTuner
from nas_tuners.tuners._encoding import Neighbourhood
from nas_tuners.tuners._local_search import LocalSearchTuner
from nas_tuners.tuners._names import SAMPLERS
from nas_tuners.tuners._optuna_sampler import TunerSampler
from nas_tuners.tuners._random import RandomTuner
from nas_tuners.tuners._registry import TUNERS
from nas_tuners.tuners._study import attach_space
from tests.tuners.test_acceptance import EVERY, FIT, SPACE, History, make


def is_fit(architecture: dict[str, Any]) -> bool:
    return to_vector(SPACE, architecture) in FIT


CONSTRAINED = SPACE.constrain(is_fit)


# ---- wherever it runs ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*TUNERS, *SAMPLERS])
def test_alone(name: str) -> None:
    tuner = make(name)
    tuner.update_search_space(CONSTRAINED)
    assert {*drive(tuner, len(FIT), pending=2)} == FIT
    with pytest.raises(SearchSpaceExhausted, match=r"what was refused \(45 by is_fit\)"):
        tuner.generate_parameters(99)


@pytest.mark.parametrize("name", [*TUNERS, *SAMPLERS])
def test_in_an_experiment_that_is_resumed(name: str) -> None:
    history = History(make(name), space=CONSTRAINED, objections=lambda _: [])
    for _ in FIT:
        proposal = history.propose()
        assert history.propose(history.follower()) == proposal
        history.finish(proposal.vector)
    assert {_vector(trial.params) for trial in history.trials} == FIT


@pytest.mark.parametrize("name", [*TUNERS, *SAMPLERS])
def test_as_an_optuna_sampler(name: str, caplog: pytest.LogCaptureFixture) -> None:
    sampler = TunerSampler(make(name), CONSTRAINED)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    with caplog.at_level(logging.WARNING):
        study.optimize(_objective, n_trials=20)
    done = study.get_trials(states=[optuna.trial.TrialState.COMPLETE])
    assert {_vector(trial.params) for trial in done} == FIT
    assert "what was refused (45 by is_fit)" in caplog.text


def test_a_study_with_its_keys_in_another_order_keeps_the_constraints() -> None:
    study = optuna.create_study()
    attach_space(study, SearchSpace(dict(reversed(SPACE.to_dict().items()))))
    study.sampler = TunerSampler(make("RandomTuner"), CONSTRAINED)
    study.optimize(_objective, n_trials=len(FIT))
    assert {_vector(trial.params) for trial in study.trials} == FIT


def test_parameters_that_others_fix_leave_a_constraint_undecided() -> None:
    sampler = TunerSampler(make("RandomTuner"), CONSTRAINED)
    with pytest.warns(optuna.exceptions.ExperimentalWarning):
        partly = optuna.samplers.PartialFixedSampler({"a": "conv"}, sampler)
    study = optuna.create_study(sampler=partly)
    with pytest.raises(TunerError, match=r"another sampler fixes 'a'; .*space\.constrain"):
        study.optimize(_objective, n_trials=1)


def test_constraints_join_those_of_an_experiment() -> None:
    def even(parameters: dict[str, Any]) -> list[str]:
        return ["odd"] if parameters["c"] == 2 else []

    history = History(make("RandomTuner"), space=CONSTRAINED, objections=even)
    assert {*history.proposals()} == {vector for vector in FIT if vector[2] == 0}
    with pytest.raises(SearchSpaceExhausted, match=r"\(45 by is_fit, 2 by odd\)"):
        history.propose()


# ---- determinism --------------------------------------------------------------------------------


def test_what_another_process_saw_refused_does_not_matter() -> None:
    tuner = _started("RandomTuner")
    other = pickle.loads(pickle.dumps(tuner))
    drive(tuner, 2)
    for number, vector in enumerate(drive(_started("RandomTuner"), 2)):
        other.tell(number, vector, None if number % 7 == 6 else score(vector))
    assert other.generate_parameters(2) == tuner.generate_parameters(2)


def test_an_enumeration_that_is_resumed_has_the_same_patience() -> None:
    space = SPACE.constrain(lambda architecture: architecture["a"] in ("skip", "sep"), attempts=9)
    tuner = make("GridSearchTuner")
    tuner.update_search_space(space)
    vectors: list[IndexVector] = []
    with pytest.raises(TunerError, match="were refused") as caught:
        _drive_to_the_end(tuner, vectors)
    resumed = make("GridSearchTuner")
    resumed.update_search_space(space)
    for number, vector in enumerate(vectors):
        resumed.tell(number, vector, 1.0)
    with pytest.raises(TunerError, match="were refused") as again:
        resumed.generate_parameters(len(vectors))
    assert str(again.value) == str(caught.value)


def _layers(count: int) -> SearchSpace:
    layer = {"_type": "layer_choice", "_value": list("abcd")}
    return SearchSpace({f"l{place}": layer for place in range(count)})


def test_an_enumeration_gets_past_a_long_run_of_refusals() -> None:
    space = _layers(6).constrain(lambda architecture: architecture["l0"] != "a", name="first")
    tuner = make("GridSearchTuner")
    tuner.update_search_space(space)
    assert drive(tuner, 2) == [(1, 0, 0, 0, 0, 0), (1, 0, 0, 0, 0, 1)]


def test_an_enumeration_of_a_small_space_comes_to_its_end() -> None:
    tuner = make("GridSearchTuner")
    tuner.update_search_space(_layers(6).constrain(lambda _: False, name="never"))
    with pytest.raises(SearchSpaceExhausted, match=r"refused \(4,096 by never\)"):
        tuner.generate_parameters(0)


@pytest.mark.parametrize(("count", "attempts"), [(6, 999), (40, 1000), (40, 1500)])
def test_an_enumeration_gives_up_where_it_is_told_to_or_the_end_is_far(
    count: int, attempts: int
) -> None:
    tuner = make("GridSearchTuner")
    space = _layers(count).constrain(lambda _: False, name="never", attempts=attempts)
    tuner.update_search_space(space)
    message = rf"^{attempts:,} proposals were refused .*by never\), and the search gives up: relax"
    with pytest.raises(TunerError, match=message):
        tuner.generate_parameters(0)


def test_a_tuner_that_may_repeat_itself() -> None:
    tuner = RandomTuner(seed=0, dedup=False)
    tuner.update_search_space(CONSTRAINED)
    assert {*drive(tuner, 60)} == FIT


def test_it_may_repeat_what_is_running() -> None:
    tuner = RandomTuner(seed=0, dedup=False)
    tuner.update_search_space(CONSTRAINED.constrain(lambda a: a["a"] == "skip"))
    assert len({str(tuner.generate_parameters(number)) for number in range(5)}) == 1


# ---- cost ---------------------------------------------------------------------------------------


def test_no_architecture_is_judged_twice() -> None:
    calls: Counter[str] = Counter()

    def noted(architecture: dict[str, Any]) -> bool:
        calls[str(architecture)] += 1
        return is_fit(architecture)

    tuner = make("LocalSearchTuner")
    tuner.update_search_space(SPACE.constrain(noted))
    drive(tuner, 3)
    drive(copy.deepcopy(tuner), 2, first=3)
    drive(tuner, 2, first=3)
    assert {*calls.values()} == {1}
    assert len(calls) > len(FIT)


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nas_tuners.tuners._acceptance._REMEMBERED", 4)
    tuner = _started("RandomTuner")
    for number in range(len(FIT)):
        drive(tuner, 1, first=number)
        assert len(tuner._filter._verdicts._known) <= 4


def test_a_draw_costs_the_same_however_many_were_refused_before() -> None:
    class Noticed(dict[int, IndexVector]):
        reads = 0

        def items(self) -> Any:
            self.reads += 1
            return super().items()

        def values(self) -> Any:
            self.reads += 1
            return super().values()

    tuner = _started("RandomTuner")
    ask = Ask(0, Random(0), Noticed())
    drawn = [*islice(tuner._proposals(ask), tuner._refusable + 20)]
    assert isinstance(ask.pending, Noticed)
    assert ask.pending.reads <= tuner._refusable + 1
    assert len({*drawn[-20:]}) == 20


def test_an_object_with_the_contract_is_asked_for_something_else_or_overruled() -> None:
    class Stubborn:
        asked = 0

        def update_search_space(self, search_space: Any) -> None:
            pass

        def generate_parameters(self, parameter_id: int) -> dict[str, Any]:
            self.asked += 1
            return to_architecture(SPACE, EVERY[1])

        def receive_trial_result(self, parameter_id: int, parameters: Any, value: Any) -> None:
            pass

    stubborn = Stubborn()
    tuner = ContractTuner(stubborn, seed=0)
    tuner.update_search_space(CONSTRAINED)
    assert {*drive(tuner, 30)} == FIT
    assert stubborn.asked <= 20 * 30


# ---- what algorithms make of it -----------------------------------------------------------------


def test_algorithms_may_ask_what_is_accepted() -> None:
    class Asking(Tuner):
        def _propose(self, ask: Ask) -> IndexVector:
            return next(v for v in EVERY if ask.accepts(v) and v not in self._evaluated)

    tuner = Asking(seed=0)
    tuner.update_search_space(CONSTRAINED)
    assert drive(tuner, len(FIT)) == sorted(FIT)


def test_what_is_drawn_in_place_of_proposals_has_no_note_of_theirs() -> None:
    class Insisting(Tuner):
        _refusable = 5

        def _propose(self, ask: Ask) -> IndexVector:
            assert ask.note is None
            ask.note = {"mine": True}
            return next(v for v in EVERY if v not in FIT and v not in ask.pending.values())

    tuner = Insisting(seed=0)
    tuner.update_search_space(CONSTRAINED)
    assert to_vector(SPACE, tuner.generate_parameters(0)) in FIT
    assert tuner.proposal_note(0) is None


def test_a_climb_is_over_when_the_other_neighbours_are_refused() -> None:
    """Of two islands the search leaves the first when it is known, by starting another climb."""
    layers = {"_type": "layer_choice", "_value": ["a", "b", "c"]}
    space = SearchSpace({f"op_{number}": layers for number in range(8)})
    peaks = [(0,) * 8, (1,) * 8]
    islands = {*peaks, *Neighbourhood(space, peaks[0]), *Neighbourhood(space, peaks[1])}
    tuner = LocalSearchTuner(seed=0, num_starts=1, num_expanded=20)
    constrained = space.constrain(lambda a: to_vector(space, a) in islands, attempts=10_000)
    tuner.update_search_space(constrained)
    log: list[tuple[Any, ...]] = []
    assert {*drive(tuner, len(islands), log=log)} == islands
    assert {note["climb"] for *_, note in log if note} >= {0, 1}


# ---- mistakes -----------------------------------------------------------------------------------


def test_constraints_cannot_come_later() -> None:
    tuner = RandomTuner(seed=0)
    tuner.update_search_space(SPACE)
    with pytest.raises(TunerError, match="without the constraint 'is_fit'; constrain the space"):
        tuner.update_search_space(CONSTRAINED)


def test_constraints_stay_where_the_space_comes_again_without() -> None:
    tuner = _started("RandomTuner")
    tuner.update_search_space(SPACE.to_dict())
    tuner.update_search_space(SPACE.constrain(is_fit))
    assert {*drive(tuner, len(FIT))} == FIT


def test_a_constraint_that_raises_is_named() -> None:
    tuner = RandomTuner(seed=0)
    tuner.update_search_space(SPACE.constrain(lambda a: a["d"] > 0, name="depth"))
    with pytest.raises(SearchSpaceError, match="'depth' raised KeyError: 'd'") as caught:
        tuner.generate_parameters(0)
    assert isinstance(caught.value.__cause__, KeyError)


def _started(name: str) -> Tuner:
    tuner = make(name)
    tuner.update_search_space(CONSTRAINED)
    return tuner


def _drive_to_the_end(tuner: Tuner, vectors: list[IndexVector]) -> None:
    for number in range(50):
        vectors += drive(tuner, 1, first=number)


def _objective(trial: optuna.Trial) -> float:
    for key in "ab":
        trial.suggest_categorical(key, SPACE.to_dict()[key]["_value"])
    trial.suggest_categorical("c", [1, 2])
    return score(_vector(trial.params))


def _vector(params: dict[str, Any]) -> IndexVector:
    return to_vector(SPACE, params)

"""Tuners as Optuna samplers: Optuna's own published cases, and ours."""

from __future__ import annotations

import copy
import math
import pickle
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import optuna
import pytest
from optuna.samplers import BaseSampler
from optuna.testing.pytest_samplers import (
    BasicSamplerTestCase,
    MultiObjectiveSamplerTestCase,
    RelativeSamplerTestCase,
    SingleOnlySamplerTestCase,
)
from optuna.trial import FrozenTrial, TrialState

import nas_tuners
from nas_tuners.contract.architecture import to_parameters, to_vector
from nas_tuners.contract.errors import SearchSpaceExhausted, SpaceMismatchError, TunerError
from nas_tuners.contract.flat_encoding import FlatEncoding
from nas_tuners.contract.search_space import IndexVector, SearchSpace
from nas_tuners.testing._spaces import SPACES
from nas_tuners.testing._tuner_suite import score
from nas_tuners.tuners._base import Ask, Result, Tuner
from nas_tuners.tuners._batch import BatchTuner
from nas_tuners.tuners._grid_search import GridSearchTuner
from nas_tuners.tuners._optuna_sampler import TunerSampler
from nas_tuners.tuners._optuna_tuner import OptunaTuner
from nas_tuners.tuners._random import RandomTuner
from nas_tuners.tuners._regularized_evolution import RegularizedEvolutionTuner
from nas_tuners.tuners._study import distributions

SPACE = SearchSpace(SPACES["conditional"])
SMALL = SearchSpace(SPACES["small"])
LAYERS = SearchSpace(SPACES["layers"])


def _evolution(space: SearchSpace | None = None, seed: int = 0) -> TunerSampler:
    tuner = RegularizedEvolutionTuner(population_size=8, sample_size=3, seed=seed)
    return TunerSampler(tuner, space)


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
class TestOptunasOwnCases(BasicSamplerTestCase, RelativeSamplerTestCase):
    @pytest.fixture(
        params=[
            lambda: TunerSampler(RandomTuner(seed=0)),
            lambda: TunerSampler(GridSearchTuner()),
            _evolution,
            lambda: TunerSampler(OptunaTuner(optuna.samplers.TPESampler(), seed=0)),
            lambda: TunerSampler(RandomTuner(seed=0), SPACE),
        ],
        ids=["random", "grid", "evolution", "tpe", "random with a space"],
    )
    def sampler(self, request: pytest.FixtureRequest) -> Callable[[], BaseSampler]:
        factory: Callable[[], BaseSampler] = request.param
        return factory


class TestOptunasCasesOfOneObjective(SingleOnlySamplerTestCase):
    @pytest.fixture(
        params=[
            _evolution,
            lambda: _evolution(SPACE),
            lambda: TunerSampler(OptunaTuner(optuna.samplers.CmaEsSampler(), seed=0)),
        ],
        ids=["evolution", "evolution with a space", "cma-es"],
    )
    def sampler(self, request: pytest.FixtureRequest) -> Callable[[], BaseSampler]:
        factory: Callable[[], BaseSampler] = request.param
        return factory


class TestOptunasCasesOfSeveralObjectives(MultiObjectiveSamplerTestCase):
    @pytest.fixture(
        params=[
            lambda: TunerSampler(RandomTuner(seed=0)),
            lambda: TunerSampler(OptunaTuner(optuna.samplers.NSGAIISampler(), seed=0)),
            lambda: TunerSampler(OptunaTuner(optuna.samplers.TPESampler(), seed=0), SPACE),
        ],
        ids=["random", "nsga-ii", "tpe with a space"],
    )
    def sampler(self, request: pytest.FixtureRequest) -> Callable[[], BaseSampler]:
        factory: Callable[[], BaseSampler] = request.param
        return factory


def _objective(trial: optuna.Trial) -> float:
    encoding = FlatEncoding(SPACE)
    values = {
        name: trial._suggest(name, distribution)
        for name, distribution in distributions(encoding).items()
    }
    return score(encoding.decode(values))


def _study(
    sampler: BaseSampler | None, storage: Any = None, name: str | None = None
) -> optuna.Study:
    return optuna.create_study(
        storage=storage,
        study_name=name,
        sampler=sampler,
        direction="maximize",
        load_if_exists=True,
    )


def _suggest(trial: optuna.Trial, space: SearchSpace) -> tuple[IndexVector, float]:
    encoding = FlatEncoding(space)
    values = {name: trial._suggest(name, d) for name, d in distributions(encoding).items()}
    return encoding.decode(values), score(encoding.decode(values))


def _run_alone(tuner: Tuner, trials: int) -> list[IndexVector]:
    vectors = []
    for number in range(trials):
        parameters = tuner.generate_parameters(number)
        vectors.append(to_vector(SPACE, parameters))
        tuner.receive_trial_result(number, parameters, score(vectors[-1]))
    return vectors


def _architectures(study: optuna.Study) -> list[Any]:
    encoding = FlatEncoding(SPACE)
    return [encoding.decode(trial.params) for trial in study.trials]


def test_a_study_is_searched_without_repeats() -> None:
    study = _study(_evolution(SPACE))
    study.optimize(_objective, n_trials=40)
    assert len(set(_architectures(study))) == 40
    assert study.user_attrs["nas_tuners:search_space"] == SPACE.to_dict()


def test_equal_seeds_search_equally_and_others_do_not() -> None:
    runs = []
    for seed in (0, 0, 1):
        study = _study(_evolution(SPACE, seed))
        study.optimize(_objective, n_trials=30)
        runs.append(_architectures(study))
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


@pytest.mark.parametrize(
    "tuner",
    [
        RegularizedEvolutionTuner(population_size=8, sample_size=3, seed=0),
        OptunaTuner(optuna.samplers.NSGAIISampler(population_size=6), seed=0),
    ],
    ids=["evolution", "nsga-ii"],
)
def test_a_study_is_suggested_what_the_tuner_alone_proposes(tuner: Tuner) -> None:
    """The tuner's notes, such as a trial's generation, come back with its result."""
    study = _study(TunerSampler(tuner, SPACE))
    study.optimize(_objective, n_trials=30)
    alone = copy.deepcopy(tuner)
    alone.update_search_space(SPACE)
    assert _architectures(study) == _run_alone(alone, 30)


@pytest.mark.parametrize("pickled", [False, True])
def test_a_resumed_study_goes_on_as_if_never_left(tmp_path: Path, pickled: bool) -> None:
    whole = _study(_evolution(SPACE))
    whole.optimize(_objective, n_trials=30)

    storage = f"sqlite:///{tmp_path}/study.db"
    first = _evolution(SPACE)
    _study(first, storage, "s").optimize(_objective, n_trials=17)
    sampler = pickle.loads(pickle.dumps(first)) if pickled else _evolution(SPACE)
    resumed = _study(sampler, storage, "s")
    resumed.optimize(_objective, n_trials=13)
    assert _architectures(resumed) == _architectures(whole)


def test_two_samplers_on_one_study_do_not_repeat_each_other() -> None:
    storage = optuna.storages.InMemoryStorage()
    one = _study(TunerSampler(GridSearchTuner(), SPACE), storage, "s")
    two = _study(TunerSampler(GridSearchTuner(), SPACE), storage, "s")
    encoding = FlatEncoding(SPACE)
    open_trials = []
    for _ in range(10):
        for study in (one, two):
            trial = study.ask(distributions(encoding))
            open_trials.append((study, trial))
    for study, trial in open_trials:
        study.tell(trial, score(encoding.decode(trial.params)))
    assert len(set(_architectures(one))) == 20


def test_threads_share_a_sampler() -> None:
    study = _study(_evolution(SPACE))
    study.optimize(_objective, n_trials=40, n_jobs=4)
    assert len(set(_architectures(study))) == 40


def test_results_of_others_are_learned_and_never_repeated() -> None:
    study = _study(_evolution(SMALL))
    encoding = FlatEncoding(SMALL)
    foreign = list(SMALL.enumerate())[:8]
    for vector in foreign:
        study.add_trial(
            optuna.trial.create_trial(
                value=score(vector),
                params=encoding.encode(vector),
                distributions=distributions(encoding),
            )
        )
    mine = []
    for _ in range(int(SMALL.size) - 8):
        trial = study.ask(distributions(encoding))
        mine.append(encoding.decode(trial.params))
        study.tell(trial, 0.0)
    assert set(mine) == set(SMALL.enumerate()) - set(foreign)


def test_enqueued_trials_run_first() -> None:
    study = _study(_evolution(SPACE))
    wanted = FlatEncoding(SPACE).encode(list(SPACE.enumerate())[5])
    study.enqueue_trial(wanted)
    study.optimize(_objective, n_trials=5)
    assert study.trials[0].params == wanted
    assert len(set(_architectures(study))) == 5


def test_optimize_ends_with_the_space(caplog: pytest.LogCaptureFixture) -> None:
    study = _study(TunerSampler(RandomTuner(seed=0), SMALL))

    def objective(trial: optuna.Trial) -> float:
        encoding = FlatEncoding(SMALL)
        for name, distribution in distributions(encoding).items():
            trial._suggest(name, distribution)
        return 0.0

    study.optimize(objective, n_trials=1_000)
    assert len(study.trials) == SMALL.size
    end = f"; the study ends with trial {len(study.trials) - 1}."
    all_tried = "Nothing is left to propose (every architecture has been tried)"
    assert f"{all_tried}{end}" in caplog.messages
    study.optimize(objective, n_trials=3)  # ends at once again, with a warning
    assert len(study.trials) == int(SMALL.size) + 1
    assert study.trials[-1].state == TrialState.PRUNED
    assert study.trials[-1].params == {}
    end = f"; the study ends with trial {len(study.trials) - 1}."
    all_proposed = (
        f"Nothing is left to propose (all {SMALL.size} architectures have been proposed)"
    )
    assert f"{all_proposed}{end}" in caplog.messages


def test_a_batch_is_all_that_is_run() -> None:
    architectures = [{"block": "pool", "from": []}, {"block": "conv", "kernel": 0, "from": [0]}]
    study = _study(TunerSampler(BatchTuner(architectures), SMALL))
    study.optimize(lambda trial: _suggest(trial, SMALL)[1], n_trials=10)
    complete = study.get_trials(states=[TrialState.COMPLETE])
    assert [FlatEncoding(SMALL).decode(t.params) for t in complete] == [
        to_vector(SMALL, architecture) for architecture in architectures
    ]


def test_hyperband_shows_a_bracket_but_the_whole_study_counts() -> None:
    pruner = optuna.pruners.HyperbandPruner(min_resource=1, max_resource=9)
    sampler = TunerSampler(GridSearchTuner(), SMALL)
    study = optuna.create_study(direction="maximize", sampler=sampler, pruner=pruner)

    def objective(trial: optuna.Trial) -> float:
        value = _suggest(trial, SMALL)[1]
        for step in range(9):
            trial.report(value * step, step)
            if trial.should_prune():
                raise optuna.TrialPruned
        return value

    study.optimize(objective, n_trials=1_000)
    vectors = [FlatEncoding(SMALL).decode(trial.params) for trial in study.trials]
    assert vectors == list(SMALL.enumerate())


def test_an_objective_may_ask_for_active_parameters_only() -> None:
    study = _study(TunerSampler(GridSearchTuner(), SMALL))
    parameters = distributions(FlatEncoding(SMALL))

    def objective(trial: optuna.Trial) -> float:
        block = trial._suggest("block", parameters["block"])
        if block == "conv":
            trial._suggest("kernel", parameters["kernel"])
        for name in parameters.keys() - {"block", "kernel"}:
            trial._suggest(name, parameters[name])
        return 0.0

    study.optimize(objective, n_trials=1_000)
    assert len(study.trials) == SMALL.size
    assert len({str(sorted(trial.params.items())) for trial in study.trials}) == SMALL.size


def test_a_partly_enqueued_trial_counts_as_what_it_was() -> None:
    """The grid's first proposal is not what ran, so it is still to come."""
    study = _study(TunerSampler(GridSearchTuner(), SMALL))
    study.enqueue_trial({"block": "pool"})
    study.optimize(lambda trial: _suggest(trial, SMALL)[1], n_trials=1_000)
    vectors = [FlatEncoding(SMALL).decode(trial.params) for trial in study.trials]
    assert vectors[0][0] == 1
    assert sorted(vectors, key=str) == sorted(SMALL.enumerate(), key=str)


def test_enqueued_trials_are_pending_before_they_run() -> None:
    study = _study(TunerSampler(GridSearchTuner(), SMALL))
    encoding = FlatEncoding(SMALL)
    first = study.ask()
    study.enqueue_trial(encoding.encode(next(SMALL.enumerate())))
    values = {name: first._suggest(name, d) for name, d in distributions(encoding).items()}
    assert encoding.decode(values) == list(SMALL.enumerate())[1]


@pytest.mark.parametrize(("timeout", "again"), [(None, True), (math.inf, False), (9e9, False)])
def test_the_architecture_of_a_dead_trial_is_proposed_again(
    timeout: float | None, again: bool
) -> None:
    """Its process was killed yesterday; the trials before it took no time."""
    study = _study(TunerSampler(GridSearchTuner(), SMALL, pending_timeout=timeout))
    encoding, vectors = FlatEncoding(SMALL), list(SMALL.enumerate())
    study.tell(study.ask(distributions(encoding)), 1.0)
    dead = optuna.trial.create_trial(
        state=TrialState.RUNNING,
        params=encoding.encode(vectors[1]),
        distributions=distributions(encoding),
    )
    dead.datetime_start = datetime.now() - timedelta(days=1)
    study.add_trial(dead)
    following = study.ask(distributions(encoding))
    assert encoding.decode(following.params) == vectors[1 if again else 2]


@pytest.mark.parametrize("timeout", [0, -1.0, math.nan, "5", True])
def test_a_timeout_is_a_positive_number(timeout: Any) -> None:
    with pytest.raises(ValueError, match="`pending_timeout` must be a positive number of seconds"):
        TunerSampler(GridSearchTuner(), SMALL, pending_timeout=timeout)


class _Interrupted(Tuner):
    """A grid that somebody else overtakes while it thinks."""

    meanwhile: ClassVar[list[Callable[[], object]]] = []

    def _propose(self, ask: Ask) -> IndexVector:
        new = next(v for v in self.space.enumerate() if v not in ask.pending.values())
        if self.meanwhile:
            self.meanwhile.pop()()
        return new


@pytest.mark.parametrize("finished", [False, True])
def test_whoever_sees_another_try_the_same_yields(finished: bool) -> None:
    """Also the older one: the younger had decided before the older showed what it tries."""
    parameters = distributions(FlatEncoding(SMALL))
    storage = optuna.storages.InMemoryStorage()
    older = _study(TunerSampler(_Interrupted(), SMALL), storage, "s")
    younger = _study(TunerSampler(GridSearchTuner(), SMALL), storage, "s")

    def overtake() -> None:
        trial = younger.ask(parameters)
        if finished:
            younger.tell(trial, 1.0)

    _Interrupted.meanwhile.append(overtake)
    older.ask(parameters)
    mine, theirs = [FlatEncoding(SMALL).decode(trial.params) for trial in older.trials]
    assert theirs == (0, 0, 0)
    assert mine != theirs


def test_a_tuner_that_may_repeat_is_asked_once() -> None:
    parameters = distributions(FlatEncoding(SMALL))
    storage = optuna.storages.InMemoryStorage()
    studies = [_study(TunerSampler(_Stubborn(dedup=False), SMALL), storage, "s") for _ in "ab"]
    for study in studies:
        study.ask(parameters)
    assert _Stubborn.asked == [0, 1]


class _Stubborn(Tuner):
    asked: ClassVar[list[int]] = []

    def _propose(self, ask: Ask) -> IndexVector:
        self.asked.append(ask.number)
        return (1, None, 0)


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_some_parameters_may_be_fixed() -> None:
    grid = TunerSampler(GridSearchTuner(), SMALL)
    study = _study(optuna.samplers.PartialFixedSampler({"block": "conv"}, grid))
    study.optimize(lambda trial: _suggest(trial, SMALL)[1], n_trials=12)
    vectors = {FlatEncoding(SMALL).decode(trial.params) for trial in study.trials}
    assert vectors == {vector for vector in SMALL.enumerate() if vector[0] == 0}


def test_one_sampler_serves_several_studies() -> None:
    sampler = TunerSampler(GridSearchTuner(), SMALL)
    studies = [optuna.create_study(sampler=sampler) for _ in range(2)]
    parameters = distributions(FlatEncoding(SMALL))
    for _ in range(3):
        for study in studies:
            study.tell(study.ask(parameters), 1.0)
    for study in studies:
        vectors = [FlatEncoding(SMALL).decode(trial.params) for trial in study.trials]
        assert vectors == list(SMALL.enumerate())[:3]
        assert study.user_attrs["nas_tuners:search_space"] == SMALL.to_dict()


def test_the_end_of_one_study_does_not_end_another() -> None:
    sampler = TunerSampler(GridSearchTuner(), SMALL)
    done, other = (optuna.create_study(sampler=sampler) for _ in range(2))
    done.optimize(lambda trial: _suggest(trial, SMALL)[1], n_trials=int(SMALL.size))
    other.optimize(lambda trial: 0.0, n_trials=2)
    assert len(other.trials) == 2


def test_asking_beyond_the_end_raises_and_leaves_no_running_trial() -> None:
    study = _study(TunerSampler(GridSearchTuner(), SMALL))
    encoding = FlatEncoding(SMALL)
    for _ in range(int(SMALL.size)):
        study.tell(study.ask(distributions(encoding)), 1.0)
    with pytest.raises(SearchSpaceExhausted):
        study.ask(distributions(encoding))
    assert study.trials[-1].state == TrialState.FAIL


def test_a_study_keeps_its_space() -> None:
    storage = optuna.storages.InMemoryStorage()
    _study(_evolution(SPACE), storage, "s").optimize(_objective, n_trials=1)
    content = SPACE.to_dict()
    content["block"]["_value"].append("extra")
    other = _study(_evolution(SearchSpace(content)), storage, "s")
    with pytest.raises(SpaceMismatchError, match="block: this search space has"):
        other.optimize(_objective, n_trials=1)


def test_failed_and_pruned_trials_are_survived() -> None:
    study = _study(_evolution(SPACE))

    def objective(trial: optuna.Trial) -> float:
        value = _objective(trial)
        if trial.number % 5 == 1:
            raise RuntimeError("out of memory")
        trial.report(value / 2, step=0)
        if trial.number % 5 == 2:
            raise optuna.TrialPruned
        return float("nan") if trial.number % 5 == 3 else value

    study.optimize(objective, n_trials=40, catch=RuntimeError)
    assert len(set(_architectures(study))) == 40


def test_it_minimizes_when_the_study_does() -> None:
    up = _study(_evolution(SPACE))
    up.optimize(_objective, n_trials=30)
    down = optuna.create_study(sampler=_evolution(SPACE), direction="minimize")
    down.optimize(lambda trial: -_objective(trial), n_trials=30)
    assert _architectures(down) == _architectures(up)


def _two_objectives(trial: optuna.Trial) -> tuple[float, float]:
    """What pays in the first objective costs in the second."""
    vector, value = _suggest(trial, LAYERS)
    cost = sum(float(entry or 0) * place for place, entry in enumerate(vector, start=1))
    return value, cost


def test_a_study_of_two_objectives_is_suggested_what_the_tuner_alone_proposes() -> None:
    mode = {"value": "maximize", "cost": "minimize"}
    alone = OptunaTuner(
        optuna.samplers.NSGAIISampler(population_size=6), optimize_mode=mode, seed=0
    )
    study = optuna.create_study(
        directions=["maximize", "minimize"],
        sampler=TunerSampler(
            OptunaTuner(optuna.samplers.NSGAIISampler(population_size=6), seed=0), LAYERS
        ),
    )
    study.optimize(_two_objectives, n_trials=30)
    encoding = FlatEncoding(LAYERS)
    alone.update_search_space(LAYERS)
    for trial in study.trials:
        parameters = alone.generate_parameters(trial.number)
        assert to_vector(LAYERS, parameters) == encoding.decode(trial.params)
        alone.receive_trial_result(trial.number, parameters, list(trial.values))


def test_two_objectives_end_with_the_space() -> None:
    study = optuna.create_study(
        directions=["maximize", "minimize"], sampler=TunerSampler(GridSearchTuner(), SMALL)
    )
    study.optimize(lambda trial: (_suggest(trial, SMALL)[1], 0.0), n_trials=1_000)
    vectors = [FlatEncoding(SMALL).decode(trial.params) for trial in study.trials]
    assert vectors == list(SMALL.enumerate())


class _Listening(Tuner):
    heard: ClassVar[list[Result]] = []
    multi_objective = True

    def _propose(self, ask: Ask) -> IndexVector:
        return self.space.sample(ask.rng)

    def _learn(self, result: Result) -> None:
        self.heard.append(result)


def _heard(objective: Callable[[optuna.Trial], Any], *directions: Any) -> Result:
    _Listening.heard.clear()
    study = optuna.create_study(directions=directions, sampler=TunerSampler(_Listening(), SMALL))
    study.optimize(objective, n_trials=1)
    study.ask(distributions(FlatEncoding(SMALL)))
    [result] = _Listening.heard
    return result


def test_intermediate_values_and_pruning_reach_the_tuner() -> None:
    def objective(trial: optuna.Trial) -> float:
        _suggest(trial, SMALL)
        for step, value in [(1, 0.5), (4, float("nan")), (9, 0.25)]:
            trial.report(value, step)
        raise optuna.TrialPruned

    result = _heard(objective, "minimize")
    assert (result.pruned, result.value, result.score) == (True, 0.25, -0.25)
    assert result.partial == {1: -0.5, 9: -0.25}


@pytest.mark.skipif(not hasattr(FrozenTrial, "constraints"), reason="Optuna 4 has none")
def test_constraints_and_several_objectives_reach_the_tuner() -> None:
    def objective(trial: optuna.Trial) -> tuple[float, float]:
        _suggest(trial, SMALL)
        trial.set_constraint("size", 2.5)
        trial.set_constraint("power", -1.0)
        return 3.0, 7.0

    result = _heard(objective, "maximize", "minimize")
    assert result.scores == (3.0, -7.0)
    assert result.excess == {"size": 2.5, "power": -1.0}
    assert result.violation == 2.5


def test_an_ordinary_objective_is_searched_too() -> None:
    study = _study(_evolution())

    def objective(trial: optuna.Trial) -> float:
        x = trial.suggest_int("x", 0, 20)
        y = trial.suggest_float("y", 1e-3, 1.0, log=True)
        z = trial.suggest_float("z", 0.0, 1.0, step=0.25)
        c = trial.suggest_categorical("c", [None, "a", 1.5])
        return x + z - y + (c == "a")

    study.optimize(objective, n_trials=120)
    assert study.best_value > 20


def test_parameters_outside_the_space_are_drawn() -> None:
    study = _study(_evolution(SPACE))

    def objective(trial: optuna.Trial) -> float:
        return _objective(trial) - trial.suggest_float("lr", 0, 1)

    study.optimize(objective, n_trials=10)
    assert len({trial.params["lr"] for trial in study.trials}) == 10


def test_parameters_outside_the_space_resume_too() -> None:
    def objective(trial: optuna.Trial) -> float:
        return _objective(trial) - trial.suggest_float("lr", 0, 1)

    whole = _study(_evolution(SPACE))
    whole.optimize(objective, n_trials=6)
    storage = optuna.storages.InMemoryStorage()
    for _ in range(2):
        _study(_evolution(SPACE), storage, "s").optimize(objective, n_trials=3)
    resumed = _study(None, storage, "s")
    assert [t.params for t in resumed.trials] == [t.params for t in whole.trials]


def test_another_process_suggests_the_same(tmp_path: Path) -> None:
    """Nothing depends on the process: not on hashing, not on what was imported before."""
    script = textwrap.dedent(
        """
        import json, optuna
        from nas_tuners.testing._spaces import SPACES
        from nas_tuners import RegularizedEvolutionTuner, TunerSampler
        from nas_tuners.tuners._study import distributions
        from nas_tuners.contract.flat_encoding import FlatEncoding
        from nas_tuners.contract.search_space import SearchSpace
        space = SearchSpace(SPACES["conditional"])
        tuner = RegularizedEvolutionTuner(population_size=4, sample_size=2, seed=5)
        study = optuna.create_study(sampler=TunerSampler(tuner, space))
        for value in range(12):
            study.tell(study.ask(distributions(FlatEncoding(space))), value)
        print(json.dumps([trial.params for trial in study.trials]))
        """
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={"PYTHONHASHSEED": seed, "PATH": ""},
            cwd=tmp_path,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


def test_two_processes_share_a_grid(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/study.db"
    _study(None, url, "s")
    script = textwrap.dedent(
        f"""
        import optuna
        from nas_tuners.testing._spaces import SPACES
        from nas_tuners import GridSearchTuner, TunerSampler
        from nas_tuners.contract.flat_encoding import FlatEncoding
        from nas_tuners.contract.search_space import SearchSpace
        from nas_tuners.tuners._study import distributions
        space = SearchSpace(SPACES["small"])
        arguments = {{"connect_args": {{"timeout": 60}}}}
        study = optuna.load_study(
            study_name="s",
            storage=optuna.storages.RDBStorage({url!r}, engine_kwargs=arguments),
            sampler=TunerSampler(GridSearchTuner(), space),
        )
        for _ in range({int(SMALL.size) // 2}):
            study.tell(study.ask(distributions(FlatEncoding(space))), 1.0)
        """
    )
    processes = [subprocess.Popen([sys.executable, "-c", script], cwd=tmp_path) for _ in "ab"]
    assert [process.wait() for process in processes] == [0, 0]
    vectors = [FlatEncoding(SMALL).decode(t.params) for t in _study(None, url, "s").trials]
    assert sorted(vectors, key=str) == sorted(SMALL.enumerate(), key=str)


@pytest.mark.parametrize("tuner", [RandomTuner, object(), optuna.samplers.RandomSampler()])
def test_what_is_no_tuner_is_refused(tuner: Any) -> None:
    with pytest.raises(ValueError, match="`tuner` must be a Tuner"):
        TunerSampler(tuner, SPACE)


def test_a_tuner_that_has_had_trials_is_refused() -> None:
    proposed, told, ended = RandomTuner(seed=0), RandomTuner(seed=0), RandomTuner(seed=0)
    for tuner in (proposed, told, ended):
        tuner.update_search_space(SMALL)
    proposed.generate_parameters(0)
    told.tell(0, next(SMALL.enumerate()), 1.0)
    ended.generate_parameters(0)
    ended.trial_end(0, success=False)
    for tuner in (proposed, told, ended):
        with pytest.raises(ValueError, match="must be fresh, but this RandomTuner has had trials"):
            TunerSampler(tuner, SMALL)


def test_a_tuner_that_was_given_data_is_fresh() -> None:
    tuner = GridSearchTuner()
    tuner.update_search_space(SMALL)
    first, second = list(SMALL.enumerate())[:2]
    tuner.import_data([{"parameter": to_parameters(SMALL, first), "value": 1.0}])
    study = _study(TunerSampler(tuner, SMALL))
    assert _suggest(study.ask(), SMALL)[0] == second


@pytest.mark.parametrize("encoding", ["slot", None, 1])
def test_an_unknown_encoding_is_refused(encoding: Any) -> None:
    with pytest.raises(ValueError, match=r"`encoding` must be one of .*'slots'.*, but got "):
        TunerSampler(RandomTuner(), SPACE, encoding=encoding)


def test_bounds_of_the_tuners_own_are_refused() -> None:
    tuner = RandomTuner(optimize_mode={"default": "maximize", "latency": "<= 5"})
    with pytest.raises(ValueError, match=r"bounds of its own \(latency\).*trial\.set_constraint"):
        TunerSampler(tuner, SPACE)


def test_objectives_that_the_tuner_does_not_handle() -> None:
    study = optuna.create_study(directions=["maximize"] * 2, sampler=_evolution(SPACE))
    with pytest.raises(ValueError, match=r"Evolution.* does not handle.*BayesianTuner"):
        study.optimize(lambda trial: (_objective(trial), 1.0), n_trials=1)


def test_a_tuner_that_cannot_be_copied_is_named() -> None:
    tuner = _Listening()
    tuner.lock = threading.Lock()  # type: ignore[attr-defined]
    with pytest.raises(TunerError, match="_Listening cannot be copied"):
        _study(TunerSampler(tuner, SPACE)).optimize(_objective, n_trials=1)


# ---- objectives that suggest only what is active ------------------------------------------------

STEM = SearchSpace(
    {
        "block": {"_type": "layer_choice", "_value": ["conv", "pool"]},
        "kernel": {
            "_type": "layer_choice",
            "_value": ["3x3", "5x5", "7x7"],
            "_active_if": {"block": [0]},
        },
        "op": {"_type": "layer_choice", "_value": ["a", "b"]},
    }
)


def _suggest_active(trial: optuna.Trial) -> float:
    block = trial.suggest_categorical("block", ["conv", "pool"])
    if block == "conv":
        trial.suggest_categorical("kernel", ["3x3", "5x5", "7x7"])
    trial.suggest_categorical("op", ["a", "b"])
    return float(trial.number)


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_trials_without_inactive_parameters_are_known(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever made them: every architecture is tried once, and read in one form."""
    study = optuna.create_study(
        direction="maximize", sampler=optuna.samplers.BruteForceSampler(seed=0)
    )
    study.optimize(_suggest_active, n_trials=4)
    study.sampler = TunerSampler(RandomTuner(seed=0), STEM)
    study.optimize(_suggest_active, n_trials=20)
    assert len(study.trials) in (8, 9)  # the end may show at a suggestion, which prunes its trial
    complete = [t for t in study.trials if t.state is TrialState.COMPLETE]
    tried = {tuple(sorted(t.params.items())) for t in complete}
    assert len(tried) == len(complete) == 8
    assert not any("not of this search space" in message for message in caplog.messages)
    chosen = nas_tuners.confirm(study, lambda parameters, seed: 1.0, top_k=8, seeds=1)
    for row in chosen.candidates:
        assert to_parameters(STEM, to_vector(STEM, row.parameters)) == row.parameters


def test_an_objective_that_asks_for_other_names_is_told(caplog: pytest.LogCaptureFixture) -> None:
    study = optuna.create_study(sampler=TunerSampler(RandomTuner(seed=0), STEM))
    study.optimize(lambda trial: float(trial.suggest_categorical("Op", ["a"]) == "a"), 5)
    (warning,) = [message for message in caplog.messages if "did not ask" in message]
    assert warning.startswith(
        "Trial 0 has a result, but its objective did not ask for the parameter 'block'. An"
    )


def test_the_end_of_a_tuner_is_not_that_of_the_space(caplog: pytest.LogCaptureFixture) -> None:
    tuner = BatchTuner([{"block": "pool", "op": "a"}])
    study = optuna.create_study(sampler=TunerSampler(tuner, STEM))
    study.optimize(_suggest_active, n_trials=5)
    assert len([t for t in study.trials if t.state is TrialState.COMPLETE]) == 1
    assert "Nothing is left to propose (all 1 given architectures were proposed)" in caplog.text

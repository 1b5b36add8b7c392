"""The study of an experiment, on a real database."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import optuna
import pytest
from optuna.trial import TrialState

from nas_tuners.contract.errors import ExperimentError, SearchSpaceExhausted
from nas_tuners.contract.search_space import SearchSpace
from nas_tuners.contract.trial_io import Metric, append_metric, write_assignment
from nas_tuners.experiment.budgets import Budgets
from nas_tuners.experiment.configuration.config import ExperimentConfig, TunerConfig
from nas_tuners.experiment.configuration.parts import BudgetConfig
from nas_tuners.experiment.loop import Nothing
from nas_tuners.experiment.outcome import Complete, Failed, Pruned
from nas_tuners.experiment.records import StudyTrial, lesson_of, result_of
from nas_tuners.experiment.storages.operations import storage_lock
from nas_tuners.experiment.storages.storage import open_storage
from nas_tuners.experiment.study import ExperimentStudy
from nas_tuners.experiment.study_setup import goals_of, make_tuner_of, open_study
from nas_tuners.tuners._history import HistoryFollower
from nas_tuners.tuners._study import attach_space
from tests.experiment_kit import SPACE

MIXED: dict[str, Any] = SPACE | {
    "skip": {"_type": "input_choice", "_value": {"candidates": ["i", "j", "k"], "n_chosen": 2}},
    "any": {"_type": "input_choice", "_value": {"candidates": ["i", "j"], "n_chosen": None}},
    "lr": {"_type": "loguniform", "_value": [0.001, 0.1]},
    "width": {"_type": "randint", "_value": [1, 9]},
    "deep": {"_type": "layer_choice", "_value": ["m", "n"], "_active_if": {"a": [0]}},
}


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/study.db"


@pytest.fixture
def storage(url: str) -> Iterator[Any]:
    with open_storage(url) as opened:
        yield opened


def config(**fields: Any) -> ExperimentConfig:
    plain: dict[str, Any] = {
        "name": "e",
        "command": "true",
        "tuner": TunerConfig("random"),
        "code_directory": Path(),
        "experiments_directory": Path(),
        "seed": 1,
    }
    return ExperimentConfig(**(plain | fields))


def experiment(
    storage: Any, space: dict[str, Any], name: str = "e", **options: Any
) -> ExperimentStudy:
    study = open_study(storage, config())
    encoding = attach_space(study, SearchSpace(space))
    return ExperimentStudy(
        study,
        encoding,
        HistoryFollower(make_tuner_of(config()), encoding),
        goals=goals_of(config()),
        experiment_id=name,
        exclusive=partial(storage_lock, storage, "e"),
        **options,
    )


def frozen(storage: Any) -> list[optuna.trial.FrozenTrial]:
    return optuna.load_study(study_name="e", storage=storage).trials


def test_a_suggestion_is_an_ordinary_running_trial(storage: Any) -> None:
    ours = experiment(storage, MIXED)
    trial = ours.ask()
    assert isinstance(trial, StudyTrial)
    (recorded,) = frozen(storage)
    assert recorded.state is TrialState.RUNNING
    assert recorded.datetime_start is not None
    assert recorded.datetime_complete is None
    assert recorded.user_attrs["architecture"] == trial.architecture
    assert recorded.params.keys() == recorded.distributions.keys()
    assert trial.assignment.number == 0
    assert trial.assignment.search_space == SearchSpace(MIXED).to_dict()


def test_what_is_left_running_is_restored_as_it_was_asked(storage: Any) -> None:
    ours = experiment(storage, MIXED)
    asked = [ours.ask() for _ in range(5)]
    experiment(storage, MIXED, name="another").ask()
    again = experiment(storage, MIXED)
    assert again.unfinished() == asked


def test_the_time_of_a_trial_is_without_the_pause_before_it_ran_again(storage: Any) -> None:
    """Of its first run, which was cut off, nobody knows how long it was."""
    first = experiment(storage, SPACE)
    at_once, cut_off = first.ask(), first.ask()
    assert isinstance(at_once, StudyTrial)
    assert isinstance(cut_off, StudyTrial)
    first.tell(at_once, Complete(Metric("final", 0, 1.0)), seconds=7.0)
    second = experiment(storage, SPACE)
    [again] = second.unfinished()
    second.tell(again, Complete(Metric("final", 0, 1.0)), seconds=5.0)
    assert [trial.user_attrs.get("seconds") for trial in frozen(storage)] == [None, 5.0]
    results = second.results().trials
    assert results[1].seconds == 5.0
    assert results[0].seconds != 7.0, "the study's own, which needs no note"


def test_the_time_of_a_trial_with_budgets_is_that_of_all_its_runs(storage: Any) -> None:
    budgets = Budgets(BudgetConfig(maximum=2, eta=2, brackets=1), 1.0)
    ours = experiment(storage, SPACE, budgets=budgets)
    for seconds in (1.0, 2.0, 4.0):
        trial = ours.ask(max_trials=2)
        assert isinstance(trial, StudyTrial)
        score = Metric("final", 0, float(-trial.number))
        ours.tell(trial, Complete(score), seconds=seconds)
    assert ours.ask(max_trials=2) is Nothing.LIMIT
    assert [trial.seconds for trial in ours.results().trials] == [1.0 + 4.0, 2.0]


def test_results_are_recorded(storage: Any) -> None:
    ours = experiment(storage, SPACE)
    good, bad = ours.ask(), ours.ask()
    assert isinstance(good, StudyTrial)
    assert isinstance(bad, StudyTrial)
    ours.report(good, Metric("intermediate", 0, 0.25))
    ours.report(good, Metric("intermediate", 0, 0.5))
    ours.tell(good, Complete(Metric("final", 0, {"default": 0.75, "size": 3})))
    ours.tell(bad, Failed("exit code 1"))
    first, second = frozen(storage)
    assert (first.state, first.value) == (TrialState.COMPLETE, 0.75)
    assert first.intermediate_values == {0: 0.5}
    assert first.user_attrs["result"] == {"default": 0.75, "size": 3}
    assert second.state is TrialState.FAIL
    assert second.user_attrs["failure"] == "exit code 1"
    assert ours.unfinished() == []


def test_the_tuner_gets_every_metric_that_a_trial_reported(storage: Any) -> None:
    ours = experiment(storage, SPACE)
    for value in ({"default": 0.75, "size": 3}, 0.5):
        trial = ours.ask()
        assert isinstance(trial, StudyTrial)
        ours.tell(trial, Complete(Metric("final", 0, value)))
    failed = ours.ask()
    assert isinstance(failed, StudyTrial)
    ours.tell(failed, Failed("exit code 1"))
    results = [result_of(trial) for trial in frozen(storage)]
    assert results == [{"default": 0.75, "size": 3}, [0.5], None]


def test_an_attribute_of_somebody_elses_trial_is_no_result() -> None:
    trial = optuna.trial.create_trial(value=0.5, user_attrs={"result": {"default": 7.0}})
    assert result_of(trial) == [0.5]


def test_a_trial_that_somebody_else_ended_stays_as_it_is(
    storage: Any, caplog: pytest.LogCaptureFixture
) -> None:
    ours = experiment(storage, SPACE)
    trial = ours.ask()
    assert isinstance(trial, StudyTrial)
    optuna.load_study(study_name="e", storage=storage).tell(0, 0.125)
    ours.report(trial, Metric("intermediate", 0, 1.0))
    ours.tell(trial, Complete(Metric("final", 0, 1.0)))
    ours.tell(trial, Failed("exit code 1"))
    assert frozen(storage)[0].value == 0.125
    assert "Trial 0 was ended in the study by somebody else." in caplog.text


def test_a_trial_that_somebody_else_ended_need_not_go_on(
    storage: Any, caplog: pytest.LogCaptureFixture
) -> None:
    ours = experiment(storage, SPACE)
    trial, other = ours.ask(), ours.ask()
    assert isinstance(trial, StudyTrial)
    assert isinstance(other, StudyTrial)
    assert not ours.gone()
    optuna.load_study(study_name="e", storage=storage).tell(0, state=TrialState.FAIL)
    for sequence in range(3):
        ours.report(trial, Metric("intermediate", sequence, 1.0))
        ours.report(other, Metric("intermediate", sequence, 1.0))
    assert set(ours.gone()) == {0}
    assert not ours.gone()
    assert caplog.text.count("Trial 0 was ended in the study by somebody else.") == 1


def test_it_is_over_when_all_that_may_be_have_ended(storage: Any) -> None:
    ours = experiment(storage, SPACE)
    for number in range(2):
        assert not ours.is_over(max_trials=2)
        trial = ours.ask()
        assert isinstance(trial, StudyTrial)
        assert not ours.is_over(max_trials=number + 1)
        ours.tell(trial, Failed("exit code 1"))
    assert ours.is_over(max_trials=2)
    assert not ours.is_over()


def test_the_budget_and_the_end_of_the_space(storage: Any) -> None:
    ours = experiment(storage, SPACE)
    for _ in range(4):
        assert isinstance(ours.ask(max_trials=4), StudyTrial)
    assert ours.ask(max_trials=4) is Nothing.LIMIT
    for _ in range(8):
        ours.ask()
    with pytest.raises(SearchSpaceExhausted):
        ours.ask()
    assert len(frozen(storage)) == 12


def test_a_study_that_optimizes_otherwise_is_refused(storage: Any) -> None:
    open_study(storage, config(optimize_mode="minimize"))
    with pytest.raises(ExperimentError, match="is there already, to minimize; optimize_mode is"):
        open_study(storage, config())


def test_the_quicker_storage_records_what_optunas_own_does(tmp_path: Path) -> None:
    recorded = []
    with open_storage(f"sqlite:///{tmp_path}/ours.db") as ours:
        plain = optuna.storages.RDBStorage(f"sqlite:///{tmp_path}/optunas.db")
        for storage in (ours, optuna.storages.get_storage(plain)):
            searched = experiment(storage, MIXED)
            for _ in range(3):
                searched.ask()
            recorded.append([(t.number, t.params, t.distributions) for t in frozen(storage)])
        plain.remove_session()
        plain.engine.dispose()
    assert recorded[0] == recorded[1]


class _Silent:
    """Company in which some runners have fallen silent."""

    every = 0.0

    def __init__(self, *names: str, trials: Path | None = None) -> None:
        self._names, self._trials = frozenset(names), trials

    def silent(self) -> frozenset[str]:
        return self._names

    def is_still_silent(self, name: str) -> bool:
        return name in self._names

    def has_left(self, name: str) -> bool:
        return name.startswith("left")

    def trials_of(self, name: str) -> Path | None:
        return self._trials

    def members(self) -> frozenset[str]:
        return self._names | {"first", "second", "other"}


def _with_company(storage: Any, name: str, *silent: str, **options: Any) -> ExperimentStudy:
    return experiment(storage, SPACE, name, **{"company": _Silent(*silent), **options})


def test_trials_of_a_runner_that_vanished_are_taken_over_once(storage: Any) -> None:
    lost = [_asked(_with_company(storage, "dead")) for _ in range(1)]
    heirs = [_with_company(storage, name, "dead") for name in ("one", "two")]
    taken, new = _asked(heirs[0]), _asked(heirs[1])
    assert taken.assignment.parameters == lost[0].assignment.parameters
    assert (taken.number, new.number) == (0, 1)
    assert frozen(storage)[0].system_attrs["nas_tuners:taken_over"] == 1


@pytest.mark.parametrize("kind", ["final", "intermediate"])
def test_a_result_that_a_vanished_runner_left_is_recorded(
    storage: Any, tmp_path: Path, kind: Literal["final", "intermediate"]
) -> None:
    lost = _asked(_with_company(storage, "dead"))
    (tmp_path / "0000").mkdir()
    write_assignment(tmp_path / "0000", lost.assignment)
    append_metric(tmp_path / "0000", Metric(kind, 0, 0.5))
    heir = _with_company(storage, "heir", company=_Silent("dead", trials=tmp_path))
    assert _asked(heir).number == (kind == "final"), "without a result it runs again"
    assert frozen(storage)[0].values == ([0.5] if kind == "final" else None)


def test_a_trial_that_outlives_too_many_runners_fails(storage: Any) -> None:
    _asked(_with_company(storage, "first"))
    for dead, heir in (("first", "second"), ("second", "third")):
        _asked(_with_company(storage, heir, dead, max_retries=2))
    after = _asked(_with_company(storage, "fourth", "third", max_retries=2))
    assert after.number == 1
    dead_trial = frozen(storage)[0]
    assert dead_trial.state is TrialState.FAIL
    assert dead_trial.user_attrs["failure"] == "3 workers vanished"


def test_a_result_counts_however_many_runners_vanished(storage: Any, tmp_path: Path) -> None:
    lost = _asked(_with_company(storage, "dead"))
    (tmp_path / "0000").mkdir()
    write_assignment(tmp_path / "0000", lost.assignment)
    append_metric(tmp_path / "0000", Metric("final", 0, 0.5))
    company = _Silent("dead", trials=tmp_path)
    assert _asked(_with_company(storage, "heir", company=company, max_retries=0)).number == 1
    assert frozen(storage)[0].values == [0.5]


def test_a_trial_may_be_handed_on_in_order_as_often_as_it_likes(storage: Any) -> None:
    names = ["left 1", "left 2", "left 3", "left 4", "last"]
    number = _asked(_with_company(storage, names[0])).number
    for gone, heir in pairwise(names):
        assert _asked(_with_company(storage, heir, gone, max_retries=1)).number == number


def test_what_another_has_taken_over_or_ended_is_gone_here(
    storage: Any, caplog: pytest.LogCaptureFixture
) -> None:
    first = _with_company(storage, "first")
    kept, taken, ended = (_asked(first) for _ in range(3))
    storage.set_trial_system_attr(taken.storage_id, "nas_tuners:runner", "second")
    optuna.load_study(study_name="e", storage=storage).tell(ended.number, 0.5)
    assert set(first.gone()) == {taken.number, ended.number}
    assert set(first.gone()) == set(), "it is told once"
    assert "Trial 1 was ended or taken over elsewhere; it stops here." in caplog.text
    first.tell(kept, Complete(Metric("final", 0, 1.0)))
    assert frozen(storage)[0].value == 1.0


def test_the_first_result_of_a_trial_that_ran_twice_counts(storage: Any) -> None:
    first = _with_company(storage, "first")
    trial = _asked(first)
    second = _with_company(storage, "second", "first")
    again = _asked(second)
    first.tell(trial, Complete(Metric("final", 0, 1.0)))
    second.tell(again, Complete(Metric("final", 0, 2.0)))
    assert frozen(storage)[0].value == 1.0


def test_a_runner_that_waits_ends_when_the_others_have(storage: Any) -> None:
    other = _with_company(storage, "other")
    trial = _asked(other)
    waits = _with_company(storage, "waits", waits=True)
    assert waits.ask(max_trials=1) is Nothing.YET
    assert _with_company(storage, "does not").ask(max_trials=1) is Nothing.LIMIT
    other.tell(trial, Complete(Metric("final", 0, 1.0)))
    assert waits.ask(max_trials=1) is Nothing.LIMIT


def test_nobody_waits_for_what_is_in_nobodys_hands(storage: Any) -> None:
    waits = _with_company(storage, "waits", waits=True)
    study = optuna.load_study(study_name="e", storage=storage)
    study.enqueue_trial({"a": "x", "b": "p"})
    study.ask()  # a script that was killed leaves it running
    study.enqueue_trial({"a": "y", "b": "p"})
    _asked(_with_company(storage, "gives no signs"))
    assert waits.ask(max_trials=3) is Nothing.LIMIT


def test_a_runner_that_comes_back_in_the_moment_its_trial_is_taken(storage: Any) -> None:
    first = _with_company(storage, "first")
    trial = _asked(first)

    class Quicker(_Silent):
        def is_still_silent(self, name: str) -> bool:
            first.tell(trial, Complete(Metric("final", 0, 1.0)))
            return True

    second = _with_company(storage, "second", company=Quicker("first"))
    assert _asked(second).number == 1
    assert frozen(storage)[0].value == 1.0


@pytest.mark.parametrize(
    ("pruned_trials", "sign", "lesson"),
    [("latest", 1.0, [2.0]), ("best", 1.0, 3.0), ("best", -1.0, 1.0)],
)
def test_what_a_tuner_learns_from_a_trial_that_was_stopped(
    pruned_trials: Any, sign: float, lesson: object
) -> None:
    trial = optuna.trial.create_trial(
        state=TrialState.PRUNED, value=2.0, intermediate_values={0: 1.0, 1: 3.0, 2: 2.0}
    )
    assert lesson_of(trial, pruned_trials, sign) == lesson


def test_a_tuner_may_learn_nothing_from_a_trial_that_was_stopped(storage: Any) -> None:
    trial = optuna.trial.create_trial(state=TrialState.PRUNED, value=2.0)
    assert lesson_of(trial, "ignore", 1.0) is NotImplemented
    study = open_study(storage, config())
    encoding = attach_space(study, SearchSpace(SPACE))
    tuner = make_tuner_of(config(tuner=TunerConfig("RegularizedEvolutionTuner")))
    ignoring = HistoryFollower(
        tuner, encoding, result_of=partial(lesson_of, pruned_trials="ignore", sign=1.0)
    )
    asked = ExperimentStudy(study, encoding, ignoring, goals=goals_of(config()), experiment_id="e")
    vectors = []
    for _ in range(12):
        trial_ = _asked(asked)
        vectors.append(trial_.architecture)
        asked.tell(trial_, Pruned(Metric("intermediate", 0, 1.0), "it is bad"))
    assert len({str(vector) for vector in vectors}) == 12, "nothing is proposed twice"
    with pytest.raises(SearchSpaceExhausted):
        asked.ask()


def _asked(study: ExperimentStudy) -> StudyTrial:
    trial = study.ask()
    assert isinstance(trial, StudyTrial)
    return trial


def test_a_failure_is_not_recorded_over_another_runners_attempt(storage: Any) -> None:
    first = _with_company(storage, "first")
    trial = _asked(first)
    second = _with_company(storage, "second", "first")
    again = _asked(second)
    first.tell(trial, Failed("exit code 1"))
    assert frozen(storage)[0].state is TrialState.RUNNING
    second.tell(again, Complete(Metric("final", 0, 2.0)))
    assert frozen(storage)[0].value == 2.0


def test_a_trial_is_not_stopped_for_what_an_earlier_attempt_reported(storage: Any) -> None:
    study = open_study(storage, config())
    encoding = attach_space(study, SearchSpace(SPACE))
    asked = ExperimentStudy(
        study,
        encoding,
        HistoryFollower(make_tuner_of(config()), encoding),
        goals=goals_of(config()),
        experiment_id="e",
        pruner=optuna.pruners.MedianPruner(n_startup_trials=1),
    )
    good, twice = _asked(asked), _asked(asked)
    for step in range(3):
        asked.report(good, Metric("intermediate", step, 1.0))
    asked.tell(good, Complete(Metric("final", 0, 1.0)))
    assert asked.report(twice, Metric("intermediate", 0, 0.5)) is not None
    for step in range(3):
        asked.report(twice, Metric("intermediate", step, 0.5))
    assert asked.report(twice, Metric("intermediate", 0, 2.0)) is None, "it has begun anew"
    assert asked.report(twice, Metric("intermediate", 1, 0.5)) is None, "its best is what counts"

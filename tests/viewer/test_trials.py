"""Studies as the page gets them, from every kind of storage."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState, create_trial

from nas_tuners.contract.errors import ExperimentError
from nas_tuners.contract.search_space import SearchSpace
from nas_tuners.tuners._study import attach_space
from nas_tuners.viewer.trials.opening import open_reader, studies_in
from nas_tuners.viewer.trials.reader import Batch
from nas_tuners.viewer.trials.source import Trials

from ..experiment_kit import Project, eventually
from ..servers import postgres_server

SPACE = {
    "conv": {"_type": "layer_choice", "_value": ["3x3", "5x5", "skip"]},
    "inputs": {
        "_type": "input_choice",
        "_value": {"candidates": ["a", "b", "c"], "n_chosen": 2},
    },
    "width": {"_type": "choice", "_value": [16, 32]},
    "lr": {"_type": "loguniform", "_value": [1e-4, 1e-1]},
}
ARCHITECTURE = {"conv": "5x5", "inputs": ["a", "c"], "width": 32, "lr": 0.01}
RANGES: dict[str, Any] = {
    "kind": CategoricalDistribution(["x", None, 3]),
    "depth": IntDistribution(1, 9),
    "rate": FloatDistribution(0.0, 1.0),
}

MakeStorage = Callable[[str], BaseStorage]


@pytest.fixture
def opened() -> Iterator[Callable[[Trials], Trials]]:
    """Closes what a test opens."""
    trials: list[Trials] = []

    def keep(one: Trials) -> Trials:
        trials.append(one)
        return one

    yield keep
    for one in trials:
        one.close()


@pytest.fixture(params=["sqlite", "journal", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[_Place]:
    place = _Place(request.param, tmp_path)
    yield place
    place.close()


class _Place:
    """A study that is written to, and a way to look at it from outside."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind, self.folder = kind, folder
        self.url = {
            "sqlite": f"sqlite:///{folder}/study.db",
            "journal": f"journal:///{folder}/study.log",
            "memory": "",
        }[kind]
        self.storage: BaseStorage
        if kind == "sqlite":
            self.storage = RDBStorage(self.url)
        elif kind == "journal":
            self.storage = JournalStorage(JournalFileBackend(str(folder / "study.log")))
        else:
            self.storage = optuna.storages.InMemoryStorage()

    def study(self, directions: tuple[str, ...] = ("maximize",)) -> optuna.Study:
        return optuna.create_study(
            study_name="mine", storage=self.storage, directions=list(directions)
        )

    def look(self, study: optuna.Study, clock: Callable[[], float] = lambda: 0.0) -> Trials:
        """With a clock that stands still, so that no reading of a busy machine is a slow one."""
        if self.kind == "memory":
            return Trials.of_study(study, clock=clock)
        return Trials.of_storage(self.url, study.study_name, clock=clock)

    def close(self) -> None:
        if isinstance(self.storage, RDBStorage):
            self.storage.remove_session()
            self.storage.engine.dispose()


def whole(trials: Trials) -> dict[str, Any]:
    """All columns, once everything has been read."""
    assert eventually(lambda: trials.columns()["reading"] is None)
    return trials.columns()


def changes(trials: Trials, revision: int) -> dict[str, Any]:
    """What has changed, where something has; a slow storage is asked only now and then."""
    found: list[dict[str, Any]] = []

    def look() -> bool:
        change = trials.changes(revision)
        found.extend([change] if change is not None else [])
        return bool(found)

    assert eventually(look)
    return found[0]


def test_foreign_study_shows_its_parameters(place: _Place, opened: Any) -> None:
    study = place.study()
    study.add_trial(
        create_trial(
            params={"kind": None, "depth": 4, "rate": 0.25},
            distributions=RANGES,
            value=0.5,
            user_attrs={"flops": 12.5, "note": "a text"},
        )
    )
    study.add_trial(
        create_trial(
            state=TrialState.FAIL,
            params={"kind": 3},
            distributions={"kind": RANGES["kind"]},
        )
    )
    columns = whole(opened(place.look(study)))
    assert columns["name"] == "mine"
    assert columns["metrics"] == ["default", "flops"]
    assert columns["directions"] == ["maximize", None]
    assert columns["number"] == [0, 1]
    assert columns["state"] == ["complete", "fail"]
    assert columns["values"] == {"default": [0.5, None], "flops": [12.5, None]}
    assert columns["labels"] == {"kind": ["x", "None", "3"]}
    assert columns["architecture"] == {
        "kind": [1, 2],
        "depth": [4, None],
        "rate": [0.25, None],
    }
    assert columns["space"] is None
    assert columns["feasible"] is None
    assert columns["problems"] == []
    json.dumps(columns, allow_nan=False)


def test_recorded_architectures_are_shown_by_key(place: _Place, opened: Any) -> None:
    study = place.study()
    attach_space(study, SearchSpace(SPACE))
    study.add_trial(create_trial(value=0.5, user_attrs={"architecture": ARCHITECTURE}))
    trials = opened(place.look(study))
    columns = whole(trials)
    assert columns["architecture"] == {
        "conv": [1],
        "inputs": [[0, 2]],
        "width": [1],
        "lr": [0.01],
    }
    assert columns["labels"] == {
        "conv": ["3x3", "5x5", "skip"],
        "inputs": ["a", "b", "c"],
        "width": ["16", "32"],
    }
    assert columns["space"] == SPACE
    details = trials.details(0)
    assert details is not None
    assert details["architecture"] == ARCHITECTURE
    assert details["parameters"]["conv"] == {"_value": "5x5", "_idx": 1}
    assert details["parameters"]["inputs"] == {"_value": ["a", "c"], "_idx": [0, 2]}
    assert details["parameters"]["width"] == 32


def test_trials_that_others_added_to_our_study_are_decoded(place: _Place, opened: Any) -> None:
    from nas_tuners.contract.architecture import to_vector
    from nas_tuners.tuners._study import distributions

    study = place.study()
    encoding = attach_space(study, SearchSpace(SPACE))
    vector = to_vector(encoding.space, ARCHITECTURE)
    study.add_trial(
        create_trial(
            value=0.5, params=encoding.encode(vector), distributions=distributions(encoding)
        )
    )
    study.add_trial(create_trial(value=0.5))  # of which nothing is known
    columns = whole(opened(place.look(study)))
    assert columns["architecture"]["inputs"] == [[0, 2], None]
    assert columns["architecture"]["lr"] == [pytest.approx(0.01), None]


def test_only_what_changed_is_given(place: _Place, opened: Any) -> None:
    study = place.study()
    for _ in range(3):
        study.tell(study.ask(), 1.0)
    trials = opened(place.look(study))
    before = whole(trials)
    assert trials.changes(before["revision"]) is None
    running = study.ask()
    running.report(0.5, 0)
    change = changes(trials, before["revision"])
    assert change["rows"]["number"] == [3]
    assert change["rows"]["state"] == ["running"]
    study.tell(running, 2.0)
    last = changes(trials, change["revision"])
    assert last["rows"]["number"] == [3]
    assert last["rows"]["state"] == ["complete"]
    assert last["rows"]["values"] == {"default": [2.0]}
    assert trials.changes(last["revision"]) is None
    assert changes(trials, 10**9)["rows"]["number"] == [0, 1, 2, 3]  # of another server


def test_several_objectives_bounds_and_infinities(place: _Place, opened: Any) -> None:
    study = place.study(("maximize", "minimize"))
    with pytest.warns(optuna.exceptions.ExperimentalWarning):
        study.set_metric_names(["accuracy", "flops"])
    study.add_trial(
        create_trial(
            values=[0.9, float("inf")],
            user_attrs={"result": {"default": 0.9, "accuracy": 0.9, "flops": 3, "ms": 4.5}},
            system_attrs={"constraints:ms": 0.5},
        )
    )
    study.add_trial(create_trial(values=[0.8, 2.0], system_attrs={"constraints:ms": -1.0}))
    columns = whole(opened(place.look(study)))
    assert columns["metrics"] == ["accuracy", "flops", "ms"]
    assert columns["directions"] == ["maximize", "minimize", None]
    assert columns["values"]["flops"] == [None, 2.0]
    assert columns["values"]["ms"] == [4.5, None]
    assert columns["feasible"] == [False, True]


def test_curves_are_bounded(place: _Place, opened: Any) -> None:
    study = place.study()
    for number in range(3):
        trial = study.ask()
        for step in range(1000 if number == 2 else 5):
            trial.report(step + number / 10, step)
        if number != 1:
            study.tell(trial, float(number))
    trials = opened(place.look(study))
    whole(trials)
    curves = trials.curves()["curves"]
    assert list(curves) == ["0", "1", "2"]
    assert curves["1"] == [[step, step + 0.1] for step in range(5)]
    assert len(curves["2"]) <= 201
    assert curves["2"][0] == [0, 0.2]
    assert curves["2"][-1] == [999, 999.2]
    details = trials.details(1)
    assert details is not None
    assert details["intermediate"] == [[s, s + 0.1] for s in range(5)]
    assert details["state"] == "running"
    assert details["logs"] == []


def test_unknown_trial_is_none(place: _Place, opened: Any) -> None:
    trials = opened(place.look(place.study()))
    assert whole(trials)["number"] == []
    assert trials.details(0) is None
    assert trials.log(0, "stdout.txt") is None
    assert trials.curves()["curves"] == {}


def test_looking_writes_nothing(place: _Place, opened: Any) -> None:
    if place.kind == "memory":
        pytest.skip("has no files")
    study = place.study()
    study.tell(study.ask(), 1.0)
    place.close()
    before = _files(place.folder)
    trials = place.look(study)
    whole(trials)
    trials.details(0), trials.curves(), trials.importance()
    trials.close()
    assert _files(place.folder) == before


def test_readers_of_a_running_database_hold_nobody_up(tmp_path: Path, opened: Any) -> None:
    place = _Place("sqlite", tmp_path)
    study = place.study()
    trials = opened(place.look(study))
    whole(trials)
    with sqlite3.connect(tmp_path / "study.db", timeout=0) as connection:
        connection.execute("BEGIN EXCLUSIVE")  # fails if anybody reads
    place.close()


def test_database_that_cannot_be_written_to_is_read(tmp_path: Path, opened: Any) -> None:
    folder = tmp_path / "archive"
    folder.mkdir()
    place = _Place("sqlite", folder)
    place.study().add_trial(create_trial(value=1.0))
    place.close()
    for path, mode in ((folder / "study.db", 0o400), (folder, 0o500)):
        os.chmod(path, mode)
    assert whole(opened(Trials.of_storage(place.url)))["number"] == [0]
    os.chmod(folder, 0o700)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("sqlite:///{folder}/none.db", "there is no file"),
        ("journal:///{folder}/none.log", "there is no file"),
        ("sqlite:///{folder}/text.db", "cannot be read"),
        ("sqlite:///{folder}/empty.db", "cannot be read"),
        ("journal:///{folder}/text.db", "cannot be read"),
        ("postgresql://nobody:secret-word@127.0.0.1:1/none", "cannot be read"),
        ("postgresql://nobody:an@secret-word@127.0.0.1:1/none", "cannot be read"),
        ("nonsense", "cannot be opened"),
    ],
)
def test_what_cannot_be_read_is_a_problem(
    url: str, says: str, tmp_path: Path, opened: Any
) -> None:
    (tmp_path / "text.db").write_text("no database, but a text\n" * 100)
    (tmp_path / "empty.db").write_text("")
    trials = opened(Trials.of_storage(url.format(folder=tmp_path)))
    columns = whole(trials)
    (problem,) = columns["problems"]
    assert says in problem
    assert "secret-word" not in problem
    assert columns["number"] == []
    with pytest.raises(ExperimentError, match=says):
        trials.details(0)
    assert not (tmp_path / "none.db").exists()
    assert not (tmp_path / "none.log").exists()


def test_study_must_be_named_where_there_are_several(tmp_path: Path, opened: Any) -> None:
    place = _Place("sqlite", tmp_path)
    place.study()
    optuna.create_study(study_name="other", storage=place.storage)
    place.close()
    (problem,) = whole(opened(Trials.of_storage(place.url)))["problems"]
    assert "several studies" in problem
    assert "other" in problem
    (problem,) = whole(opened(Trials.of_storage(place.url, "othr")))["problems"]
    assert "did you mean 'other'?" in problem
    assert whole(opened(Trials.of_storage(place.url, "other")))["problems"] == []


def test_study_that_comes_later_is_found(tmp_path: Path, opened: Any) -> None:
    now = [0.0]
    url = f"sqlite:///{tmp_path}/study.db"
    trials = opened(Trials(lambda: open_reader(url), url=url, clock=lambda: now[0]))
    before = whole(trials)
    assert before["problems"]
    place = _Place("sqlite", tmp_path)
    place.study().add_trial(create_trial(value=1.0))
    assert trials.columns()["problems"]  # not asked again at once
    now[0] = 10.0
    change = changes(trials, before["revision"])
    assert change["rows"]["problems"] == []
    assert change["rows"]["number"] == [0]
    place.close()


def test_a_growing_study_is_read_whole_from_many_threads(tmp_path: Path, opened: Any) -> None:
    place = _Place("sqlite", tmp_path)
    study = place.study()
    trials = opened(place.look(study))
    failures: list[BaseException] = []
    done = threading.Event()

    def ask() -> None:
        revision, known = 0, set[int]()
        try:
            while not done.is_set() or len(known) < 40:
                if change := trials.changes(revision):
                    revision = change["revision"]
                    known |= set(change["rows"]["number"])
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(40):
        study.tell(study.ask(), float(number))
    done.set()
    for thread in threads:
        thread.join(timeout=30)
        assert not thread.is_alive()
    assert not failures
    assert whole(trials)["values"]["default"] == [float(number) for number in range(40)]
    place.close()


def test_what_is_slow_is_read_less_often_but_soon(tmp_path: Path, opened: Any) -> None:
    place = _Place("sqlite", tmp_path)
    study = place.study()
    now, pace = [0.0], [0.0]

    def clock() -> float:
        now[0] += pace[0]
        return now[0]

    trials = opened(place.look(study, clock))
    whole(trials)
    pace[0] = 100.0  # seconds, a reading takes
    revision = trials.columns()["revision"]
    pace[0] = 0.0
    study.tell(study.ask(), 1.0)
    assert trials.changes(revision) is None
    now[0] += 5.1
    assert changes(trials, revision)["rows"]["values"] == {"default": [1.0]}
    place.close()


@pytest.mark.parametrize("trials_anew", [1, 3])
@pytest.mark.parametrize("kind", ["sqlite", "journal"])
def test_a_study_that_is_begun_anew_is_read_anew(
    kind: str, trials_anew: int, tmp_path: Path, opened: Any
) -> None:
    place = _Place(kind, tmp_path)
    study = place.study()
    for _ in range(3):
        study.tell(study.ask(), 1.0)
    trials = opened(place.look(study))
    before = whole(trials)
    place.close()
    for file in tmp_path.iterdir():
        file.rename(tmp_path / f"old-{file.name}")  # so that the inode is another
    place = _Place(kind, tmp_path)
    study = place.study()
    for _ in range(trials_anew):
        study.tell(study.ask(), 2.0)
    change = trials.changes(before["revision"])
    assert change is not None
    assert "rows" not in change  # as trials are gone: all is to be asked for
    assert whole(trials)["values"] == {"default": [2.0] * trials_anew}
    assert trials.changes(change["revision"]) is None
    place.close()


def test_closing_does_not_wait_for_a_storage_that_does_not_answer(tmp_path: Path) -> None:
    place = _Place("sqlite", tmp_path)
    study = place.study()
    reader = open_reader(place.url)
    asked, answer, closed = threading.Event(), threading.Event(), threading.Event()
    read, close = reader.read, reader.close

    def slow_read() -> Batch:
        asked.set()
        answer.wait()
        return read()

    def noted_close() -> None:
        close()
        closed.set()

    reader.read, reader.close = slow_read, noted_close  # type: ignore[method-assign]
    trials = Trials(lambda: reader)
    trials.begin()
    assert asked.wait(30)
    trials.close()
    assert not closed.is_set()
    answer.set()
    assert closed.wait(30)
    study.tell(study.ask(), 1.0)
    assert trials.columns()["number"] == []
    place.close()


def test_the_studies_of_a_journal(tmp_path: Path) -> None:
    place = _Place("journal", tmp_path)
    study = place.study()
    trial = study.ask()
    trial.set_user_attr("note", '{"op_code": 0, "study_name": "none"}')
    trial.set_user_attr("nested", {"op_code": 0})
    study.tell(trial, 1.0)
    for name in ("second", "third \u202e"):
        optuna.create_study(study_name=name, storage=place.storage)
    optuna.delete_study(study_name="mine", storage=place.storage)
    optuna.create_study(study_name="mine", storage=place.storage)
    with (tmp_path / "study.log").open("a") as file:
        file.write('{"op_code":0,"study_name":"torn')
    assert studies_in(place.url) == ["second", "third \u202e", "mine"]


def test_nothing_is_read_once_it_is_closed(tmp_path: Path) -> None:
    place = _Place("sqlite", tmp_path)
    study = place.study()
    trials = place.look(study)
    before = whole(trials)
    study.tell(study.ask(), 1.0)
    trials.close()
    assert trials.columns() == before
    with pytest.raises(ExperimentError):
        trials.details(0)
    place.close()


def test_tables_and_objects_tell_the_same(tmp_path: Path, opened: Any) -> None:
    place = _Place("sqlite", tmp_path)
    study = place.study()
    attach_space(study, SearchSpace(SPACE))
    study.add_trial(create_trial(value=0.5, user_attrs={"architecture": ARCHITECTURE}))
    for value in (1.0, 2.0):
        study.tell(study.ask(), value)
    study.tell(study.ask(), state=TrialState.FAIL)
    study.enqueue_trial({"x": 1})
    study.ask()
    by_tables = whole(opened(place.look(study)))
    by_objects = whole(opened(Trials.of_study(study)))
    assert by_tables == by_objects
    place.close()


def test_experiment(tmp_path: Path, opened: Any) -> None:
    project = Project(tmp_path)
    trial = "print('out', number); print('err', file=sys.stderr)\n" + (
        "if number == 1: sys.exit('no memory')\nreport({'default': value, 'flops': 3.0})"
    )
    project.write(trial, max_trials=3)
    assert project.run().returncode == 0
    trials = opened(Trials.of_experiment(project.experiment))
    columns = whole(trials)
    assert columns["state"] == ["complete", "fail", "complete"]
    assert columns["metrics"] == ["default", "flops"]
    assert columns["directions"] == ["maximize", None]
    assert "no memory" in columns["reason"]["1"]
    assert set(columns["architecture"]) == {"a", "b"}
    assert all(seconds > 0 for seconds in columns["seconds"])
    details = trials.details(1)
    assert details is not None
    assert details["logs"] == ["stdout.txt", "stderr.txt"]
    assert trials.log(1, "stdout.txt") == "out 1\n"
    assert trials.log(1, "trial.json") is None
    assert trials.log(1, "../0000/stdout.txt") is None
    assert trials.log(9, "stdout.txt") is None


def test_logs_are_read_from_their_end_and_through_no_link(tmp_path: Path, opened: Any) -> None:
    project = Project(tmp_path)
    project.write(max_trials=3)
    assert project.run().returncode == 0
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "stdout.txt").write_text("secret")
    out = [project.trial_folder(number) / "stdout.txt" for number in range(3)]
    out[0].write_bytes(b"\xff" + b"line\n" * 100_000)
    out[1].unlink()
    out[1].symlink_to(tmp_path / "secret" / "stdout.txt")
    project.trial_folder(2).rename(tmp_path / "away")
    project.trial_folder(2).symlink_to(tmp_path / "secret")
    trials = opened(Trials.of_experiment(project.experiment))
    whole(trials)
    text = trials.log(0, "stdout.txt")
    assert text is not None
    assert text.startswith("[the last 262,144 of 500,001 bytes]\n")
    assert text.endswith("line\n")
    assert len(text) < 263_000
    with pytest.raises(ExperimentError, match="symbolic link"):
        trials.log(1, "stdout.txt")
    assert trials.log(2, "stdout.txt") is None
    details = trials.details(1)
    assert details is not None
    assert details["logs"] == ["stderr.txt"]


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_postgresql(opened: Any) -> None:
    with postgres_server() as server:
        server.execute("create database viewer")
        storage = RDBStorage(server.url("viewer"))
        study = optuna.create_study(study_name="mine", storage=storage, direction="maximize")
        attach_space(study, SearchSpace(SPACE))
        attributes = {"architecture": ARCHITECTURE, "result": {"default": 0.5, "ms": 3.0}}
        study.add_trial(create_trial(value=0.5, user_attrs=attributes))
        running = study.ask()
        running.report(0.25, 3)
        trials = opened(Trials.of_storage(server.url("viewer"), "mine"))
        columns = whole(trials)
        assert columns["state"] == ["complete", "running"]
        assert columns["values"] == {"default": [0.5, None], "ms": [3.0, None]}
        assert columns["architecture"]["inputs"] == [[0, 2], None]
        assert trials.curves()["curves"] == {"1": [[3, 0.25]]}
        study.tell(running, 0.75)
        change = changes(trials, columns["revision"])
        assert change["rows"]["values"]["default"] == [0.75]
        trials.close()
        storage.remove_session()
        storage.engine.dispose()

"""Studies on a PostgreSQL server that is killed, cut off, and shared by many workers."""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import text

from nas_tuners.contract.errors import ExperimentError
from nas_tuners.experiment.configuration.config import load_config
from nas_tuners.experiment.joining import begin_or_join
from nas_tuners.experiment.storages.operations import again, finish_trial, storage_lock
from nas_tuners.experiment.storages.storage import open_storage
from tests.experiment_kit import SPACE, Project, eventually, finish
from tests.networks import OtherComputer, Relay
from tests.servers import PASSWORD, PostgresServer, postgres_server

_WORKERS = multiprocessing.get_context("forkserver")
_WORKERS.set_forkserver_preload([__name__])  # one import for all of them


def _database(url: str) -> str:
    return url.rpartition("/")[2]


def _study_id(storage: BaseStorage, name: str = "s") -> int:
    return optuna.create_study(storage=storage, study_name=name, load_if_exists=True)._study_id


def _template(item: int) -> FrozenTrial:
    names = ("a", "b", "c")
    trial: FrozenTrial = optuna.create_trial(
        state=TrialState.RUNNING,
        params=dict.fromkeys(names, 0.5),
        distributions=dict.fromkeys(names, FloatDistribution(0, 1)),
        user_attrs={"item": item},
        system_attrs={"note": "x"},
    )
    return trial


# ---- opening --------------------------------------------------------------------------------


def test_workers_that_open_an_empty_database_at_once(fresh_database: str) -> None:
    barrier = _WORKERS.Barrier(4)
    workers = [_WORKERS.Process(target=_count, args=(fresh_database, barrier)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    with open_storage(fresh_database) as storage:
        (study,) = storage.get_all_studies()
    assert study.user_attrs == {"count": 80}  # each was alone between reading and writing it


def _count(url: str, barrier: Barrier) -> None:
    barrier.wait()
    with open_storage(url) as storage:
        with storage_lock(storage, "s"):
            study_id = _study_id(storage)
        for _ in range(20):
            with storage_lock(storage, "s"):
                count = storage.get_study_user_attrs(study_id).get("count", 0)
                storage.set_study_user_attr(study_id, "count", count + 1)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (PASSWORD, "wrong-8812", "password authentication failed"),
        ("/postgres", "/nowhere", 'database "nowhere" does not exist'),
        ("127.0.0.1", "no-such-host.invalid", "no-such-host.invalid"),
    ],
)
def test_the_first_connection_fails_at_once(
    postgres: PostgresServer, old: str, new: str, message: str
) -> None:
    url = postgres.url().replace(old, new)
    with (
        pytest.raises(ExperimentError, match=message) as caught,
        open_storage(url, patience=600, from_the_start=True),
    ):
        pass
    assert "\n" not in str(caught.value)
    assert PASSWORD not in str(caught.value)
    assert "wrong-8812" not in str(caught.value)


def test_the_password_from_the_environment(
    fresh_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DB_PASSWORD", PASSWORD)
    with open_storage(fresh_database.replace(PASSWORD, "$DB_PASSWORD")) as storage:
        assert storage.get_all_studies() == []
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    with open_storage(fresh_database.replace(f":{PASSWORD}", "")) as storage:
        assert storage.get_all_studies() == []


def test_a_cut_network_is_noticed_by_both_sides(fresh_database: str) -> None:
    with (
        open_storage(f"{fresh_database}?keepalives_idle=7") as storage,
        storage._backend.engine.connect() as connection,  # type: ignore[attr-defined]
    ):
        server = connection.execute(
            text(
                "SELECT current_setting('tcp_keepalives_idle'), "
                "current_setting('tcp_user_timeout')"
            )
        ).one()
        descriptor = os.dup(connection.connection.dbapi_connection.fileno())
        with socket.socket(fileno=descriptor) as client:
            unacknowledged = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
            idle = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)
    assert server == ("15", "30000")
    assert unacknowledged == 30_000
    assert idle == 7  # what the URL says goes first


# ---- transactions ---------------------------------------------------------------------------


def test_one_write_a_step(postgres: PostgresServer, fresh_database: str) -> None:
    with open_storage(fresh_database) as storage:
        study_id = _study_id(storage)
        with _writes(postgres, fresh_database) as asked, storage_lock(storage, "s"):
            trial_id = storage.create_new_trial(study_id, _template(0))
        with _writes(postgres, fresh_database) as reported:
            storage.set_trial_intermediate_value(trial_id, 0, 1.0)
        with _writes(postgres, fresh_database) as told:
            finish_trial(
                storage,
                trial_id,
                TrialState.COMPLETE,
                values=[1.0, 2.0],
                user_attrs={"result": {"x": 1}},
                system_attrs={"constraints:a": 0.0, "constraints:b": 1.0},
            )
        (trial,) = storage.get_all_trials(study_id)
    assert (asked, reported, told) == ([1], [1], [1])
    assert trial.params == {"a": 0.5, "b": 0.5, "c": 0.5}
    assert trial.user_attrs == {"item": 0, "result": {"x": 1}}
    assert trial.system_attrs == {"note": "x", "constraints:a": 0.0, "constraints:b": 1.0}


@contextmanager
def _writes(postgres: PostgresServer, url: str) -> Iterator[list[int]]:
    """How many transactions wrote something: only those are given a number by the server."""

    def newest() -> int:
        query = "select pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
        return int(postgres.execute(query, database=_database(url))[0][0])

    count: list[int] = []
    before = newest()
    yield count
    count.append(newest() - before)


# ---- servers that go away -------------------------------------------------------------------


def test_a_server_that_is_killed_and_started_again(
    postgres: PostgresServer, fresh_database: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    told: list[Any] = []
    crashes = threading.Thread(target=_crash, args=(postgres, told), daemon=True)
    with open_storage(
        fresh_database, patience=60, on_wait=told.append, on_answer=told.append
    ) as storage:
        study_id = _study_id(storage)
        crashes.start()
        count = 0
        while crashes.is_alive() or count < 100:
            _run_one(storage, study_id, count)
            count += 1
        trials = storage.get_all_trials(study_id)
    assert [trial.number for trial in trials] == list(range(count))
    assert [trial.user_attrs["item"] for trial in trials] == list(range(count))
    assert [trial.values for trial in trials] == [[float(i)] for i in range(count)]
    assert [type(item) for item in told if item != "crash"] == [str, float] * 2
    assert "does not answer" in caplog.text
    assert "waiting up to 1m" in caplog.text
    assert "answers again after" in caplog.text
    assert PASSWORD not in caplog.text


def _crash(postgres: PostgresServer, told: list[Any]) -> None:
    """Twice, each time until the client has noticed."""
    pause = threading.Event()
    for crash in range(2):
        pause.wait(0.5)
        postgres.kill()
        told.append("crash")
        while len(told) < 3 * crash + 2:
            pause.wait(0.05)
        pause.wait(0.5)
        postgres.start()
        while len(told) < 3 * crash + 3:
            pause.wait(0.05)


def _run_one(storage: BaseStorage, study_id: int, item: int) -> None:
    trial_id = again(storage, lambda: _ask(storage, study_id, item))
    again(storage, lambda: storage.set_trial_intermediate_value(trial_id, 0, 0.5))
    finish_trial(storage, trial_id, TrialState.COMPLETE, values=[float(item)])


def _ask(storage: BaseStorage, study_id: int, item: int) -> int:
    """A new trial, unless an attempt before has made it."""
    with storage_lock(storage, "s"):
        for trial in storage.get_all_trials(study_id, deepcopy=False):
            if trial.user_attrs["item"] == item:
                return trial._trial_id
        return storage.create_new_trial(study_id, _template(item))


def test_a_run_goes_on_when_its_server_does(
    postgres: PostgresServer,
    fresh_database: str,
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DB_PASSWORD", PASSWORD)
    project.write(
        "time.sleep(0.1); report(value)",
        storage=fresh_database.replace(PASSWORD, "$DB_PASSWORD"),
        max_trials=8,
    )
    crash = threading.Thread(target=_crash_during_run, args=(postgres, project), daemon=True)
    crash.start()
    done = project.run()
    crash.join()
    with open_storage(fresh_database) as storage:
        trials = storage.get_all_trials(_study_id(storage, "config"))
    assert done.returncode == 0, done.stderr
    assert [trial.number for trial in trials] == list(range(8))
    assert {trial.state for trial in trials} == {TrialState.COMPLETE}
    assert "answers again after" in (project.experiment / "runner.log").read_text()
    files = [file for file in project.path.rglob("*") if file.is_file()]
    assert not [file for file in files if PASSWORD.encode() in file.read_bytes()]


def _crash_during_run(postgres: PostgresServer, project: Project) -> None:
    log = project.experiment / "runner.log"
    assert eventually((project.experiment / "trials" / "0002").exists, seconds=60)
    postgres.kill()
    assert eventually(lambda: "does not answer" in log.read_text(), seconds=60)
    postgres.start()


@pytest.mark.parametrize("again", [False, True], ids=["new", "started again"])
def test_a_worker_that_joins_while_its_server_is_away(
    postgres: PostgresServer, fresh_database: str, project: Project, again: bool
) -> None:
    project.write(storage=fresh_database, max_trials=1)
    config = project.path / "config.yml"
    done = project.command("worker", "--config", config, "--folder", project.path / "first")
    assert done.returncode == 0, done.stderr
    postgres.stop()
    worker = project.start(
        *("worker", "--study", "config", "--folder", "first" if again else "second", "--no-wait"),
        env=os.environ | {"NAS_TUNERS_STORAGE": fresh_database},
    )
    assert worker.stderr is not None
    said = worker.stderr.readline()
    postgres.start()
    done = finish(worker)
    assert done.returncode == 0, done.stderr
    assert "does not answer" in said
    assert "waiting up to 10m" in said
    assert "answers again after" in done.stderr
    assert PASSWORD not in said + done.stderr


def test_a_server_that_goes_while_a_worker_joins(
    postgres: PostgresServer,
    fresh_database: str,
    project: Project,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (project.path / "generate.py").write_text(_GENERATING.format(space=json.dumps(SPACE)))
    project.write(command=[sys.executable, "generate.py"], search_space=None)
    relay = Relay(postgres.port)
    cut = threading.Thread(target=_cut, args=(relay, project.path, caplog), daemon=True)
    cut.start()
    config, space, _ = begin_or_join(
        postgres.url(_database(fresh_database), port=relay.port),
        "joined",
        given=load_config(project.path / "config.yml"),
        code_directory=project.path,
        experiments_directory=project.path,
    )
    cut.join()
    relay.close()
    assert "answers again after" in caplog.text
    assert (config.study_name, set(space.specs)) == ("joined", set(SPACE))


_GENERATING = """
import os, time
from pathlib import Path
Path("begun").touch()
while not Path("cut").exists():
    time.sleep(0.01)
Path(os.environ["NAS_TUNERS_GEN_SEARCH_SPACE"]).write_text({space!r})
"""


def _cut(relay: Relay, folder: Path, log: pytest.LogCaptureFixture) -> None:
    """While the search space is generated, and until that is noticed."""
    assert eventually((folder / "begun").exists)
    relay.cut()
    (folder / "cut").touch()
    assert eventually(lambda: "does not answer" in log.text)
    relay.mend()


def test_the_waiting_can_be_given_up(postgres: PostgresServer, fresh_database: str) -> None:
    stop = threading.Event()
    with open_storage(
        fresh_database, patience=600, give_up=stop.is_set, on_wait=lambda reason: stop.set()
    ) as storage:
        study_id = _study_id(storage)
        postgres.stop()
        with pytest.raises(ConnectionError, match=r"does not answer: .*Connection refused"):
            again(storage, lambda: storage.get_all_trials(study_id))
    assert stop.is_set()


def test_without_patience_an_error_is_raised(
    postgres: PostgresServer, fresh_database: str, caplog: pytest.LogCaptureFixture
) -> None:
    with open_storage(fresh_database) as storage:
        study_id = _study_id(storage)
        postgres.stop()
        with pytest.raises(ConnectionError, match=r"does not answer: .*Connection refused"):
            again(storage, lambda: storage.get_all_trials(study_id))
    assert "waiting" not in caplog.text


def test_a_network_that_is_cut_for_a_while(postgres: PostgresServer, fresh_database: str) -> None:
    relay = Relay(postgres.port)
    url = postgres.url(_database(fresh_database), port=relay.port)
    with open_storage(url, patience=60, on_wait=lambda reason: relay.mend()) as storage:
        study_id = _study_id(storage)
        for item in range(5):
            relay.cut()
            _run_one(storage, study_id, item)
        trials = storage.get_all_trials(study_id)
    relay.close()
    assert [trial.values for trial in trials] == [[float(i)] for i in range(5)]


@pytest.mark.extended
def test_a_cable_that_is_pulled(other_computer: OtherComputer) -> None:
    code = "from tests.integration.test_postgresql import work; work()"
    with postgres_server(address=other_computer.address) as server:
        url = server.url()
        words = other_computer.command(sys.executable, "-c", code, url)
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        with subprocess.Popen(words, **pipes) as worker, open_storage(url) as storage:  # type: ignore[call-overload]
            assert worker.stdout.readline() == "locked\n"
            other_computer.cut()
            with storage_lock(storage, "s"):  # which the server takes from it after half a minute
                worker.stdin.write("go on\n")
                worker.stdin.flush()
            assert worker.stdout.readline() == "waiting\n"
            other_computer.mend()
            assert worker.stdout.readline() == "done\n"
            trials = storage.get_all_trials(_study_id(storage))
    assert [trial.values for trial in trials] == [[float(i)] for i in range(5)]


def work() -> None:
    """On the other computer: five trials, in whose midst the network is cut."""

    def say(word: str) -> None:
        print(word, flush=True)

    with open_storage(sys.argv[1], patience=60, on_wait=lambda _: say("waiting")) as storage:
        study_id = _study_id(storage)
        _run_one(storage, study_id, 0)
        with storage_lock(storage, "s"):
            say("locked")
            sys.stdin.readline()
        for item in range(1, 5):
            _run_one(storage, study_id, item)
    say("done")


# ---- the lock -------------------------------------------------------------------------------


def test_locks_of_other_studies_are_others(fresh_database: str) -> None:
    with (
        open_storage(fresh_database) as storage,
        storage_lock(storage, "s"),
        storage_lock(storage, "another"),
    ):
        pass


def test_a_holder_that_is_killed_frees_the_lock(fresh_database: str) -> None:
    ours, theirs = _WORKERS.Pipe()
    holder = _WORKERS.Process(target=_hold, args=(fresh_database, theirs))
    holder.start()
    assert ours.recv() == "locked"
    with open_storage(fresh_database) as storage:
        holder.kill()
        with storage_lock(storage, "s"):
            pass
    holder.join()


def _hold(url: str, pipe: Connection) -> None:
    with open_storage(url) as storage, storage_lock(storage, "s"):
        pipe.send("locked")
        pipe.recv()


def test_a_holder_that_is_cut_off_frees_the_lock(
    postgres: PostgresServer, fresh_database: str
) -> None:
    relay = Relay(postgres.port)
    url = postgres.url(_database(fresh_database), port=relay.port)
    with (
        open_storage(fresh_database) as storage,
        open_storage(url) as cut_off,
        storage_lock(cut_off, "s"),
    ):
        relay.cut()
        with storage_lock(storage, "s"):
            pass
    relay.close()


def test_waiting_for_the_lock_can_be_given_up(fresh_database: str) -> None:
    with (
        open_storage(fresh_database) as holder,
        open_storage(fresh_database, patience=600, give_up=lambda: True) as storage,
        storage_lock(holder, "s"),
        pytest.raises(ExperimentError, match="given up waiting"),
        storage_lock(storage, "s"),
    ):
        pass

"""Workers on a database server: it crashes, they are killed, and one of them is cut off."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from tests.experiment_kit import eventually, kill
from tests.faults.kit import DEADLINE, HOLD_TRIAL_3_ONCE, Scene, assert_ends_well, check
from tests.networks import OtherComputer
from tests.servers import PASSWORD, PostgresServer, postgres_server

# As long as nobody has said that it may go on.
PAUSE = """
note("waits")
while number >= 3 and not os.path.exists("go-on"):
    time.sleep(0.01)
finish()
"""


@pytest.fixture
def database(fresh_database: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A URL without the password, which stands in the environment."""
    monkeypatch.setenv("DB_PASSWORD", PASSWORD)
    return fresh_database.replace(PASSWORD, "$DB_PASSWORD")


@pytest.mark.extended
def test_the_server_crashes_under_a_run(
    scene: Scene, undisturbed: list[dict[str, Any]], postgres: PostgresServer, database: str
) -> None:
    scene.write(PAUSE, storage=database)
    runner = scene.start_run()
    assert scene.wait_for("waits", 4)
    _crash(scene, postgres, "experiment")
    assert_ends_well(runner)
    check(scene, like=undisturbed)
    assert "answers again after" in scene.said()
    assert PASSWORD not in scene.said()


@pytest.mark.extended
def test_the_server_crashes_under_workers(
    scene: Scene, postgres: PostgresServer, database: str
) -> None:
    scene.write(PAUSE, storage=database, heartbeat=1, concurrency=2, max_trials=16)
    workers = [scene.start_worker(name) for name in ("a", "b")]
    assert scene.wait_for("waits", 7)
    _crash(scene, postgres, "a", "b")
    for worker in workers:
        assert_ends_well(worker)
    check(scene, count=16)


def test_a_worker_is_killed(scene: Scene, database: str) -> None:
    scene.write(HOLD_TRIAL_3_ONCE, storage=database, heartbeat=0.5)
    scene.open_signals()
    first = scene.start_worker("first")
    scene.wait_for_trial()
    second = scene.start_worker("second")
    assert scene.wait_for("reported", 7)  # all but the one that the first one holds
    kill(first)
    assert_ends_well(second)
    check(scene)
    assert "Trial 3 is taken over from" in scene.said("second")


@pytest.mark.extended
def test_a_worker_that_is_stopped_comes_back(scene: Scene, database: str) -> None:
    """Like a laptop that slept: its trial has been run by another meanwhile."""
    scene.write(HOLD_TRIAL_3_ONCE, storage=database, heartbeat=0.5)
    scene.open_signals()
    first = scene.start_worker("first")
    scene.wait_for_trial()
    second = scene.start_worker("second")
    assert scene.wait_for("reported", 7)
    first.send_signal(signal.SIGSTOP)
    assert_ends_well(second)
    first.send_signal(signal.SIGCONT)
    assert_ends_well(first)
    check(scene, once=False)
    assert [len(attempts) for attempts in scene.attempts().values()].count(2) == 1
    assert "Trial 3 was ended or taken over elsewhere; it stops here." in scene.said("first")


@pytest.mark.extended
def test_a_worker_is_cut_off(scene: Scene, other_computer: OtherComputer) -> None:
    with postgres_server(address=other_computer.address) as server:
        scene.write(HOLD_TRIAL_3_ONCE, storage=server.url(), heartbeat=1)
        scene.open_signals()
        far = scene.start_worker("far", through=other_computer.command())
        scene.wait_for_trial()
        near = scene.start_worker("near")
        assert scene.wait_for("reported", 7)
        other_computer.cut()
        assert_ends_well(near)  # which has run the trial of the other one
        other_computer.mend()
        assert_ends_well(far)
        check(scene, once=False)
    assert "Trial 3 is taken over from" in scene.said("near")
    assert "Trial 3 was ended or taken over elsewhere; it stops here." in scene.said("far")


def _crash(scene: Scene, postgres: PostgresServer, *folders: str) -> None:
    """Kill the server, and start it when all runners have noticed."""
    postgres.kill()
    (scene.path / "go-on").touch()
    assert eventually(
        lambda: all("does not answer" in scene.said(folder) for folder in folders),
        seconds=DEADLINE,
    )
    postgres.start()

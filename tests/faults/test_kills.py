"""``kill -9`` of each process of an experiment, and two runners on one."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest

from tests.experiment_kit import eventually, finish, is_alive, kill
from tests.faults.kit import (
    HOLD_TRIAL_3_ONCE,
    Scene,
    architectures,
    assert_ends_well,
    assert_no_process_left,
    check,
    warm_server_of,
    watchdog_of,
)

COLD = pytest.param(False, id="cold", marks=pytest.mark.extended)
KINDS = pytest.mark.parametrize("warm", [COLD, pytest.param(True, id="warm")])


@KINDS
def test_the_runner(scene: Scene, undisturbed: list[dict[str, Any]], warm: bool) -> None:
    scene.write(HOLD_TRIAL_3_ONCE, warm=warm)
    scene.open_signals()
    runner = scene.start_run()
    scene.wait_for_trial()
    kill(runner)
    assert_no_process_left(scene)
    before = scene.recorded()
    assert [trial.state.name for trial in before] == ["COMPLETE"] * 3 + ["RUNNING"]
    assert_ends_well(scene.start_resume())
    check(scene, like=undisturbed)
    assert [trial.value for trial in scene.recorded()[:3]] == [t.value for t in before[:3]]


@KINDS
def test_a_trial(scene: Scene, twin: Scene, warm: bool) -> None:
    scene.write(HOLD_TRIAL_3_ONCE, warm=warm)
    scene.open_signals()
    runner = scene.start_run()
    number, pid = scene.wait_for_trial()
    os.kill(pid, signal.SIGKILL)
    done = assert_ends_well(runner)
    assert "killed by SIGKILL (out of memory?)" in done.stdout

    twin.write("sys.exit(1) if number == 3 else finish()")
    assert twin.run().returncode == 0
    check(scene, failed={number}, like=architectures(twin.recorded()))


def test_the_server_of_warm_trials(scene: Scene, undisturbed: list[dict[str, Any]]) -> None:
    scene.write(HOLD_TRIAL_3_ONCE, warm=True)
    scene.open_signals()
    runner = scene.start_run()
    _, pid = scene.wait_for_trial()
    os.kill(warm_server_of(runner.pid), signal.SIGKILL)
    assert_ends_well(runner)
    assert not is_alive(pid)
    check(scene, like=undisturbed)
    assert "a new one starts" in scene.said()


@pytest.mark.extended
@pytest.mark.parametrize("warm", [False, True], ids=["cold", "warm"])
def test_the_watchdog_and_then_the_runner(
    scene: Scene, undisturbed: list[dict[str, Any]], warm: bool
) -> None:
    scene.write(HOLD_TRIAL_3_ONCE, warm=warm)
    scene.open_signals()
    runner = scene.start_run()
    scene.wait_for_trial()
    os.kill(watchdog_of(runner.pid), signal.SIGKILL)
    kill(runner)
    assert_ends_well(scene.start_resume())
    check(scene, like=undisturbed)


def test_two_runners_on_one_experiment(scene: Scene, undisturbed: list[dict[str, Any]]) -> None:
    scene.write(max_trials=2)
    assert scene.run().returncode == 0
    scene.write(HOLD_TRIAL_3_ONCE)
    scene.open_signals()
    runners = [scene.start("resume", "experiment", "--max-trials", "8") for _ in range(2)]
    scene.wait_for_trial()  # and the one that runs it stays there
    assert eventually(lambda: any(runner.poll() is not None for runner in runners), seconds=60)
    first, second = sorted(runners, key=lambda runner: runner.poll() is not None)
    refused = finish(second)
    assert refused.returncode == 5
    assert f"is run by process {first.pid} already" in refused.stderr
    first.send_signal(signal.SIGTERM)
    assert finish(first).returncode == 130
    assert_ends_well(scene.start_resume())
    check(scene, like=undisturbed)

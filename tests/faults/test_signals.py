"""SIGTERM and SIGHUP to each process of an experiment, and to all of them at once."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest

from tests.experiment_kit import finish, is_alive
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

SIGNALS = pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
ONE_IN_SHORT = pytest.mark.parametrize(
    "number", [pytest.param(signal.SIGTERM, marks=pytest.mark.extended), signal.SIGHUP]
)
KINDS = pytest.mark.parametrize("warm", [False, True], ids=["cold", "warm"])


@pytest.mark.extended
@SIGNALS
def test_the_runner_of_warm_trials(
    scene: Scene, undisturbed: list[dict[str, Any]], number: signal.Signals
) -> None:
    scene.write(HOLD_TRIAL_3_ONCE, warm=True)
    scene.open_signals()
    runner = scene.start_run()
    scene.wait_for_trial()
    runner.send_signal(number)
    done = finish(runner)
    assert done.returncode == 130
    assert f"Resume with: nas-tuners resume {scene.experiment}" in done.stderr
    assert_no_process_left(scene)
    assert scene.recorded()[3].state.name == "RUNNING"
    assert_ends_well(scene.start_resume())
    check(scene, like=undisturbed)


@ONE_IN_SHORT
def test_a_worker(scene: Scene, undisturbed: list[dict[str, Any]], number: signal.Signals) -> None:
    scene.write(HOLD_TRIAL_3_ONCE, storage=f"journal:///{scene.path}/study.log")
    scene.open_signals()
    worker = scene.start_worker("worker")
    scene.wait_for_trial()
    worker.send_signal(number)
    done = finish(worker)
    assert done.returncode == 130
    assert f"Resume with: nas-tuners resume {scene.path}/worker" in done.stderr
    assert_no_process_left(scene)
    assert_ends_well(scene.start_worker("worker"))
    check(scene, like=undisturbed)


@pytest.mark.extended
@SIGNALS
@KINDS
def test_a_trial(
    scene: Scene,
    twin: Scene,
    number: signal.Signals,
    warm: bool,
) -> None:
    scene.write(HOLD_TRIAL_3_ONCE, warm=warm)
    scene.open_signals()
    runner = scene.start_run()
    _, pid = scene.wait_for_trial()
    os.kill(pid, number)
    assert f"killed by {number.name}" in assert_ends_well(runner).stdout

    twin.write("sys.exit(1) if number == 3 else finish()")
    assert twin.run().returncode == 0
    check(scene, failed={3}, like=architectures(twin.recorded()))


@pytest.mark.extended
@SIGNALS
def test_the_server_of_warm_trials(
    scene: Scene, undisturbed: list[dict[str, Any]], number: signal.Signals
) -> None:
    scene.write(HOLD_TRIAL_3_ONCE, warm=True)
    scene.open_signals()
    runner = scene.start_run()
    _, pid = scene.wait_for_trial()
    os.kill(warm_server_of(runner.pid), number)
    assert_ends_well(runner)
    assert not is_alive(pid)
    check(scene, like=undisturbed)


@ONE_IN_SHORT
def test_the_watchdog(
    scene: Scene, undisturbed: list[dict[str, Any]], number: signal.Signals
) -> None:
    """Which heeds none of them: it is needed until the runner has ended."""
    scene.write(HOLD_TRIAL_3_ONCE)
    scene.open_signals()
    runner = scene.start_run()
    scene.wait_for_trial()
    os.kill(watchdog_of(runner.pid), number)
    runner.kill()
    finish(runner)
    assert_no_process_left(scene)
    assert_ends_well(scene.start_resume())
    check(scene, like=undisturbed)


@pytest.mark.parametrize(
    ("warm", "number"),
    [
        (False, signal.SIGTERM),
        pytest.param(False, signal.SIGHUP, marks=pytest.mark.extended),
        pytest.param(True, signal.SIGTERM, marks=pytest.mark.extended),
        pytest.param(True, signal.SIGHUP, marks=pytest.mark.extended),
    ],
)
def test_all_at_once(
    scene: Scene, undisturbed: list[dict[str, Any]], warm: bool, number: signal.Signals
) -> None:
    """As a service manager or a batch system ends a job: in whatever order."""
    scene.write(HOLD_TRIAL_3_ONCE, warm=warm)
    scene.open_signals()
    runner = scene.start_run()
    _, pid = scene.wait_for_trial()
    os.kill(runner.pid, signal.SIGSTOP)  # so that it is the last to notice
    for process in {*scene.processes(), pid}:
        os.kill(process, number)
    os.kill(runner.pid, signal.SIGCONT)
    assert finish(runner).returncode == 130
    assert_no_process_left(scene)
    assert [trial.state.name for trial in scene.recorded()] == ["COMPLETE"] * 3 + ["RUNNING"]
    assert_ends_well(scene.start_resume())
    check(scene, like=undisturbed)

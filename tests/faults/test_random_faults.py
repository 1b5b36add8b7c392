"""``kill -9`` at random moments of whatever there is, until the experiment comes to its end.

A seed is a whole story of what is killed and when, told when a test fails and repeated with
``-m '' -k seed17``. Moments are counted in steps of the trials, so that it is much the same story
on a slower computer.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import pytest

from tests.experiment_kit import eventually, finish
from tests.faults.kit import (
    DEADLINE,
    Scene,
    architectures,
    assert_ends_well,
    check,
    command_line,
    parent_of,
)
from tests.servers import PASSWORD, PostgresServer

COUNT = 12  # trials
FAULTS = 6

TRIAL = """
time.sleep(0.05)
report(value / 2, "intermediate")
time.sleep(0.05)
finish()
"""
CONFIG: dict[str, Any] = {
    "max_trials": COUNT,
    "max_retries": 100,
    "max_consecutive_failures": 100,
    "heartbeat": 0.5,
}


class Story:
    """What a seed makes happen to an experiment.

    Args:
        scene: The experiment.
        seed: The seed.

    Attributes:
        trials_killed: How many processes of trials were killed.
    """

    def __init__(self, scene: Scene, seed: int) -> None:
        self._scene, self._random = scene, random.Random(seed)
        self.trials_killed = 0
        print(f"seed {seed}")  # shown if the test fails

    def wait(self, runners: list[subprocess.Popen[str]]) -> None:
        """Until trials have taken a few more steps, or a runner has ended, and a moment more."""
        steps = self._scene.count("begun") + self._random.randrange(4)

        def enough() -> bool:
            ended = any(runner.poll() is not None for runner in runners)
            return ended or self._scene.count("begun") >= steps

        assert eventually(enough, seconds=DEADLINE)
        time.sleep(self._random.uniform(0, 0.2))  # the moment is what is tried here

    def kill_one(self, **others: Callable[[], None]) -> None:
        """Kill one process, or do something else: first the role is drawn, then who has it."""
        by_role: dict[str, list[int]] = {}
        for pid in self._scene.processes():
            by_role.setdefault(_role(pid), []).append(pid)
        drawn = self._random.choice([*sorted(by_role), *others] or ["nobody"])
        print(f"after {self._scene.count('begun')} starts: {drawn}")
        if drawn in others:
            others[drawn]()
        elif drawn in by_role:
            self.trials_killed += drawn == "trial"
            with suppress(ProcessLookupError):
                os.kill(self._random.choice(by_role[drawn]), signal.SIGKILL)


def _seeds(count: int, *, default: int = 0) -> pytest.MarkDecorator:
    """The first few in each run of the tests, the others in long ones."""
    seeds = [
        pytest.param(seed, id=f"seed{seed}", marks=[pytest.mark.extended] * (seed >= default))
        for seed in range(count)
    ]
    return pytest.mark.parametrize("seed", seeds)


@_seeds(20, default=1)
def test_one_runner(scene: Scene, twin: Scene, seed: int) -> None:
    scene.write(TRIAL, **CONFIG, warm=_is_warm(seed))
    story = Story(scene, seed)
    runner = scene.start_run()
    for _ in range(FAULTS):
        runner = _alive(runner, lambda: _start(scene))
        story.wait([runner])
        story.kill_one()
    _end(runner, lambda: _start(scene))
    failed = _failed(scene, at_most=story.trials_killed)
    # the same experiment without the faults, but for the trials that failed for them
    twin.write(f"sys.exit(1) if number in {failed or {-1}} else finish()", **CONFIG)
    assert twin.run().returncode == 0
    check(scene, count=COUNT, failed=failed, like=architectures(twin.recorded()))


@_seeds(12)
def test_workers_on_a_journal(scene: Scene, seed: int) -> None:
    storage = f"journal:///{scene.path}/study.log"
    scene.write(TRIAL, **CONFIG, warm=_is_warm(seed), storage=storage)
    _kill_among_workers(scene, Story(scene, seed))


@_seeds(12)
def test_workers_on_a_server(
    scene: Scene,
    postgres: PostgresServer,
    fresh_database: str,
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
) -> None:
    def crash() -> None:
        postgres.kill()
        postgres.start()

    monkeypatch.setenv("DB_PASSWORD", PASSWORD)
    storage = fresh_database.replace(PASSWORD, "$DB_PASSWORD")
    scene.write(TRIAL, **CONFIG, warm=_is_warm(seed), storage=storage)
    _kill_among_workers(scene, Story(scene, seed), database=crash)


def _kill_among_workers(scene: Scene, story: Story, **others: Callable[[], None]) -> None:
    """Two workers, each of which is started again when it is dead."""
    starts = [partial(scene.start_worker, name) for name in ("a", "b")]
    workers = [start() for start in starts]
    for _ in range(FAULTS):
        workers = list(map(_alive, workers, starts))
        story.wait(workers)
        story.kill_one(**others)
    for worker, start in zip(workers, starts, strict=True):
        _end(worker, start)
    failed = _failed(scene, at_most=story.trials_killed)
    check(scene, count=COUNT, failed=failed, once=False)


def _is_warm(seed: int) -> bool:
    return seed % 2 == 1


def _start(scene: Scene) -> subprocess.Popen[str]:
    """A runner on the experiment, which may have been killed before its folder was made."""
    return scene.start_resume() if scene.experiment.exists() else scene.start_run()


def _alive(
    runner: subprocess.Popen[str], start: Callable[[], subprocess.Popen[str]]
) -> subprocess.Popen[str]:
    """The runner, or another one in its place if it was killed; it may have come to its end."""
    if runner.poll() is None:
        return runner
    _finished(runner)
    return start()


def _end(runner: subprocess.Popen[str], start: Callable[[], subprocess.Popen[str]]) -> None:
    """Let the experiment come to its end, now that nothing happens to it any more."""
    if _finished(runner) != 0:
        assert_ends_well(start())


def _finished(runner: subprocess.Popen[str]) -> int:
    """How it ended: well, or killed, or its database was killed before it had begun."""
    done = finish(runner)
    began_without = done.returncode == 5 and "cannot be opened" in done.stderr
    assert done.returncode in (0, -signal.SIGKILL) or began_without, done.stderr
    return done.returncode


def _failed(scene: Scene, *, at_most: int) -> set[int]:
    """The trials that failed, all of them because they were killed."""
    failed = [trial for trial in scene.recorded() if trial.state.name == "FAIL"]
    reasons = {trial.user_attrs["failure"] for trial in failed}
    assert reasons <= {"killed by SIGKILL (out of memory?)"}
    assert len(failed) <= at_most
    return {trial.number for trial in failed}


def _role(pid: int) -> str:
    words = command_line(pid)
    if "nas_tuners.cli" in words:
        return "runner"
    if "watchdog.py" in words:
        return "watchdog"
    forked = "warm.server" in words and "warm.server" in command_line(parent_of(pid))
    return "server" if "warm.server" in words and not forked else "trial"

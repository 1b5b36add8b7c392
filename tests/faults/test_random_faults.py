"""``kill -9`` at random moments of whatever there is, until the experiment comes to its end.

A seed is a whole story: what is killed, and when. ``--deselect`` nothing and give ``-k SEED`` to
see one again; the moments are counted in steps of the trials, so that it is much the same story on
another computer.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
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
SEVERAL_RETRIES = {"max_retries": 100, "max_consecutive_failures": 100}

few_and_more = [0, *(pytest.param(seed, marks=pytest.mark.extended) for seed in range(1, 6))]


@dataclass
class Story:
    """What a seed makes happen.

    Attributes:
        told: What has happened so far.
    """

    scene: Scene
    random: random.Random
    told: list[str] = field(default_factory=list)
    failed: set[int] = field(default_factory=set)

    def pause(self, runners: list[subprocess.Popen[str]]) -> None:
        """Until the trials have taken a few more steps, or a runner has ended, and a bit more."""
        steps = self.scene.count("begun") + self.random.randrange(4)
        enough = lambda: self.scene.count("begun") >= steps  # noqa: E731
        over = lambda: any(runner.poll() is not None for runner in runners)  # noqa: E731
        assert eventually(lambda: enough() or over(), seconds=DEADLINE), self.told
        time.sleep(self.random.uniform(0, 0.2))  # the moment is what is tried here

    def kill_one(self) -> str:
        """Kill a process of the experiment; the role that it had."""
        roles = sorted((self._role(pid), pid) for pid in self.scene.processes())
        if not roles:
            return "nobody"
        role = self.random.choice(sorted({role for role, _ in roles}))
        victim = self.random.choice([pid for other, pid in roles if other == role])
        with suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)
        self.told.append(f"{role} {victim} killed after {self.scene.count('begun')} starts")
        return role

    def _role(self, pid: int) -> str:
        words = command_line(pid)
        for part, role in (("watchdog.py", "watchdog"), ("nas_tuners.cli", "runner")):
            if part in words:
                return role
        if "warm_server" in words and self._leads_no_trial(pid):
            return "server"
        return "trial"

    def _leads_no_trial(self, pid: int) -> bool:
        trials = {a.pid for attempts in self.scene.attempts().values() for a in attempts}
        return pid not in trials

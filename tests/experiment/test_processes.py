"""The watchdog and the marks of processes, with real ones."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from nas_tuners.experiment.local.processes import (
    _GATE,
    Watchdog,
    group_exists,
    kill_leftover,
    signal_group,
    start_mark,
    start_watched,
)
from tests.experiment_kit import eventually, is_alive

# Starts a watched `sleep`, says its process id and waits to be killed.
RUNNER = """
import os, signal, sys
from pathlib import Path
from nas_tuners.experiment.local.processes import Watchdog, start_watched
here, null = Path(sys.argv[1]), Path(os.devnull)
command = ["/bin/sh", "-c", "sleep 600 & sleep 600"]
process = start_watched(command, Watchdog(), cwd=here, environment=dict(os.environ),
                        stdout=null, stderr=null)
print(process.pid, flush=True)
signal.pause()
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGABRT])
def test_nothing_outlives_a_runner(tmp_path: Path, number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", RUNNER, str(tmp_path)], stdout=subprocess.PIPE
    ) as runner:
        assert runner.stdout is not None
        group = int(runner.stdout.readline())
        assert group_exists(group)
        runner.send_signal(number)
    assert eventually(lambda: not group_exists(group))


def test_a_command_whose_runner_dies_before_it_starts_never_starts(tmp_path: Path) -> None:
    gate = subprocess.run(
        ["/bin/sh", "-c", _GATE, "nas-tuners", "touch", "started"],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert gate.returncode == 97
    assert not (tmp_path / "started").exists()


def test_what_is_forgotten_is_left_alone() -> None:
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as other:
        watchdog = Watchdog()
        watchdog.watch(other.pid)
        watchdog.forget(other.pid)
        watchdog.close()
        assert other.poll() is None
        other.kill()


def test_a_dead_watchdog_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    watchdog = Watchdog()
    os.kill(watchdog._process.pid, signal.SIGKILL)
    watchdog._process.wait()
    null = Path(os.devnull)
    with caplog.at_level(logging.WARNING):
        process = start_watched(
            ["true"], watchdog, cwd=tmp_path, environment={}, stdout=null, stderr=null
        )
    assert process.wait() == 0
    assert "the watchdog is gone" in caplog.text
    watchdog.close()


def test_a_mark_tells_processes_apart() -> None:
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as process:
        mark = start_mark(process.pid)
        assert mark is not None
        assert mark == start_mark(process.pid)
        kill_leftover(process.pid, "another mark", patience=0.1)
        assert is_alive(process.pid)
        kill_leftover(process.pid, mark)
        assert not is_alive(process.pid)
        assert start_mark(process.pid) is None, "a zombie is no process"
    assert start_mark(process.pid) is None


def test_signals_to_groups_that_are_gone_do_nothing() -> None:
    with subprocess.Popen(["true"], start_new_session=True) as process:
        process.wait()
    signal_group(process.pid, signal.SIGTERM)
    assert not group_exists(process.pid)

"""Ctrl-C, SIGTERM and ``nas-tuners stop``, at any moment."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.experiment_kit import Project, eventually, finish, is_alive

FIRST_TWO_THEN_HANG = "report(value) if number < 2 else (signal_test(), signal.pause())"
HANG_ONCE = """
if number == 2 and not (folder / "output" / "seen").exists():
    (folder / "output" / "seen").touch()
    signal_test()
    signal.pause()
report(value)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_ends_in_order_and_resumes(project: Project, number: signal.Signals) -> None:
    project.write(HANG_ONCE, max_trials=4)
    project.open_signals()
    runner = project.start_run()
    trial, pid = project.wait_for_trial()
    runner.send_signal(number)
    done = finish(runner)
    assert done.returncode == 130
    assert "Ctrl-C once more kills them at once" in done.stderr
    assert f"Resume with: nas-tuners resume {project.experiment}" in done.stderr
    assert "Traceback" not in done.stderr
    assert not is_alive(pid)
    assert trial == 2
    assert project.states() == ["COMPLETE", "COMPLETE", "RUNNING"]
    assert project.trial_record(2)["state"] == "stopped"

    assert project.resume().returncode == 0
    assert project.states() == ["COMPLETE"] * 4


def test_the_second_interrupt_kills_at_once(project: Project) -> None:
    trial = "signal.signal(signal.SIGTERM, lambda *_: signal_test())\nsignal_test()\n"
    project.write(trial + "while True: signal.pause()")
    project.open_signals()
    runner = project.start_run()
    _, pid = project.wait_for_trial()
    runner.send_signal(signal.SIGINT)
    project.wait_for_trial()  # it has got its SIGTERM and goes on
    runner.send_signal(signal.SIGINT)
    done = finish(runner)
    assert done.returncode == 130
    assert "nas-tuners resume" in done.stderr
    assert "Traceback" not in done.stderr
    assert eventually(lambda: not is_alive(pid))
    assert project.states() == ["RUNNING"]


def test_a_stopped_trial_has_time_to_save_its_work(project: Project) -> None:
    trial = """
def save(*_):
    (folder / "output" / "saved").touch()
    sys.exit(1)
signal.signal(signal.SIGTERM, save)
signal_test()
signal.pause()
"""
    # A shell that waits for its child dies of SIGTERM at once; the child must not die with it.
    project.write(trial, command=f"{sys.executable} trial.py; true")
    project.open_signals()
    runner = project.start_run()
    project.wait_for_trial()
    runner.send_signal(signal.SIGINT)
    assert finish(runner).returncode == 130
    assert (project.trial_folder(0) / "output" / "saved").exists()


def test_a_result_reported_before_the_interrupt_counts(project: Project) -> None:
    project.write("report(value)\nsignal_test()\nsignal.pause()")
    project.open_signals()
    runner = project.start_run()
    project.wait_for_trial()
    runner.send_signal(signal.SIGINT)
    assert finish(runner).returncode == 130
    assert project.states() == ["COMPLETE"]


def test_ctrl_c_on_a_terminal(project: Project) -> None:
    """The terminal sends it to every process of the foreground group; trials are in none."""
    project.write(FIRST_TWO_THEN_HANG)
    project.open_signals()
    control, terminal = pty.openpty()
    runner = subprocess.Popen(
        [sys.executable, "-m", "nas_tuners.cli", "run", "config.yml", "--folder", "experiment"],
        cwd=project.path,
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=_take_terminal,
    )
    os.close(terminal)
    project.wait_for_trial()
    os.write(control, b"\x03")
    done = finish(runner)
    os.close(control)
    assert done.returncode == 130
    assert project.states() == ["COMPLETE", "COMPLETE", "RUNNING"]


def test_stop_ends_a_running_experiment(project: Project) -> None:
    project.write(FIRST_TWO_THEN_HANG)
    project.open_signals()
    runner = project.start_run()
    _, pid = project.wait_for_trial()
    assert "running (process" in project.command("status", project.experiment).stdout
    stopped = project.command("stop", project.experiment)
    assert stopped.returncode == 0, stopped.stderr
    assert "Stopped. Resume with" in stopped.stdout
    assert finish(runner).returncode == 130
    assert not is_alive(pid)
    again = project.command("stop", project.experiment)
    assert again.returncode == 5
    assert "is not running" in again.stderr


@pytest.mark.parametrize("delay", [0.0, 0.1, 0.3, 0.6, 0.9, 1.2, 1.6])
def test_ctrl_c_at_start_leaves_a_folder_that_resumes_or_none(
    project: Project, delay: float
) -> None:
    project.write()
    runner = project.start_run()
    assert eventually(lambda: _catches(runner.pid, signal.SIGTERM))
    time.sleep(delay)  # not to wait for anything: the moment is the parameter
    runner.send_signal(signal.SIGINT)
    done = finish(runner)
    assert "Traceback" not in done.stderr
    # -SIGINT, which shells show as 130 too: Python may end so when it is ending anyway
    assert done.returncode in (0, 130, -signal.SIGINT)
    _assert_whole(project)


@pytest.mark.parametrize("delay", [0.01, 0.05, 0.1])
def test_ctrl_c_while_python_itself_starts(project: Project, delay: float) -> None:
    project.write()
    runner = project.start_run()
    time.sleep(delay)
    runner.send_signal(signal.SIGINT)
    finish(runner)
    _assert_whole(project)


def _catches(pid: int, number: signal.Signals) -> bool:
    """Whether a process has a handler: of SIGTERM it is the command's own."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    caught = next(line.split()[1] for line in lines if line.startswith("SigCgt:"))
    return bool(int(caught, 16) >> (number - 1) & 1)


def _assert_whole(project: Project) -> None:
    """No folder was begun, or one that resumes."""
    assert [path.name for path in project.path.iterdir() if path.name.startswith(".")] == []
    if project.experiment.exists():
        assert project.resume().returncode == 0
        assert project.states() == ["COMPLETE"] * 3


def test_ctrl_c_while_the_search_space_is_generated(project: Project) -> None:
    project.write(search_space=None, command="echo $$ > pid; mkfifo gate; cat gate")
    runner = project.start_run()
    assert eventually((project.path / "gate").exists)
    runner.send_signal(signal.SIGINT)
    done = finish(runner)
    assert done.returncode == 130
    assert "Traceback" not in done.stderr
    assert not project.experiment.exists()
    pid = int((project.path / "pid").read_text())
    assert eventually(lambda: not is_alive(pid))


def _take_terminal() -> None:
    import fcntl
    import termios

    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from nas_tuners.experiment.configuration.parts import NotifyConfig
from nas_tuners.experiment.events.events import BestChanged, TrialFinished
from nas_tuners.experiment.events.notify import Hook, notify_problems
from tests.experiment_kit import eventually, is_alive

BEST = BestChanged(time=5.0, experiment="e-1", trial=3, value=0.5)


def hook(tmp_path: Path, *command: str, **options: float) -> Hook:
    return Hook(NotifyConfig(command, ("best_changed",)), cwd=tmp_path, **options)


def test_the_command_gets_the_event(tmp_path: Path) -> None:
    code = """
import os, sys
open("told", "w").write(os.environ["NAS_TUNERS_EVENT"] + sys.stdin.read())
"""
    hook(tmp_path, "python", "-c", code).handle(BEST)
    text = (tmp_path / "told").read_text()
    assert text.startswith("best_changed{")
    assert json.loads(text.removeprefix("best_changed")) == BEST.record()


def test_no_shell_reads_the_command(tmp_path: Path) -> None:
    words = "; touch shell $(touch shell)"
    hook(tmp_path, sys.executable, "-c", "import sys; open(sys.argv[1], 'w')", words).handle(BEST)
    assert [file.name for file in tmp_path.iterdir()] == [words]


def test_a_failure_is_logged_with_its_last_words(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hook(tmp_path, "sh", "-c", "echo no route to https://me:s3cret@chat >&2; exit 7").handle(BEST)
    assert caplog.messages == [
        "Command sh of `notify` on best_changed: exit code 7. no route to https://me:***@chat"
    ]


def test_a_command_that_does_not_exist_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hook(tmp_path, "no-such-command").handle(BEST)
    assert "Command no-such-command of `notify` on best_changed: " in caplog.text
    assert "No such file or directory" in caplog.text


def test_a_command_that_reads_nothing_is_fine(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hook(tmp_path, "true").handle(BEST)
    assert caplog.messages == []


def test_one_that_takes_too_long_is_killed_with_its_children(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    script = "sleep 300 & echo $! > child.tmp; mv child.tmp child; wait"
    hook(tmp_path, "sh", "-c", script, timeout=1.0).handle(BEST)
    assert caplog.messages == ["Command sh of `notify` on best_changed: killed after 1 seconds."]
    child = int((tmp_path / "child").read_text())
    assert eventually(lambda: not is_alive(child))


def test_stop_kills_what_runs_and_runs_nothing_more(tmp_path: Path) -> None:
    (tmp_path / "count").touch()
    script = "echo $$ >> count; sleep 300"
    notify = hook(tmp_path, "sh", "-c", script)
    thread = threading.Thread(target=lambda: [notify.handle(BEST), notify.handle(BEST)])
    thread.start()
    assert eventually(lambda: bool((tmp_path / "count").read_text()))
    notify.stop()
    thread.join()
    (pid,) = (tmp_path / "count").read_text().split()
    assert not is_alive(int(pid))


def test_what_has_just_begun_is_killed_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    notify = hook(tmp_path, "sleep", "300", timeout=20.0)
    begun: list[subprocess.Popen[str]] = []
    popen = subprocess.Popen

    def begin(*arguments: Any, **options: Any) -> subprocess.Popen[str]:
        begun.append(popen(*arguments, **options))
        notify.stop()  # as from another thread, which sees no process yet
        return begun[0]

    monkeypatch.setattr(subprocess, "Popen", begin)
    notify.handle(BEST)
    (process,) = begun
    assert process.returncode == -signal.SIGKILL
    assert "killed after" not in caplog.text, "it was not waited for"


def test_a_trial_folder_of_a_surrounding_trial_is_not_passed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "NAS_TUNERS_TRIAL_DIR", "outer")
    hook(tmp_path, "sh", "-c", "echo ${NAS_TUNERS_TRIAL_DIR:-none} > seen").handle(BEST)
    assert (tmp_path / "seen").read_text() == "none\n"


def test_it_wants_what_it_subscribed_to(tmp_path: Path) -> None:
    failed = TrialFinished(
        time=0.0, experiment="e", trial=1, state="failed", value=None, seconds=1.0
    )
    assert not hook(tmp_path, "true").wants(failed)
    for name in ("trial_failed", "trial_finished"):
        assert Hook(NotifyConfig(("true",), (name,)), cwd=tmp_path).wants(failed)
    assert not Hook(NotifyConfig(("true",), ("trial_complete",)), cwd=tmp_path).wants(failed)


def test_a_program_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    (problem,) = notify_problems(NotifyConfig(("no-such-command", "me")))
    assert str(problem) == "notify.command: no program 'no-such-command' on the PATH"
    script = tmp_path / "tell.sh"
    script.write_text("#!/bin/sh\n")
    (problem,) = notify_problems(NotifyConfig(("./tell.sh",)), cwd=tmp_path)
    assert str(problem) == f"notify.command: no program '{script}' that can be run"
    script.chmod(0o700)
    assert notify_problems(NotifyConfig(("./tell.sh",)), cwd=tmp_path) == []


def test_unknown_events_are_problems() -> None:
    assert notify_problems(None) == []
    assert notify_problems(NotifyConfig(("true",))) == []
    (problem,) = notify_problems(NotifyConfig(("true",), ("run_ended", "trial_fail")))
    assert problem.where == "notify.events"
    expected = "no event 'trial_fail'; did you mean 'trial_failed'? (known: run_started, "
    assert problem.message.startswith(expected)

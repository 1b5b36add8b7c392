"""The computer's clock set back, and forth, in the midst of a run."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from nas_tuners.experiment.events.file import read_events
from tests.experiment_kit import kill
from tests.faults.kit import Scene, architectures, assert_ends_well, check

HOUR = 3600.0

# The clock changes while trial 3 runs; trial 5 is there for what happens after that.
WAIT_AT_3 = """
if number == 3:
    signal_test()
    while not os.path.exists("set"):
        time.sleep(0.01)
"""
HOLD_TRIAL_5_ONCE = "if number == 5 and not attempts:\n    hold()\n"


@pytest.mark.parametrize("jump", ["-1h", pytest.param("+1h", marks=pytest.mark.extended)])
def test_the_clock_jumps(scene: Scene, twin: Scene, jump: str) -> None:
    """Limits do not go by it, and what is resumed goes on as if nothing had ended it."""
    twin.write(WAIT_AT_3 + "finish()", environment={"LD_PRELOAD": ""})
    twin.open_signals()
    assert_ends_well(_run_with_jump(twin, jump))
    check(twin)

    limits = {"max_duration": "50m", "max_trial_duration": "40m"}
    scene.write(
        WAIT_AT_3 + HOLD_TRIAL_5_ONCE + "finish()", **limits, environment={"LD_PRELOAD": ""}
    )
    scene.open_signals()
    runner = _run_with_jump(scene, jump)
    scene.wait_for_trial()
    kill(runner)
    assert_ends_well(scene.start_resume(env=_wrong_clock(scene.path / "clock")))
    check(scene, like=architectures(twin.recorded()))

    times = [event["time"] for event in read_events(scene.experiment / "events.jsonl")]
    passed = times[-1] - times[0]
    assert passed < -HOUR / 2 if jump == "-1h" else passed > HOUR / 2
    elapsed = json.loads((scene.experiment / "runner.json").read_text())["elapsed"]
    assert 0 < elapsed < HOUR / 2
    assert "-3" not in _times_shown(scene)  # thousand and some seconds


@pytest.mark.extended
@pytest.mark.parametrize("jump", ["-1h", "+1h"])
def test_the_clock_of_one_worker_jumps(scene: Scene, jump: str) -> None:
    """Nobody is taken for dead for it."""
    storage = f"journal:///{scene.path}/study.log"
    scene.write(
        WAIT_AT_3 + "time.sleep(0.5)\nfinish()",
        storage=storage,
        heartbeat=2,
        max_trials=16,
        environment={"LD_PRELOAD": ""},
    )
    scene.open_signals()
    other = scene.start_worker("b")
    worker = _run_with_jump(scene, jump, "worker", "--config", "config.yml", "--folder", "a")
    for process in (worker, other):
        assert_ends_well(process)
    check(scene, count=16)
    assert "no sign of life" not in scene.said("a") + scene.said("b")


def _run_with_jump(scene: Scene, jump: str, *words: str) -> subprocess.Popen[str]:
    """Start a runner, and set its clock while trial 3 runs."""
    clock = scene.path / "clock"
    _set(clock, "+0s")
    words = words or ("run", "config.yml", "--folder", "experiment")
    runner = scene.start(*words, env=_wrong_clock(clock))
    scene.wait_for_trial()
    _set(clock, jump)
    (scene.path / "set").touch()
    return runner


# libfaketime says "invalid argument" of a sleep whose end has come before it begins.
_SLEEP = """
import errno, time
_sleep = time.sleep
def sleep(seconds):
    try:
        _sleep(seconds)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
time.sleep = sleep
"""


def _wrong_clock(file: Path) -> dict[str, str]:
    """The environment of programs that see another time than the computer's."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not found:
        pytest.skip("libfaketime is not installed (Debian: apt-get install faketime)")
    at_start = file.with_name("at_start")
    at_start.mkdir(exist_ok=True)
    (at_start / "sitecustomize.py").write_text(_SLEEP)
    return {
        "PYTHONPATH": str(at_start),
        "LD_PRELOAD": str(found[0]),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",  # that one nobody can set
        "NO_FAKE_STAT": "1",
    }


def _set(clock: Path, jump: str) -> None:
    """Whole or not at all: it is read all the time."""
    new = clock.with_name("new")
    new.write_text(jump)
    new.replace(clock)


def _times_shown(scene: Scene) -> str:
    """The column of a table that says how long each trial took."""
    lines = scene.command("top", scene.experiment).stdout.splitlines()
    column = lines[0].index("time")
    return "\n".join(line[column - 4 : column + 4] for line in lines)

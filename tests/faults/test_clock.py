"""The computer's clock set back, and forth, in the midst of a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.faults.kit import Scene, assert_ends_well, check

WAIT_AT_3 = """
if number == 3:
    signal_test()
    while not os.path.exists("set"):
        time.sleep(0.01)
note(f"at-{time.time():.0f}")
finish()
"""


@pytest.fixture
def clock(tmp_path: Path) -> Path:
    """A file that says by how much the clock is wrong."""
    file = tmp_path / "clock"
    file.write_text("+0s")
    return file


@pytest.mark.parametrize("jump", ["-1h", "+1h"])
def test_the_clock_jumps(
    scene: Scene, undisturbed: list[dict[str, Any]], clock: Path, jump: str
) -> None:
    scene.write(WAIT_AT_3, max_duration="30m", max_trial_duration="20m")
    scene.open_signals()
    runner = scene.start_run(env=_wrong_clock(clock))
    scene.wait_for_trial()
    _set(clock, jump)
    (scene.path / "set").touch()
    assert_ends_well(runner)
    assert _trials_saw(scene, jump)
    check(scene, like=undisturbed)
    elapsed = json.loads((scene.experiment / "runner.json").read_text())["elapsed"]
    assert 0 < elapsed < 1800
    shown = scene.command("top", scene.experiment).stdout
    assert "-1h" not in shown
    assert "-59" not in shown


@pytest.mark.extended
@pytest.mark.parametrize("jump", ["-1h", "+1h"])
def test_the_clock_of_one_worker_jumps(scene: Scene, clock: Path, jump: str) -> None:
    """Nobody is taken for dead for it."""
    storage = f"journal:///{scene.path}/study.log"
    scene.write(WAIT_AT_3 + "time.sleep(0.3)", storage=storage, heartbeat=1, max_trials=16)
    scene.open_signals()
    workers = [scene.start_worker("a", env=_wrong_clock(clock)), scene.start_worker("b")]
    scene.wait_for_trial()
    _set(clock, jump)
    (scene.path / "set").touch()
    for worker in workers:
        assert_ends_well(worker)
    check(scene, count=16)
    assert "no sign of life" not in scene.said("a") + scene.said("b")


def _wrong_clock(file: Path) -> dict[str, str]:
    """The environment of programs that see another time than the computer's."""
    found = sorted(Path("/usr/lib").glob("**/faketime/libfaketimeMT.so.1"))
    if not found:
        pytest.skip("libfaketime is not installed (Debian: apt-get install faketime)")
    return {
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


def _trials_saw(scene: Scene, jump: str) -> bool:
    words = [line.split()[2] for line in (scene.path / "runs.log").read_text().splitlines()]
    times = [int(word[3:]) for word in words if word.startswith("at-")]
    seen = times[-1] - times[0]
    return seen < -3000 if jump == "-1h" else seen > 3000

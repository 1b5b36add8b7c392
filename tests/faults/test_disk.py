"""A disk that is full in the midst of a run, and is given room again."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.experiment_kit import finish
from tests.faults.kit import Scene, assert_ends_well, assert_no_process_left, check

# Trial 3 has its result, and ends when the disk is full.
REPORT_AND_WAIT = """
finish()
if number == 3:
    signal_test()
    while not os.path.exists("full"):
        time.sleep(0.01)
"""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of four megabytes."""
    path = tmp_path / "disk"
    path.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(path)]
    try:
        subprocess.run(words, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"a small disk needs the right to mount one: {error}")
    yield path
    subprocess.run(["umount", "--lazy", str(path)], check=True)


@pytest.mark.parametrize("warm", [False, pytest.param(True, marks=pytest.mark.extended)])
def test_under_the_experiment(
    scene: Scene, undisturbed: list[dict[str, Any]], small_disk: Path, warm: bool
) -> None:
    scene.experiment = small_disk / "experiment"
    scene.storage = f"sqlite:///{scene.experiment}/study.db"
    scene.write(REPORT_AND_WAIT, warm=warm)
    _fill_during_run(scene, small_disk)
    check(scene, like=undisturbed)


def test_under_the_journal(
    scene: Scene, undisturbed: list[dict[str, Any]], small_disk: Path
) -> None:
    scene.write(REPORT_AND_WAIT, storage=f"journal:///{small_disk}/study.log")
    _fill_during_run(scene, small_disk)
    check(scene, like=undisturbed)


def _fill_during_run(scene: Scene, disk: Path) -> None:
    """Run until the disk is full, see what is left, and run to the end."""
    scene.open_signals()
    runner = scene.start("run", "config.yml", "--folder", str(scene.experiment))
    scene.wait_for_trial()
    before = [trial.value for trial in scene.recorded()[:3]]
    _fill(disk / "ballast")
    (scene.path / "full").touch()
    done = finish(runner)
    assert done.returncode == 5, done.stderr
    assert "the experiment cannot go on: " in done.stderr
    assert f"go on with: nas-tuners resume {scene.experiment}" in done.stderr
    assert "Traceback" not in done.stderr
    assert_no_process_left(scene)
    (disk / "ballast").unlink()
    assert [trial.value for trial in scene.recorded()[:3]] == before
    assert_ends_well(scene.start("resume", str(scene.experiment)))


def _fill(file: Path) -> None:
    block = b"x" * 4096
    with suppress(OSError), file.open("wb", buffering=0) as ballast:
        while True:
            os.write(ballast.fileno(), block)

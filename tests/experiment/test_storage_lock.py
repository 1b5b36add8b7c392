from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from nas_tuners.experiment.storages.lock import GivenUpError, file_lock

_SPAWN = multiprocessing.get_context("spawn")


def test_only_one_process_at_a_time(tmp_path: Path) -> None:
    counter = tmp_path / "counter"
    counter.write_text("0")
    workers = [_SPAWN.Process(target=_count_up, args=(counter,)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert counter.read_text() == "400"


def _count_up(counter: Path) -> None:
    for _ in range(200):
        with file_lock(counter):
            counter.write_text(str(int(counter.read_text()) + 1))


def test_a_holder_that_is_killed_frees_the_lock(tmp_path: Path) -> None:
    worker = _SPAWN.Process(target=_die_with_the_lock, args=(tmp_path / "study.db",))
    worker.start()
    worker.join()
    assert worker.exitcode == -signal.SIGKILL
    with file_lock(tmp_path / "study.db"):
        pass


def _die_with_the_lock(file: Path) -> None:
    with file_lock(file):
        os.kill(os.getpid(), signal.SIGKILL)


def test_waiting_can_be_given_up(tmp_path: Path) -> None:
    file, asked = tmp_path / "study.db", iter([False, False, True])
    with (
        file_lock(file),
        pytest.raises(GivenUpError, match=r"waiting for another runner, which holds .*study\.db"),
        file_lock(file, give_up=lambda: next(asked)),
    ):
        pass
    assert next(asked, None) is None


def test_a_free_lock_is_taken_even_by_one_that_was_told_to_end(tmp_path: Path) -> None:
    with file_lock(tmp_path / "study.db", give_up=lambda: True):
        pass


def test_a_folder_that_knows_no_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    with file_lock(tmp_path / "study.log"):
        pass
    assert "study.log cannot be locked against other workers" in caplog.text

"""A journal whose writers are killed: by hand here, as nothing else does it at a chosen byte."""

from __future__ import annotations

import logging
import multiprocessing
import os
import resource
import signal
from pathlib import Path

import optuna
import pytest

from nas_tuners.experiment.storages.journal import RunnerJournal
from nas_tuners.experiment.storages.storage import open_storage


def _study(journal: RunnerJournal) -> optuna.Study:
    storage = optuna.storages.JournalStorage(journal)
    return optuna.create_study(storage=storage, study_name="s", load_if_exists=True)


@pytest.mark.parametrize("kept", [1, 20, -1], ids=["one byte", "a part", "all but its end"])
def test_a_torn_last_line_is_not_glued_to_the_next(tmp_path: Path, kept: int) -> None:
    file = tmp_path / "study.log"
    first = _study(RunnerJournal(file))
    first.add_trial(optuna.create_trial(value=1.0))
    whole = file.read_bytes()
    first.add_trial(optuna.create_trial(value=2.0))
    line = file.read_bytes()[len(whole) :]
    file.write_bytes(whole + line[:kept])

    second = _study(RunnerJournal(file))
    assert [trial.value for trial in second.trials] == [1.0]
    second.add_trial(optuna.create_trial(value=3.0))
    assert [trial.value for trial in second.trials] == [1.0, 3.0]
    assert [trial.value for trial in _study(RunnerJournal(file)).trials] == [1.0, 3.0]


def test_a_torn_line_longer_than_a_block(tmp_path: Path) -> None:
    file = tmp_path / "study.log"
    _study(RunnerJournal(file)).add_trial(optuna.create_trial(value=1.0))
    with file.open("ab") as journal:
        journal.write(b"{" + b" " * 200_000)
    study = _study(RunnerJournal(file))
    study.add_trial(optuna.create_trial(value=2.0))
    assert [trial.value for trial in study.trials] == [1.0, 2.0]


def test_a_file_that_holds_only_a_torn_line(tmp_path: Path) -> None:
    file = tmp_path / "study.log"
    file.write_bytes(b'{"op_code":0,"wor')
    assert _study(RunnerJournal(file)).trials == []


def test_a_disk_that_is_full_for_a_while(tmp_path: Path) -> None:
    file = tmp_path / "study.log"
    study = _study(RunnerJournal(file))
    study.add_trial(optuna.create_trial(value=1.0))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file.stat().st_size + 50, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            study.add_trial(optuna.create_trial(value=2.0))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not file.read_bytes().endswith(b"\n")
    study.add_trial(optuna.create_trial(value=3.0))
    assert [trial.value for trial in study.trials] == [1.0, 3.0]
    assert [trial.value for trial in _study(RunnerJournal(file)).trials] == [1.0, 3.0]


def test_a_writer_that_is_killed_does_not_stop_the_others(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR, logger="optuna")
    file = tmp_path / "study.log"
    study = _study(RunnerJournal(file, grace=3))
    study.add_trial(optuna.create_trial(value=1.0))
    worker = multiprocessing.get_context("spawn").Process(target=_die_writing, args=(file,))
    worker.start()
    worker.join()
    assert worker.exitcode == -signal.SIGKILL
    assert (tmp_path / "study.log.lock").exists()
    study.add_trial(optuna.create_trial(value=2.0))
    assert [trial.value for trial in study.trials] == [1.0, 2.0]
    assert not (tmp_path / "study.log.lock").exists()


def _die_writing(file: Path) -> None:
    RunnerJournal(file)._lock.acquire()
    with file.open("ab") as journal:
        journal.write(b'{"op_code":4,"worker')
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_journal_that_cannot_be_written_leaves_no_lock(tmp_path: Path) -> None:
    file = tmp_path / "study.log"
    study = _study(RunnerJournal(file))
    file.rename(tmp_path / "elsewhere.log")
    with pytest.raises(FileNotFoundError):
        study.add_trial(optuna.create_trial(value=1.0))
    assert not (tmp_path / "study.log.lock").exists()


def test_journals_are_opened_with_it(tmp_path: Path) -> None:
    with open_storage(f"journal:///{tmp_path}/study.log") as storage:
        assert isinstance(storage._backend, RunnerJournal)  # type: ignore[attr-defined]

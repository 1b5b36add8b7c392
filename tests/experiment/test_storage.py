from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest

from nas_tuners.contract.errors import ExperimentError
from nas_tuners.experiment.storage import exclusive, hide_password, open_storage, storage_file


@pytest.mark.parametrize(
    ("url", "file"),
    [
        ("sqlite:////a/b.db", Path("/a/b.db")),
        ("sqlite+pysqlite:////a/b.db?timeout=3", Path("/a/b.db")),
        ("journal:////a/b.log", Path("/a/b.log")),
        ("postgresql://me@host/db", None),
    ],
)
def test_the_file_of_a_url(url: str, file: Path | None) -> None:
    assert storage_file(url) == file


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:secret@host:5432/db", "postgresql://me:***@host:5432/db"),
        ("postgresql://me@host/db", "postgresql://me@host/db"),
        ("sqlite:////a/b.db", "sqlite:////a/b.db"),
    ],
)
def test_passwords_are_not_shown(url: str, shown: str) -> None:
    assert hide_password(url) == shown


def test_sqlite_is_opened_for_many_processes(tmp_path: Path) -> None:
    from sqlalchemy import text

    with (
        open_storage(f"sqlite:///{tmp_path}/study.db") as storage,
        storage._backend.engine.connect() as connection,  # type: ignore[attr-defined]
    ):
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 1
        assert connection.execute(text("PRAGMA busy_timeout")).scalar() == 60_000


def test_nothing_is_left_open(tmp_path: Path) -> None:
    with open_storage(f"sqlite:///{tmp_path}/study.db") as storage:
        storage.get_all_studies()
        assert (tmp_path / "study.db-wal").exists()
    assert not (tmp_path / "study.db-wal").exists()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("sqlite:////no/such/folder/study.db", "cannot be opened"),
        ("nosuchdb://host/db", "cannot be opened"),
        ("postgresql://me:secret@127.0.0.1:1/db", r"me:\*\*\*@127.0.0.1"),
    ],
)
def test_storages_that_cannot_be_opened(url: str, message: str) -> None:
    with pytest.raises(ExperimentError, match=message), open_storage(url):
        pass


def test_only_one_process_at_a_time(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/study.db"
    context = multiprocessing.get_context("spawn")
    counter = tmp_path / "counter"
    counter.write_text("0")
    workers = [context.Process(target=_count_up, args=(url, counter)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert counter.read_text() == "400"


def _count_up(url: str, counter: Path) -> None:
    for _ in range(200):
        with exclusive(url):
            counter.write_text(str(int(counter.read_text()) + 1))

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from nas_tuners.contract.errors import ExperimentError
from nas_tuners.experiment.storages.server import missing_driver
from nas_tuners.experiment.storages.storage import hide_password, open_storage, storage_file


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
        (
            "postgresql://host/db?user=me&password=secret",
            "postgresql://host/db?user=me&password=***",
        ),
        ("sqlite:////a/b.db", "sqlite:////a/b.db"),
        ("postgresql://me:se:cret@host/db", "postgresql://me:***@host/db"),
        ("postgresql//me:secret@host/db", "postgresql//me:***@host/db"),
    ],
)
def test_passwords_are_not_shown(url: str, shown: str) -> None:
    assert hide_password(url) == shown


def test_no_part_of_a_password_is_taken_for_a_host_in_an_error() -> None:
    with (
        pytest.raises(ExperimentError, match="'@' in a password must be written as %40") as error,
        open_storage("postgresql+psycopg://me:sec@ret@nohost.invalid/db"),
    ):
        pass
    assert "ret@" not in str(error.value)


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
        ("sqlite:////no/such/folder/study.db", r"no such folder: /no/such/folder$"),
        ("journal:///no_such_folder/study.log", "/no_such_folder; an absolute path begins after"),
        ("nosuchdb://host/db", "it must be like sqlite:///study.db, .* or grpc://host:port"),
        ("postgre://me:secret@host/db", "did you mean 'postgresql'"),
        ("${NO_SUCH_VARIABLE}", r"a variable in the URL is not set: NO_SUCH_VARIABLE"),
        ("journal:/study.log", "it must be like sqlite:///study.db"),
        ("postgresql+psycopg://me:secret@127.0.0.1:1/db", r"me:\*\*\*@127.0.0.1"),
        ("postgresql+psycopg://me:$NO_SUCH_VARIABLE@127.0.0.1:1/db", "not set: NO_SUCH_VARIABLE"),
        ("mysql+oursql://host/db", "cannot be opened"),
        ("grpc://host", "must be like grpc://host:13000"),
    ],
)
def test_storages_that_cannot_be_opened(url: str, message: str) -> None:
    with pytest.raises(ExperimentError, match=message), open_storage(url):
        pass


@pytest.mark.parametrize(
    ("url", "advice"),
    [
        ("postgresql://me:secret@host/db", "pip install 'nas-tuners[postgresql]'"),
        ("mysql+mysqldb://me:secret@host/db", "pip install 'nas-tuners[mysql]'"),
    ],
)
def test_a_driver_that_is_not_installed(
    url: str, advice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for driver in ("psycopg", "MySQLdb"):
        monkeypatch.setitem(sys.modules, driver, None)
    with pytest.raises(ExperimentError) as caught, open_storage(url):
        pass
    assert advice in str(caught.value)
    assert "secret" not in str(caught.value)


def test_what_a_proxy_needs() -> None:
    assert missing_driver("grpc://host:13000") == "pip install 'nas-tuners[grpc]'"
    assert missing_driver("oracle://host/db") is None

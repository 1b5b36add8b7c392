from __future__ import annotations

import sys
from pathlib import Path

import pytest

from nas_tuners.contract.errors import ExperimentError
from nas_tuners.experiment.storages.lock import GivenUpError
from nas_tuners.experiment.storages.operations import storage_lock
from nas_tuners.experiment.storages.server import missing_driver
from nas_tuners.experiment.storages.storage import (
    _without_password,
    hide_password,
    open_storage,
    storage_file,
)


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


def test_the_file_of_a_url_in_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDY", "journal:////a/b.log")
    assert storage_file("${STUDY}") == Path("/a/b.log")


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


@pytest.mark.parametrize(
    ("password", "said", "shown"),
    [
        ("a", "a cat at ann:a@host", "a cat at ann:***@host"),
        ("nas", "no database nas at ann:nas@host", "no database nas at ann:***@host"),
        ("correcthorse", "correcthorse is wrong", "*** is wrong"),
        ("p%40ss", "mysql://ann:p@ss@host", "mysql://ann:***@host"),
        ("correct%40horse", "correct@horse is wrong", "*** is wrong"),
        ("", "ann:@host", "ann:@host"),
    ],
)
def test_a_password_is_hidden_in_what_a_driver_says(password: str, said: str, shown: str) -> None:
    assert _without_password(said, f"postgresql://ann:{password}@host/nas") == shown


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


@pytest.mark.parametrize("kind", ["sqlite", "journal"])
def test_a_runner_that_has_its_turn_hinders_nobody_who_only_reads(
    tmp_path: Path, kind: str
) -> None:
    url = f"{kind}:///{tmp_path}/study"
    with (
        open_storage(url) as runner,
        storage_lock(runner, "s"),
        open_storage(url, give_up=lambda: True) as reader,
    ):
        assert reader.get_all_studies() == []
        with pytest.raises(GivenUpError), storage_lock(reader, "s"):
            pass


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

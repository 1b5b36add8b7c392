"""Opening a storage only to read: nothing is made, changed or locked."""

from __future__ import annotations

import importlib.util
import os
import sqlite3
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from nas_tuners.contract.errors import ExperimentError
from nas_tuners.experiment.storages.storage import hide_password, open_storage, storage_file

from .reader import Reader

if TYPE_CHECKING:
    from optuna.storages import BaseStorage
    from sqlalchemy import Engine

_BUSY = 10  # seconds that a database which somebody writes to is waited for
_TABLES = ("sqlite", "postgresql", "postgres", "mysql", "mariadb", "oracle", "mssql")


def open_reader(url: str, study_name: str | None = None) -> Reader:
    """What reads a study.

    Args:
        url: Of its storage; variables in it are expanded.
        study_name: Which study; None for the only one.

    Raises:
        ExperimentError: if the storage is not there or cannot be read, or has no such study.
    """
    address = _existing(url)
    try:
        if _has_tables(address):
            from .tables.table_reader import TableReader

            engine = reading_engine(address)
            try:
                return TableReader(engine, study_name)
            except BaseException:
                engine.dispose()
                raise
        return _object_reader(address, study_name)
    except ExperimentError:
        raise
    except Exception as error:  # each database driver has errors of its own
        raise ExperimentError(unreadable(address, error)) from error


def studies_in(url: str) -> list[str]:
    """The names of the studies in a storage, the oldest first.

    Raises:
        ExperimentError: if the storage is not there or cannot be read.
    """
    address = _existing(url)
    try:
        if _has_tables(address):
            from .tables.studies import study_names

            engine = reading_engine(address)
            try:
                return study_names(engine)
            finally:
                engine.dispose()
        from .journal import studies_in_journal

        journal = storage_file(address)
        if journal is not None:
            return studies_in_journal(journal)
        with ExitStack() as stack:
            storage = _storage(address, stack)
            return [study.study_name for study in storage.get_all_studies()]
    except ExperimentError:
        raise
    except Exception as error:
        raise ExperimentError(unreadable(address, error)) from error


def reading_engine(address: str) -> Engine:
    """An engine whose connections read. Of SQLite they cannot even write."""
    from sqlalchemy import create_engine
    from sqlalchemy.engine import make_url
    from sqlalchemy.pool import NullPool

    file = storage_file(address)
    if file is not None:
        return create_engine(
            "sqlite://", creator=lambda: _connect_sqlite(file), poolclass=NullPool
        )
    url = make_url(address)
    if url.drivername in ("postgresql", "postgres") and importlib.util.find_spec("psycopg"):
        url = url.set(drivername="postgresql+psycopg")
    options = {"postgresql_readonly": True} if url.get_backend_name() == "postgresql" else {}
    return create_engine(
        url,
        pool_pre_ping=True,
        pool_size=1,
        connect_args={} if "connect_timeout" in url.query else {"connect_timeout": _BUSY},
        execution_options=options,
    )


def unreadable(address: str, error: Exception) -> str:
    """What to tell of a storage that cannot be read."""
    from nas_tuners.experiment.storages.patience import reason_of

    reason = str(error) if isinstance(error, ExperimentError) else reason_of(error)
    return f"the storage {hide_password(address)} cannot be read: {_hidden(reason, address)}"


def _hidden(reason: str, address: str) -> str:
    """Drivers quote parts of an address that they read in another way, as with @ in a password."""
    password = address.partition("://")[2].rpartition("@")[0].partition(":")[2]
    for part in (password, unquote(password), *password.split("@")):
        if len(part) > 2:
            reason = reason.replace(part, "***")
    return reason


def _existing(url: str) -> str:
    address = os.path.expandvars(url)
    file = storage_file(address)
    if file is not None and not file.is_file():
        raise ExperimentError(
            f"{hide_password(address)}: there is no file {file.absolute()}; an absolute path "
            "begins after a third slash, with its own"
        )
    return address


def _has_tables(address: str) -> bool:
    return address.partition("://")[0].partition("+")[0] in _TABLES


def _connect_sqlite(file: Path) -> Any:
    """Read-only. Of a folder that cannot be written to, as it is now."""
    place = f"file:{quote(str(file.absolute()))}?mode=ro"
    connection = sqlite3.connect(place, uri=True, timeout=_BUSY, check_same_thread=False)
    try:
        connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
    except sqlite3.OperationalError:
        connection.close()
        if file.with_name(f"{file.name}-wal").exists() or os.access(file.parent, os.W_OK):
            raise
        place += "&immutable=1"  # nobody can be writing, and SQLite cannot make its own files
        connection = sqlite3.connect(place, uri=True, check_same_thread=False)
    return connection


def _object_reader(address: str, study_name: str | None) -> Reader:
    from .objects import ObjectReader

    with ExitStack() as stack:
        storage = _storage(address, stack)
        reader = ObjectReader(storage, study_name)
        reader.close = stack.pop_all().close
        return reader


def _storage(address: str, stack: ExitStack) -> BaseStorage:
    file = storage_file(address)
    if file is None:
        return stack.enter_context(open_storage(address))
    from optuna.storages import JournalStorage

    from .journal import ReadJournal

    return JournalStorage(ReadJournal(file))

"""Opening the storage of a study: any that Optuna knows by URL, and ``journal:///path``."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas_tuners.contract.errors import ExperimentError

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

_BUSY_TIMEOUT = 60  # seconds that SQLite waits for another process to finish its write


@contextmanager
def open_storage(url: str) -> Iterator[BaseStorage]:
    """The storage; it is closed at the end.

    Args:
        url: As in the configuration; variables in it are expanded.

    Raises:
        ExperimentError: if it cannot be opened.
    """
    url = os.path.expandvars(url)
    try:
        with exclusive(url):
            storage = _open(url)
    except Exception as error:  # each database driver has errors of its own
        raise ExperimentError(
            f"the storage {hide_password(url)} cannot be opened: {error}"
        ) from error
    try:
        yield storage
    finally:
        storage.remove_session()
        engine = getattr(getattr(storage, "_backend", None), "engine", None)
        if engine is not None:
            engine.dispose()


@contextmanager
def exclusive(url: str) -> Iterator[None]:
    """Keeps other runners on this file from suggesting at the same time; servers need no such."""
    file = storage_file(os.path.expandvars(url))
    if file is None:
        yield
        return
    with file.with_name(f"{file.name}.runners").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def storage_file(url: str) -> Path | None:
    """The file behind a URL, or None for a server."""
    scheme, _, rest = url.partition("://")
    if scheme.partition("+")[0] not in ("sqlite", "journal"):
        return None
    return Path(rest.partition("?")[0].removeprefix("/"))


def hide_password(url: str) -> str:
    """The URL as it may be shown."""
    head, at, tail = url.rpartition("@")
    user, colon, _ = head.rpartition(":")
    return f"{user}:***@{tail}" if at and colon and "//" not in head[len(user) :] else url


def _open(url: str) -> BaseStorage:
    from optuna.storages import get_storage

    from .rdb_storage import RunnerStorage

    if url.startswith("journal:"):
        return _open_journal(url)
    if not url.startswith("sqlite"):
        return get_storage(RunnerStorage(url))
    storage = RunnerStorage(url, engine_kwargs={"connect_args": {"timeout": _BUSY_TIMEOUT}})
    _tune_sqlite(storage.engine)
    return get_storage(storage)


def _open_journal(url: str) -> BaseStorage:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

    path = str(storage_file(url))
    return JournalStorage(JournalFileBackend(path, lock_obj=JournalFileOpenLock(path)))


def _tune_sqlite(engine: Any) -> None:
    """Write-ahead logging: readers and the writer do not block each other, and no fsync a write.

    A power cut may lose the last writes, but never corrupts the file.
    """
    from sqlalchemy import event

    def set_pragmas(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.close()

    event.listen(engine, "connect", set_pragmas)
    engine.dispose()  # connections made before know nothing of this

"""One process at a time: locks that the system, or the server, frees when their holder dies."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from nas_tuners.contract.errors import ExperimentError

from .patience import Waiter, is_lost_connection

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    TryLock = Callable[[Connection, str], bool]

_logger = logging.getLogger(__name__)

_LONG = 20  # seconds that a lock on a file is waited for in silence
_ROUND = 2  # seconds that a server is asked to wait for the lock before it is asked again
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}
_LOCK_NOT_AVAILABLE = "55P03"  # PostgreSQL: lock_timeout is over


class GivenUpError(ExperimentError):
    """Whoever waited for a lock was told to end."""


@contextmanager
def file_lock(
    file: Path, *, purpose: str = "runners", give_up: Callable[[], bool] = lambda: False
) -> Iterator[None]:
    """Exclusive among the processes that see this file, on as many computers as its folder.

    Folders that know no locks (some network file systems) give none, with a warning: two workers
    may then propose the same architecture, or one trial more than the limit.

    Args:
        file: What is locked.
        purpose: Locks for different purposes do not hinder each other.
        give_up: Asked while waiting; once true, the waiting ends.

    Raises:
        GivenUpError: if it did.
    """
    with file.with_name(f"{file.name}.{purpose}").open("a") as lock:
        try:
            _wait_for_flock(lock, file, give_up)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            _logger.warning("%s cannot be locked against other workers: %s", file, error)
        yield


def _wait_for_flock(lock: TextIO, file: Path, give_up: Callable[[], bool]) -> None:
    """Take it; say so if that takes long, as when a runner that has it was stopped."""
    since, said, pause = time.monotonic(), False, 0.001
    while not _try_flock(lock):
        if give_up():
            raise GivenUpError(f"given up waiting for another runner, which holds {file}")
        if not said and time.monotonic() > since + _LONG:
            said = True
            _logger.warning(
                "Another runner has held %s for %d s; this one goes on when that one does, or "
                "ends. Ctrl-C ends this one.",
                file,
                _LONG,
            )
        time.sleep(pause)
        pause = min(2 * pause, 0.05)


def _try_flock(lock: TextIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def server_lock(engine: Engine, name: str, *, waiter: Waiter) -> Iterator[None]:
    """Exclusive among the clients of a database, by a connection of its own.

    PostgreSQL, MySQL and MariaDB have such locks; for other databases this does nothing.

    Raises:
        GivenUpError: if the waiting was given up.
    """
    try_lock = _TRY_LOCK.get(engine.name)
    if try_lock is None:
        yield
        return
    connection = waiter.attempt(
        lambda: _locked(engine, name, try_lock=try_lock, waiter=waiter), passes=is_lost_connection
    )
    try:
        yield
    finally:
        _release(connection)


def _locked(engine: Engine, name: str, *, try_lock: TryLock, waiter: Waiter) -> Connection:
    """A connection that holds the lock."""
    connection = engine.connect()
    try:
        while not try_lock(connection, name):
            connection.rollback()
            if waiter.given_up:
                raise GivenUpError("given up waiting for another worker to suggest its trial")
    except BaseException:
        connection.close()
        raise
    return connection


def _release(connection: Connection) -> None:
    """A connection that broke in the meantime has released the lock already."""
    from sqlalchemy.exc import DBAPIError

    try:
        if connection.engine.name != "postgresql":
            connection.invalidate()  # the lock lasts as long as the session
        else:
            connection.rollback()
    except DBAPIError as error:
        if not is_lost_connection(error):
            raise
        _logger.debug("The connection of the lock was lost: %s", error)
    finally:
        connection.close()


def _try_postgresql(connection: Connection, name: str) -> bool:
    from sqlalchemy import text
    from sqlalchemy.exc import DBAPIError

    connection.execute(text(f"SET LOCAL lock_timeout = '{_ROUND}s'"))
    connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))  # tuners think
    try:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _number(name)})
    except DBAPIError as error:
        if _sql_state(error.orig) != _LOCK_NOT_AVAILABLE:
            raise
        return False
    return True


def _try_mysql(connection: Connection, name: str) -> bool:
    from sqlalchemy import text

    values = {"name": f"nas_tuners:{_number(name)}", "seconds": _ROUND}
    return connection.execute(text("SELECT GET_LOCK(:name, :seconds)"), values).scalar() == 1


_TRY_LOCK: dict[str, TryLock] = {
    "postgresql": _try_postgresql,
    "mysql": _try_mysql,
    "mariadb": _try_mysql,
}


def _number(name: str) -> int:
    """64 bits of a name, which is all that PostgreSQL takes."""
    digest = hashlib.sha256(f"nas-tuners:{name}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def _sql_state(error: Any) -> str | None:
    """The code of an error of psycopg, or of psycopg2."""
    return getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)

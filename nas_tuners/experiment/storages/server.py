"""Databases on servers: connections that notice a cut network and wait for a restart."""

from __future__ import annotations

import importlib.util
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from .lock import server_lock
from .patience import Waiter, reason_of
from .rdb import RunnerStorage

if TYPE_CHECKING:
    from sqlalchemy import URL, Engine

_SCHEMA_LOCK = "schema"

# A network that is cut says nothing; these are how soon either side asks, and gives up: 30 s.
_KEEPALIVE = {"idle": 15, "interval": 5, "count": 3}  # seconds, seconds, probes
_UNACKNOWLEDGED = 30_000  # milliseconds
_CONNECT_TIMEOUT = 10  # seconds
_READ_TIMEOUT = 60  # seconds: PyMySQL and mysqlclient know no keepalive
_IDLE_IN_TRANSACTION = 300_000  # milliseconds that a stopped worker may keep others from writing

_PORTS = {"postgresql": 5432, "mysql": 3306, "mariadb": 3306}
_OTHER_WAYS = {"host", "hostaddr", "service", "unix_socket"}  # options that a server is found by

_LIBPQ_ARGUMENTS = {
    "connect_timeout": _CONNECT_TIMEOUT,
    "keepalives": 1,
    **{f"keepalives_{name}": value for name, value in _KEEPALIVE.items()},
    "tcp_user_timeout": _UNACKNOWLEDGED,
}
_CONNECT_ARGUMENTS: dict[str, dict[str, int]] = {
    "psycopg": _LIBPQ_ARGUMENTS,
    "psycopg2": _LIBPQ_ARGUMENTS,
    "pymysql": {
        "connect_timeout": _CONNECT_TIMEOUT,
        "read_timeout": _READ_TIMEOUT,
        "write_timeout": _READ_TIMEOUT,
    },
    "mysqldb": {"connect_timeout": _CONNECT_TIMEOUT, "read_timeout": _READ_TIMEOUT},
}
_POSTGRESQL_SETTINGS = {
    **{f"tcp_keepalives_{name}": value for name, value in _KEEPALIVE.items()},
    "tcp_user_timeout": _UNACKNOWLEDGED,
    "idle_in_transaction_session_timeout": _IDLE_IN_TRANSACTION,
}


def open_server(address: str, *, waiter: Waiter, from_the_start: bool = False) -> RunnerStorage:
    """The storage on a database server; its tables are made if they are not there.

    Args:
        address: The URL.
        waiter: Waits for the server once it has answered.
        from_the_start: Whether it waits for the first answer, too.

    Raises:
        Exception: the driver's, if the server does not answer now, or within the patience.
    """
    from sqlalchemy import create_engine
    from sqlalchemy.engine import make_url
    from sqlalchemy.pool import NullPool

    url = _with_driver(make_url(address))
    options = {"connect_args": _connect_arguments(url)}
    beginning = create_engine(url, poolclass=NullPool, **options)
    if from_the_start:
        with suppress(ConnectionError):  # what follows says it in the driver's words
            waiter.attempt(lambda: _reach(beginning), passes=_is_absence)
    with server_lock(beginning, _SCHEMA_LOCK, waiter=Waiter(url.render_as_string())):
        text = _escaped(url.render_as_string(hide_password=False))
        storage = RunnerStorage(
            text, engine_kwargs=options | {"pool_pre_ping": True}, waiter=waiter
        )
    if storage.engine.dialect.name == "postgresql":
        _set_on_connect(storage.engine)
    _wait_on_connect(storage.engine, waiter)
    storage.engine.dispose()  # connections made before know nothing of this
    return storage


def _reach(engine: Engine) -> None:
    """Connect once.

    Raises:
        ConnectionError: if the server is not there, or not ready yet.
        DBAPIError: if it refuses, or if nobody knows it.
    """
    from sqlalchemy.exc import DBAPIError

    try:
        engine.connect().close()
    except DBAPIError as error:
        if _is_away(engine.url):
            raise ConnectionError(reason_of(error)) from error
        engine.connect().close()  # it may be back by now; else this says what is wrong


def _is_absence(error: Exception) -> bool:
    return isinstance(error, ConnectionError)


def _is_away(url: URL) -> bool:
    """Whether nobody answers at a known host, or a PostgreSQL that is about to start or to end."""
    port = url.port or _PORTS.get(url.get_backend_name())
    if url.host is None or port is None or _OTHER_WAYS & set(url.query):
        return False
    try:
        socket.create_connection((url.host, port), timeout=_CONNECT_TIMEOUT).close()
    except socket.gaierror:
        return False
    except OSError:
        return True
    return url.drivername == "postgresql+psycopg" and not _is_ready(url.host, port)


def _is_ready(host: str, port: int) -> bool:
    from psycopg.conninfo import make_conninfo
    from psycopg.pq import PGconn, Ping

    where = make_conninfo(host=host, port=port, connect_timeout=_CONNECT_TIMEOUT)
    return PGconn.ping(where.encode()) == Ping.OK  # whatever it says to a wrong password


def missing_driver(address: str) -> str | None:
    """What to install for a URL whose client library is not there."""
    scheme = address.partition("://")[0].partition("+")[0]
    return {
        "grpc": "pip install 'nas-tuners[grpc]'",
        "postgresql": "pip install 'nas-tuners[postgresql]'",
        "mysql": "pip install 'nas-tuners[mysql]', and let the URL begin with mysql+pymysql://",
        "mariadb": "pip install 'nas-tuners[mysql]', and let the URL begin with mariadb+pymysql://",
    }.get(scheme)


def _with_driver(url: URL) -> URL:
    """psycopg for PostgreSQL where the URL names no driver: what our extra installs."""
    if url.drivername in ("postgresql", "postgres") and importlib.util.find_spec("psycopg"):
        return url.set(drivername="postgresql+psycopg")
    return url


def _connect_arguments(url: URL) -> dict[str, Any]:
    """Ours, but for those that the URL gives."""
    known = _CONNECT_ARGUMENTS.get(url.drivername.partition("+")[2], {})
    return {key: value for key, value in known.items() if key not in url.query}


def _escaped(url: str) -> str:
    """Optuna takes braces in a URL for places to fill in."""
    return url.replace("{", "{{").replace("}", "}}")


def _set_on_connect(engine: Engine) -> None:
    """The server's side of each connection."""
    from sqlalchemy import event

    settings = _POSTGRESQL_SETTINGS.items()
    calls = (f"set_config('{key}', '{value}', false)" for key, value in settings)
    statement = f"SELECT {', '.join(calls)}"

    def set_all(connection: Any, _record: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement)
        connection.commit()

    event.listen(engine, "connect", set_all)


def _wait_on_connect(engine: Engine, waiter: Waiter) -> None:
    from sqlalchemy import event

    def connect(dialect: Any, _record: Any, words: Any, options: Any) -> Any:
        return waiter.attempt(
            lambda: dialect.connect(*words, **options),
            passes=lambda error: isinstance(error, dialect.loaded_dbapi.Error),
        )

    event.listen(engine, "do_connect", connect)

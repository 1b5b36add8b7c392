"""Databases on servers: connections that notice a cut network and wait for a restart."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

from .lock import server_lock
from .patience import Waiter
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


def open_server(address: str, *, waiter: Waiter) -> RunnerStorage:
    """The storage on a database server; its tables are made if they are not there.

    Args:
        address: The URL.
        waiter: Waits for the server once it has answered.

    Raises:
        Exception: the driver's, if the server does not answer now.
    """
    from sqlalchemy import create_engine
    from sqlalchemy.engine import make_url
    from sqlalchemy.pool import NullPool

    url = _with_driver(make_url(address))
    options = {"connect_args": _connect_arguments(url)}
    beginning = create_engine(url, poolclass=NullPool, **options)
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

"""The storage of a study: any that Optuna knows by URL, and ``journal:///path``, ``grpc://host``.

A file is opened, or there is an error. A server that has answered once is waited for when it no
longer does: it may be starting again, or the network be cut for a while. Where it was reached
before, as when a worker joins, its first answer can be waited for, too.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from nas_tuners.contract.errors import ExperimentError, did_you_mean

from .lock import file_lock
from .patience import Waiter, reason_of

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

URL_EXAMPLES = (
    "sqlite:///study.db, journal:///study.log, postgresql://user@host/name or grpc://host:port"
)
_KINDS = ("sqlite", "journal", "postgresql", "mysql", "mariadb", "grpc")
_BUSY_TIMEOUT = 60  # seconds that SQLite waits for another process to finish its write
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_NO_WORD = 8  # letters of a password: shorter ones, such as `nas` or `user`, stand in many words
_PASSWORD_OPTION = re.compile(r"([?&](?:password|passwd|sslpassword)=)[^&]*")


@contextmanager
def open_storage(
    url: str,
    *,
    patience: float = 0.0,
    from_the_start: bool = False,
    give_up: Callable[[], bool] = lambda: False,
    on_wait: Callable[[str], None] = lambda reason: None,
    on_answer: Callable[[float], None] = lambda seconds: None,
) -> Iterator[BaseStorage]:
    """The storage; it is closed at the end.

    Args:
        url: As in the configuration; variables in it are expanded.
        patience: Seconds to wait for a server that answered before and no longer does.
        from_the_start: Whether to wait for its first answer, too: while nobody listens there, or
            it says that it is starting. What it refuses, as a wrong password, is an error at once.
        give_up: Asked while waiting; once true, the patience is at its end. Ends the waiting for
            other runners, too.
        on_wait: Called with the reason when the waiting begins.
        on_answer: Called with the seconds that it took when the storage answers again.

    Raises:
        ExperimentError: if it cannot be opened.
    """
    address = os.path.expandvars(url)
    waiter = Waiter(
        hide_password(address),
        patience=patience,
        give_up=give_up,
        on_wait=on_wait,
        on_answer=on_answer,
    )
    try:
        storage = _open(address, waiter, from_the_start)
    except Exception as error:  # each database driver has errors of its own
        raise ExperimentError(
            f"the storage {hide_password(address)} cannot be opened: {_reason(error, address)}"
        ) from error
    try:
        yield storage
    finally:
        _close(storage)


def storage_file(url: str) -> Path | None:
    """The file behind a URL, or None for a server; variables in it are expanded."""
    scheme, _, rest = os.path.expandvars(url).partition("://")
    if scheme.partition("+")[0] not in ("sqlite", "journal"):
        return None
    return Path(rest.partition("?")[0].removeprefix("/"))


def hide_password(url: str) -> str:
    """The URL as it may be shown."""
    url = _PASSWORD_OPTION.sub(r"\1***", url)
    head, at, tail = url.rpartition("@")
    start = head.find("//") + 2 if "//" in head else 0
    user, colon, _ = head[start:].partition(":")  # what follows may have further colons
    return f"{head[:start]}{user}:***@{tail}" if at and colon else url


def _open(address: str, waiter: Waiter, from_the_start: bool) -> BaseStorage:
    from optuna.storages import get_storage

    file = storage_file(address)
    if file is not None and address.startswith("journal"):
        return _open_journal(file, waiter)
    if file is not None:
        return _open_sqlite(address, file, waiter)
    if address.startswith("grpc:"):
        return _open_proxy(address, waiter)
    from .server import open_server

    return get_storage(open_server(address, waiter=waiter, from_the_start=from_the_start))


def _open_sqlite(address: str, file: Path, waiter: Waiter) -> BaseStorage:
    """Its tables are made under a lock of their own: a runner's turn may take long."""
    from optuna.storages import get_storage

    from .rdb import RunnerStorage

    def give_up() -> bool:
        return waiter.given_up

    options = {"connect_args": {"timeout": _BUSY_TIMEOUT}}
    with file_lock(file, purpose="opening", give_up=give_up):
        storage = RunnerStorage(address, engine_kwargs=options, file=file, give_up=give_up)
        _tune_sqlite(storage.engine)
        storage.engine.connect().close()  # changes the file's mode, which others must not disturb
    return get_storage(storage)


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


def _open_journal(file: Path, waiter: Waiter) -> BaseStorage:
    from optuna.storages import JournalStorage

    from .journal import RunnerJournal

    return JournalStorage(RunnerJournal(file, give_up=lambda: waiter.given_up))


def _open_proxy(address: str, waiter: Waiter) -> BaseStorage:
    from .proxy import RunnerProxy

    return RunnerProxy(address, waiter=waiter)


def _close(storage: BaseStorage) -> None:
    storage.remove_session()
    backend = getattr(storage, "_backend", storage)
    if engine := getattr(backend, "engine", None):
        engine.dispose()
    if close := getattr(backend, "close", None):
        close()


def _reason(error: Exception, address: str) -> str:
    file = storage_file(address)
    if file is None and _has_bare_at(address):
        return "an '@' in a password must be written as %40"
    if file is not None and not file.parent.is_dir():
        return _no_folder(file)
    advice = _advice(error, address)
    reason = _without_password(reason_of(error), address)
    return f"{reason} ({advice})" if advice else reason


def _no_folder(file: Path) -> str:
    hint = (
        "" if file.is_absolute() else "; an absolute path begins after a third slash, with its own"
    )
    return f"no such folder: {file.absolute().parent}{hint}"


def _advice(error: Exception, address: str) -> str | None:
    from sqlalchemy.exc import ArgumentError

    from .server import missing_driver

    if isinstance(error, ImportError):
        return missing_driver(address)
    if unset := _unset_variables(address):
        return unset
    if not isinstance(error, ArgumentError):
        return None
    kind = re.split(r"[+:]", address, maxsplit=1)[0]
    hint = "" if kind in _KINDS else did_you_mean(kind, _KINDS)
    return f"it must be like {URL_EXAMPLES}{hint}"


def _unset_variables(address: str) -> str | None:
    names = [braced or plain for braced, plain in _VARIABLE.findall(address)]
    return f"a variable in the URL is not set: {', '.join(names)}" if names else None


def _has_bare_at(address: str) -> bool:
    """Whether a part of the password counts as host, or as database, which drivers repeat."""
    return address.partition("?")[0].count("@") > 1


def _without_password(text: str, address: str) -> str:
    """Drivers do not repeat the password; this is in case one of them does.

    As a URL has it, it is hidden whatever it is; elsewhere only if it is so long that it is no
    part of the words that a driver says.
    """
    head, _, _ = address.rpartition("@")
    password = head.partition("://")[2].partition(":")[2]
    for written in filter(None, (password, unquote(password))):
        text = text.replace(f":{written}@", ":***@")
        if len(written) >= _NO_WORD:
            text = text.replace(written, "***")
    return text

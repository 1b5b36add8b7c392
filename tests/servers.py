"""A real PostgreSQL server for the tests, killed and started again at will."""

from __future__ import annotations

import contextlib
import functools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.experiment_kit import eventually, is_alive
from tests.networks import free_port

_USER = "tuner"
PASSWORD = "open-sesame-7261"  # tests look for it where it must not be

# Quick, but nothing committed is lost when the processes are killed: fsync is for power cuts.
_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "shared_buffers": "16MB",
    "max_connections": "60",
    "timezone": "UTC",
}


class PostgresServer:
    """PostgreSQL on a free port of this computer.

    Args:
        path: An empty folder, which every user may enter: as root, the server runs as another.
        address: Where it listens.
    """

    def __init__(self, path: Path, *, address: str = "127.0.0.1") -> None:
        self._address = address
        self._data = path / "data"
        self._log = path / "server.log"
        self._sockets = path
        self._user = _unprivileged_user()
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        if self._user is not None:
            shutil.chown(path, self._user)
        self._initialize()
        self.start()

    def url(self, database: str = "postgres", *, driver: str = "psycopg", port: int = 0) -> str:
        """The URL of a database; with ``port``, through something that listens there."""
        host = f"{self._address}:{port or self.port}"
        return f"postgresql+{driver}://{_USER}:{PASSWORD}@{host}/{database}"

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it, after a crash too, and wait until it answers."""
        settings = [f"-c{name}={value}" for name, value in _SETTINGS.items()]
        binary = str(_binary("postgres"))
        places = ["-D", str(self._data), "-k", str(self._sockets), "-h", self._address]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [binary, *places, "-p", str(self.port), *settings],
                cwd=self._sockets,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._as_user(),
            )
        if not eventually(self._answers, seconds=60):
            self.stop()
            pytest.fail(self._log.read_text())

    def kill(self) -> None:
        """``kill -9`` of all its processes, as in a crash."""
        if not self.running:
            return
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)  # or it would see its children die
        children = _children(self._process.pid)
        for pid in (self._process.pid, *children):
            os.kill(pid, signal.SIGKILL)
        self._process.wait()
        assert eventually(lambda: not any(map(is_alive, children)))

    def stop(self) -> None:
        """Shut it down; clients are disconnected."""
        if self.running:
            assert self._process is not None
            self._process.send_signal(signal.SIGINT)
            self._process.wait(timeout=60)

    def execute(self, sql: str, *, database: str = "postgres") -> list[tuple[Any, ...]]:
        """The rows that a statement gives, run in a transaction of its own."""
        import psycopg

        url = self.url(database).replace("+psycopg", "")
        with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
            cursor = connection.execute(sql.encode())
            return cursor.fetchall() if cursor.description else []

    def _initialize(self) -> None:
        password = self._sockets / "password"
        password.write_text(PASSWORD)
        if self._user is not None:
            shutil.chown(password, self._user)
        words = f"-U {_USER} -A scram-sha-256 -E UTF8 --locale=C --no-sync --pwfile".split()
        subprocess.run(
            [str(_binary("initdb")), "-D", str(self._data), *words, str(password)],
            cwd=self._sockets,
            check=True,
            capture_output=True,
            **self._as_user(),
        )
        with (self._data / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all all {self._address}/24 scram-sha-256\n")

    def _answers(self) -> bool:
        import psycopg

        try:
            self.execute("select 1")
        except psycopg.OperationalError:
            return False
        return True

    def _as_user(self) -> dict[str, Any]:
        if self._user is None:
            return {}
        return {"user": self._user, "group": pwd.getpwnam(self._user).pw_gid, "extra_groups": []}


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A server for all tests; one that stops it need not start it again."""
    with postgres_server() as server:
        yield server


@contextlib.contextmanager
def postgres_server(**options: str) -> Iterator[PostgresServer]:
    """A server in a folder that is removed at the end; pytest's own folders are private."""
    if _binary("initdb") is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    path = Path(tempfile.mkdtemp(prefix="nas-tuners-postgres-"))
    path.chmod(0o755)
    server = PostgresServer(path, **options)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(path)


@pytest.fixture
def fresh_database(postgres: PostgresServer) -> Iterator[str]:
    """The URL of an empty database."""
    if not postgres.running:
        postgres.start()
    name = f"test_{uuid.uuid4().hex}"
    postgres.execute(f"create database {name}")
    yield postgres.url(name)
    if postgres.running:
        postgres.execute(f"drop database {name} with (force)")


@functools.cache
def _binary(name: str) -> Path | None:
    """A program of PostgreSQL; Debian keeps them out of the PATH."""
    versions = Path("/usr/lib/postgresql").glob(f"*/bin/{name}")
    newest_first = sorted(versions, key=lambda path: float(path.parts[4]), reverse=True)
    found = shutil.which(name)
    return Path(found) if found else next(iter(newest_first), None)


def _unprivileged_user() -> str | None:
    """Whom the server runs as, which refuses to run as root."""
    if os.geteuid() != 0:
        return None
    users = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in users else "nobody"


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

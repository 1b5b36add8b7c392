"""Optuna's own dashboard beside the page, as a process that ends with us.

As a program (``python -m nas_tuners.viewer.serving.dashboard``) it serves the storage whose URL it
is given on standard input, where nobody else sees the password, and ends when that is closed.
"""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from nas_tuners.contract.errors import ConfigError

from .._runs import Runs

_HOST = "127.0.0.1"  # it has no token
_PORT = 8080  # its own default


@contextmanager
def shown_in_dashboard(runs: Runs) -> Iterator[str]:
    """Run the dashboard for the newest study, and let the page name it; its address.

    Raises:
        ConfigError: if it is not installed, or nothing that is shown has a study.
    """
    storages = runs.storages()
    if not storages:
        raise ConfigError(
            "nothing that is shown has a study; name an experiment or a storage", "--dashboard"
        )
    storage, shown = next(iter(storages.items()))
    with dashboard(storage) as url:
        for run in shown:
            run.dashboard = url
        yield url


@contextmanager
def dashboard(storage: str) -> Iterator[str]:
    """Run the dashboard; its address.

    Args:
        storage: The URL of a storage.

    Raises:
        ConfigError: if it is not installed.
    """
    if importlib.util.find_spec("optuna_dashboard") is None:
        raise ConfigError("needs a package: pip install optuna-dashboard", "--dashboard")
    port = free_port(_PORT)
    process = subprocess.Popen(
        [sys.executable, "-m", "nas_tuners.viewer.serving.dashboard", str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        start_new_session=True,  # Ctrl-C is for us
    )
    assert process.stdin is not None
    try:
        process.stdin.write(f"{storage}\n")
        process.stdin.flush()
        yield f"http://{_HOST}:{port}/dashboard/"
    finally:
        process.terminate()
        process.stdin.close()
        process.wait()


def free_port(wanted: int) -> int:
    """A port that nobody listens on: the one wanted, if it is free."""
    for port in (wanted, 0):
        with socket.socket() as candidate:
            candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                candidate.bind((_HOST, port))
            except OSError:
                continue
            return int(candidate.getsockname()[1])
    raise ConfigError("no port is free for it", "--dashboard")


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(0)


def main() -> None:
    from optuna_dashboard import run_server  # type: ignore[import-not-found, unused-ignore]

    from nas_tuners.experiment.storages.storage import open_storage

    url = sys.stdin.readline().rstrip("\n")
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with open_storage(url) as storage:
        run_server(storage, host=_HOST, port=int(sys.argv[1]))


if __name__ == "__main__":
    main()

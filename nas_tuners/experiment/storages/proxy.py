"""Optuna's gRPC proxy, for workers that cannot reach the database themselves."""

from __future__ import annotations

import warnings
from urllib.parse import urlsplit

from optuna.exceptions import ExperimentalWarning
from optuna.storages import GrpcStorageProxy

from .patience import Waiter

_CONNECT_TIMEOUT = 10  # seconds


class RunnerProxy(GrpcStorageProxy):
    """Optuna's client of ``optuna.storages.run_grpc_proxy_server``.

    Args:
        url: ``grpc://host:port``.
        waiter: Waits for the server.

    Attributes:
        waiter: The same.

    Raises:
        ConnectionError: if nothing answers there.
    """

    def __init__(self, url: str, *, waiter: Waiter) -> None:
        parts = urlsplit(url)
        if not parts.hostname or not parts.port:
            raise ValueError("must be like grpc://host:13000")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            super().__init__(host=parts.hostname, port=parts.port)
        self.waiter = waiter
        self.wait_server_ready(timeout=_CONNECT_TIMEOUT)

"""Serving the page: the port, the address that people open, and the end."""

from __future__ import annotations

import errno
import ipaddress
import secrets
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from nas_tuners.contract.errors import ConfigError

from .._runs import Runs

try:
    import uvicorn

    from .app import make_app
    from .events import Hub
    from .protocol import Protocol
    from .security import Access
except ModuleNotFoundError as error:
    if error.name not in ("anyio", "starlette", "uvicorn"):
        raise
    raise ConfigError(
        f"needs the package {error.name}: pip install 'nas-tuners[view]' "
        "(`--export page.html` does without)",
        "view",
    ) from error

DEFAULT_PORT = 6060
_NEXT = 50  # ports that are tried after it
_CONNECTIONS = 256
_PATIENCE = 10  # seconds for a request, so that those who never end one leave room for others


@dataclass(frozen=True)
class Address:
    """Where the server listens, and how it is asked.

    Attributes:
        host: A name or an address of this computer.
        port: Which port; None for 6060 or the next free one, 0 for any.
        allowed: Further names by which it may be asked for.
        prefix: The path that a proxy puts before ours.
    """

    host: str = "127.0.0.1"
    port: int | None = None
    allowed: Sequence[str] = ()
    prefix: str = ""


class Viewer:
    """A server that is about to run: its port is taken, so that its address is known.

    Args:
        runs: What it shows.
        address: Where it listens.
        hub: What watches the runs for it.
        patience: Seconds that a connection may take for a request.

    Attributes:
        url: What people open.
        hub: The same.

    Raises:
        ConfigError: if the port is taken, or the host is none of this computer.
    """

    def __init__(
        self, runs: Runs, address: Address, *, hub: Hub | None = None, patience: int = _PATIENCE
    ) -> None:
        prefix = _prefix(address.prefix)
        self._socket = listen(address)
        port = self._socket.getsockname()[1]
        name, is_open = _reached_by(self._socket, address.host)
        token = secrets.token_urlsafe(24) if is_open else None
        access = Access(
            hosts=[*address.allowed, *_names(address.host, is_open)],
            any_address=is_open,
            token=token,
            cookie=f"nas-tuners-{port}",
            prefix=prefix,
        )
        self.url = f"http://{name}:{port}{prefix}/" + (f"?token={token}" if token else "")
        self.hub = hub or Hub()
        config = uvicorn.Config(
            make_app(runs, self.hub, access),
            http=Protocol,  # the same limits everywhere, and nothing compiled
            ws="none",
            loop="asyncio",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=_CONNECTIONS,
            timeout_keep_alive=patience,
            timeout_graceful_shutdown=1,
        )
        self._server = _Server(config, self.hub.stop)

    def run(self) -> None:
        """Serve until Ctrl-C, or until :meth:`stop`."""
        self._server.run(sockets=[self._socket])

    def stop(self) -> None:
        """End it, from any thread."""
        self._server.should_exit = True


class _Server(uvicorn.Server):
    """Ctrl-C ends it in order, and that is no error; the streams of open pages end with it."""

    def __init__(self, config: uvicorn.Config, on_end: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_end = on_end

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {
            number: signal.signal(number, self._handle)
            for number in numbers
            if signal.getsignal(number) is not signal.SIG_IGN  # as nohup and `&` set it
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        self.force_exit = self.should_exit  # asked twice
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._on_end()
        await super().shutdown(sockets)


def listen(address: Address) -> socket.socket:
    """A socket that listens.

    Raises:
        ConfigError: if there is none to be had.
    """
    try:
        found = socket.getaddrinfo(address.host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise ConfigError(f"{address.host!r} is no address: {error}", "--host") from error
    family, _, _, _, where = min(found, key=lambda entry: entry[0] != socket.AF_INET)
    wanted = DEFAULT_PORT if address.port is None else address.port
    ports = [wanted] if address.port is not None else [*range(wanted, wanted + _NEXT), 0]
    for port in ports:
        try:
            return _bound(family, (where[0], port, *where[2:]))
        except OSError as error:
            if error.errno != errno.EADDRINUSE or port == ports[-1]:
                option = "--host" if error.errno == errno.EADDRNOTAVAIL else "--port"
                raise ConfigError(_why_not(error, address.host, port), option) from error
    raise AssertionError("the last port has not been tried")


def _bound(family: int, where: tuple[object, ...]) -> socket.socket:
    # Named as TCP, or asyncio would not send at once what is small: 40 ms later, a file.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # after a restart
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind(where)
        listening.listen(128)  # only now is it known that nobody else listens
    except BaseException:
        listening.close()
        raise
    return listening


def _why_not(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} is taken by another program; choose another, or 0 for any"
    if error.errno == errno.EACCES:
        return f"you may not listen on port {port}; choose one from 1024 on, or 0 for any"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{host} is no address of this computer"
    return f"cannot listen on port {port} of {host}: {error}"


def _reached_by(listening: socket.socket, host: str) -> tuple[str, bool]:
    """The name in the address that people open, and whether other computers reach us."""
    bound = ipaddress.ip_address(listening.getsockname()[0].partition("%")[0])
    if bound.is_loopback:
        return (f"[{bound}]" if bound.version == 6 else str(bound)), False
    if bound.is_unspecified:
        return socket.gethostname(), True
    return (f"[{host}]" if ":" in host else host), True


def _names(host: str, is_open: bool) -> list[str]:
    return [host, socket.gethostname(), socket.getfqdn()] if is_open else [host]


def _prefix(path: str) -> str:
    """``/user/ann``, or nothing.

    Raises:
        ConfigError: if a browser would read it as something else.
    """
    bare = path.strip("/")
    if any(letter in bare for letter in "?#%\\;,\"' ") or ".." in bare or "//" in bare:
        raise ConfigError(f"must be a path like /user/ann/nas, got {path!r}", "--root-path")
    return f"/{bare}" if bare else ""

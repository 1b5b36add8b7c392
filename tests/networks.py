"""Networks that tests can cut: a relay of connections, and a computer at the end of a cable."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator

import pytest


class Relay:
    """Passes connections on to a port of this computer, until the network is cut.

    Connections end at once where it is cut; after a pulled cable, both sides take a while to see
    it, which needs a network of its own to be tried.

    Args:
        target: The port.

    Attributes:
        port: Where it listens.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._is_cut = False
        self._ends: list[socket.socket] = []
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """End all connections, and let no new one through."""
        self._is_cut = True
        for end in self._ends:
            _shut(end)

    def mend(self) -> None:
        """Let new connections through."""
        self._is_cut = False

    def close(self) -> None:
        self.cut()
        _shut(self._listener)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # it was closed
            while True:
                client, _ = self._listener.accept()
                if self._is_cut:
                    client.close()
                    continue
                server = socket.create_connection(("127.0.0.1", self._target))
                self._ends += [client, server]
                for source, sink in ((client, server), (server, client)):
                    threading.Thread(target=_pump, args=(source, sink), daemon=True).start()


class OtherComputer:
    """A network namespace, from which this computer is reached by a cable that can be pulled.

    Neither side is told when it is: what they send is lost. Linux only, and as root.

    Attributes:
        address: This computer's, as the other one sees it.
    """

    address = "10.213.77.1"
    _its_address = "10.213.77.2"

    def __init__(self) -> None:
        self._name = f"other{os.getpid()}"
        self._cable = f"cable{os.getpid()}"

    def start(self) -> None:
        """Make it.

        Raises:
            CalledProcessError: if the system does not let us.
        """
        for command in (
            f"netns add {self._name}",
            f"link add {self._cable} type veth peer name eth0 netns {self._name}",
            f"addr add {self.address}/24 dev {self._cable}",
            f"link set {self._cable} up",
            f"-n {self._name} addr add {self._its_address}/24 dev eth0",
            f"-n {self._name} link set eth0 up",
        ):
            _ip(command)

    def command(self, *words: str) -> list[str]:
        """What runs a command there."""
        return ["ip", "netns", "exec", self._name, *words]

    def cut(self) -> None:
        """Send what is for the other computer to one that does not exist."""
        nobody = "lladdr 02:00:00:00:00:01 nud permanent"
        _ip(f"neigh replace {self._its_address} dev {self._cable} {nobody}")

    def mend(self) -> None:
        _ip(f"neigh del {self._its_address} dev {self._cable}")

    def close(self) -> None:
        """Take away what was made of it."""
        _ip(f"link del {self._cable}", check=False)
        _ip(f"netns del {self._name}", check=False)


@pytest.fixture
def other_computer() -> Iterator[OtherComputer]:
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("a network namespace needs root and iproute2")
    other = OtherComputer()
    try:
        other.start()
        yield other
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no network namespace can be made: {error.stderr}")
    finally:
        other.close()


def free_port() -> int:
    """A port of this computer that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def _ip(command: str, *, check: bool = True) -> None:
    subprocess.run(["ip", *command.split()], check=check, capture_output=True, text=True)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with source, contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    _shut(sink)


def _shut(end: socket.socket) -> None:
    with contextlib.suppress(OSError):  # the other side was quicker
        end.shutdown(socket.SHUT_RDWR)

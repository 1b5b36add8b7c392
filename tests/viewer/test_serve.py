"""Ports, addresses, and the end."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from nas_tuners.contract.errors import ConfigError
from nas_tuners.viewer.serving import serve
from nas_tuners.viewer.serving.events import Hub
from nas_tuners.viewer.serving.serve import Address, listen
from tests.networks import free_port
from tests.viewer.kit import recorded, served


def test_a_port_that_is_free() -> None:
    port = free_port()
    with listen(Address(port=port)) as listening:
        assert listening.getsockname() == ("127.0.0.1", port)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_port_that_is_taken(host: str) -> None:
    with listen(Address(host, 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ConfigError, match=f"--port: port {port} is taken by another program"):
            listen(Address(port=port))


def test_the_next_free_port_where_none_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with listen(Address(port=0)) as other:
        taken = other.getsockname()[1]
        monkeypatch.setattr(serve, "DEFAULT_PORT", taken)
        with listen(Address()) as listening:
            assert listening.getsockname()[1] != taken


def test_hosts_that_are_not_ours() -> None:
    with pytest.raises(ConfigError, match=r"--host: 'no such host' is no address"):
        listen(Address("no such host", 0))
    with pytest.raises(ConfigError, match=r"--host: 192.0.2.1 is no address of this computer"):
        listen(Address("192.0.2.1", 0))


def test_the_other_kind_of_address(tmp_path: Path) -> None:
    try:
        listen(Address("::1", 0)).close()
    except ConfigError:
        pytest.skip("no IPv6 on this machine")
    recorded(tmp_path / "search")
    with served(tmp_path, host="::1") as it:
        assert it.viewer.url == f"http://[::1]:{it.port}/"
        assert it.get("api/runs").status_code == 200


def test_the_address_of_an_open_server_has_its_token(tmp_path: Path) -> None:
    with served(tmp_path, host="0.0.0.0") as it:
        assert it.viewer.url == f"http://{socket.gethostname()}:{it.port}/?token={it.token}"
        assert len(it.token) >= 32


@pytest.mark.parametrize("path", ["/a?b", "/a b", "/../a", "/a//b", "/a;b", "/a%2fb", "/a\\b"])
def test_a_path_that_browsers_read_otherwise(path: str, tmp_path: Path) -> None:
    with (
        pytest.raises(ConfigError, match=r"--root-path: must be a path like"),
        served(tmp_path, prefix=path),
    ):
        pass


def test_it_can_be_started_again_at_once(tmp_path: Path) -> None:
    port = free_port()
    for _ in range(3):
        with served(tmp_path, port=port) as it:
            assert it.get("api/runs").status_code == 200


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nHos"])
def test_who_does_not_come_to_the_end_of_a_request_is_not_waited_for(
    begun: bytes, tmp_path: Path
) -> None:
    with served(tmp_path, patience=1) as it:
        asked = f"GET /api/runs HTTP/1.1\r\nHost: 127.0.0.1:{it.port}\r\n\r\n".encode()
        for before in (b"", asked):
            with socket.create_connection(("127.0.0.1", it.port), timeout=20) as connection:
                connection.sendall(before + begun)
                while connection.recv(65536):
                    pass


def test_who_follows_a_run_is_waited_for(tmp_path: Path) -> None:
    recorded(tmp_path / "search")
    with (
        served(tmp_path, patience=1, hub=Hub(heartbeat=0.3)) as it,
        it.client.stream("GET", "api/runs/0/events") as stream,
    ):
        chunks = stream.iter_bytes()
        signs = 0
        while signs < 5:
            signs += next(chunks).count(b": still here")


def test_what_is_small_is_sent_at_once() -> None:
    """Asyncio does so only with sockets that say that they are TCP."""
    with listen(Address(port=0)) as listening:
        assert listening.proto == socket.IPPROTO_TCP

"""What a server of warm trials and its runner say to each other: lines of JSON."""

from __future__ import annotations

import json
import socket
from contextlib import suppress
from typing import Any, final

Message = dict[str, Any]


@final
class Connection:
    """Lines of JSON over a socket."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self._rest = b""

    def tell(self, event: str, **fields: Any) -> None:
        """Say something; nobody listens any more once the runner is gone."""
        line = json.dumps({"event": event, **fields}).encode() + b"\n"
        with suppress(BrokenPipeError, ConnectionResetError):
            self.socket.setblocking(True)
            self.socket.sendall(line)

    def first(self) -> Message | None:
        """The first message; None if the runner is gone."""
        self.socket.setblocking(True)
        with self.socket.makefile("rb", buffering=0) as file:
            line = file.readline()
        return json.loads(line) if line else None

    def received(self) -> list[Message] | None:
        """The messages that have come, without waiting; None if the runner is gone."""
        self.socket.setblocking(False)
        try:
            data = self.socket.recv(1 << 20)
        except BlockingIOError:
            return []
        except ConnectionResetError:
            return None
        if not data:
            return None
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [json.loads(line) for line in lines]

"""HTTP with an end to patience: uvicorn waits for ever for a request that has been begun."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol


class Protocol(H11Protocol):
    """Ends a connection that asks for nothing, or does not come to the end of its request."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()

    def _wait(self) -> None:
        self.loop.call_later(self.timeout_keep_alive, self._look, self.cycle)

    def _look(self, before: object) -> None:
        """End it, if nothing is being answered and nothing was asked since the last look."""
        if self.transport.is_closing():
            return
        answered = self.cycle is None or self.cycle.response_complete
        if answered and self.cycle is before:
            self.transport.close()
        else:
            self._wait()

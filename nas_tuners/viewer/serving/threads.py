"""Reading beside the server's loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from anyio import CancelScope

T = TypeVar("T")


async def in_thread(work: Callable[[], T]) -> T:
    """What ``work`` gives, in a thread of its own.

    Unlike those of anyio, the program does not wait for it at its end: a database that does not
    answer, or a disk that has gone, must not keep Ctrl-C from ending the viewer.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def tell(result: T | None, error: BaseException | None) -> None:
        if done.cancelled():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result, error = None, None
        try:
            result = work()
        except Exception as raised:
            error = raised
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(tell, result, error)

    threading.Thread(target=run, name="reading", daemon=True).start()
    with CancelScope(shield=True):  # who reads a run goes on reading it, and others wait
        await asyncio.wait([done])
    return done.result()

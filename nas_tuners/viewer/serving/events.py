"""Server-sent events: one watcher a run tells all pages that follow it."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

from .._run import Run, json_bytes
from .changes import Event, Follower, Place
from .threads import in_thread

_EVERY = 0.5  # seconds between two looks at the files
_TRIALS_EVERY = 2  # looks between two at a study, which cost more
_HEARTBEAT = 15.0  # seconds, so that proxies do not think that nobody is there
_WAITING = 64  # events; who is further behind has to connect again
_STREAMS = 32
_FRESH = 60.0  # seconds that a page may take from its first request to the stream
T = TypeVar("T")
_RETRY = b"retry: 2000\n\n"


class TooManyStreams(Exception):  # noqa: N818 - an answer of the server, no error of ours
    """As many pages are followed as may be."""


class Hub:
    """Watches the runs that pages follow, and takes turns at reading them.

    Args:
        every: Seconds between two looks.
        heartbeat: Seconds of silence after which a sign of life is sent.
        streams: How many streams there may be.
    """

    def __init__(
        self, *, every: float = _EVERY, heartbeat: float = _HEARTBEAT, streams: int = _STREAMS
    ) -> None:
        self._every = every
        self._heartbeat = heartbeat
        self._streams = streams
        self._server = secrets.token_hex(4)
        self._watches: dict[int, _Watch] = {}
        self._turns: dict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._given: dict[tuple[int, str], deque[tuple[float, Place]]] = {}
        self._open = 0
        self._closed = False

    async def read(self, run: Run, read: Callable[[], T]) -> T:
        """Read a run in a thread, one at a time."""
        async with self._turns[run.number]:
            return await in_thread(read)

    def given(self, run: Run, **parts: str | int) -> None:
        """Note what of a place a page has got: it will follow the run from there on."""
        place = replace(Place(self._server), **parts)  # type: ignore[arg-type]
        key = (run.number, next(iter(parts)))
        self._given.setdefault(key, deque(maxlen=_STREAMS)).append((time.monotonic(), place))

    @property
    def watched(self) -> int:
        """How many runs are watched."""
        return len(self._watches)

    def follow(self, run: Run, place: Place | None) -> AsyncIterator[bytes]:
        """A stream of events.

        Args:
            run: What to follow.
            place: Where the page has come to; None if it begins.

        Raises:
            TooManyStreams: if there are too many.
        """
        if self._closed or self._open >= self._streams:
            raise TooManyStreams(
                f"{self._open} pages are followed already; close some, then reload this one"
            )
        return self._follow(run, place or self._begin(run))

    def stop(self) -> None:
        """End all streams, and the watching with them."""
        self._closed = True
        for watch in list(self._watches.values()):
            watch.stop()

    async def _follow(self, run: Run, place: Place) -> AsyncIterator[bytes]:
        self._open += 1
        queue: asyncio.Queue[bytes | None] = asyncio.Queue(_WAITING + 1)
        try:
            yield _RETRY
            watch = self._watches.get(run.number)
            if watch is None:
                follower = Follower(run, self._server)
                watch = _Watch(follower, self._turns[run.number], self._every)
                self._watches[run.number] = watch
            try:
                yield await watch.join(queue, place)
                while (message := await self._next(queue)) is not None:
                    yield message
            finally:
                if watch.leave(queue):
                    del self._watches[run.number]
        finally:
            self._open -= 1

    async def _next(self, queue: asyncio.Queue[bytes | None]) -> bytes | None:
        if self._closed:
            return None
        try:
            return await asyncio.wait_for(queue.get(), self._heartbeat)
        except asyncio.TimeoutError:
            return b": still here\n\n"

    def _begin(self, run: Run) -> Place:
        """The least that a page can have got which is about to follow the run."""
        place = Place(self._server)
        since = time.monotonic() - _FRESH
        for part in ("graph", "log", "trials"):
            recent = self._given.get((run.number, part), ())
            known = next((given for when, given in recent if when > since), None)
            if known is not None:
                place = replace(place, **{part: getattr(known, part)})
                place = replace(place, written=known.written) if part == "log" else place
        return place


class _Watch:
    """Looks at a run while somebody follows it."""

    def __init__(self, follower: Follower, turn: asyncio.Lock, every: float) -> None:
        self._follower = follower
        self._turn = turn
        self._every = every
        self._queues: set[asyncio.Queue[bytes | None]] = set()
        self._joining = 0
        self._looks = 0
        self._task: asyncio.Task[None] | None = None

    async def join(self, queue: asyncio.Queue[bytes | None], place: Place) -> bytes:
        """What has changed since a place; what changes from now on comes through the queue."""
        self._joining += 1
        try:
            async with self._turn:
                await self._look(trials=True)
                events = await in_thread(lambda: self._follower.catch_up(place))
                message = as_message(events, self._follower.place)
                self._queues.add(queue)
        finally:
            self._joining -= 1
        if self._task is None:
            self._task = asyncio.create_task(self._watch())
        return message

    def leave(self, queue: asyncio.Queue[bytes | None]) -> bool:
        """Whether this was the last one."""
        self._queues.discard(queue)
        if self._queues or self._joining:
            return False
        if self._task is not None:
            self._task.cancel()
        return True

    def stop(self) -> None:
        for queue in self._queues:
            _end(queue)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._every)
            async with self._turn:
                await self._look(trials=self._looks % _TRIALS_EVERY == 0)

    async def _look(self, *, trials: bool) -> None:
        self._looks += 1
        events = await in_thread(lambda: self._follower.look(trials=trials))
        if not events:
            return
        message = as_message(events, self._follower.place)
        for queue in self._queues:
            if queue.qsize() < _WAITING:
                queue.put_nowait(message)
            else:  # it connects again, and catches up with all at once
                _end(queue)


def as_message(events: Sequence[Event], place: Place) -> bytes:
    """The events as a stream has them; only who got the last one has come to the place."""
    lines = [f"event: {name}\ndata: {json_bytes(data).decode()}\n" for name, data in events[:-1]]
    name, data = events[-1] if events else ("here", {})
    lines.append(f"id: {place}\nevent: {name}\ndata: {json_bytes(data).decode()}\n")
    return "".join(f"{line}\n" for line in lines).encode()


def _end(queue: asyncio.Queue[bytes | None]) -> None:
    while queue.qsize() > _WAITING - 1:
        queue.get_nowait()
    with suppress(asyncio.QueueFull):
        queue.put_nowait(None)

"""Work on events that the loop does not wait for."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable

from .events import ExperimentEvent

_logger = logging.getLogger(__name__)


class Background:
    """Hands events to a function, in order, in a thread of its own.

    Args:
        handle: What takes an event; it never raises.
        label: Names it in messages.
        capacity: How many events may wait; then the oldest are dropped, which is logged.
    """

    def __init__(
        self, handle: Callable[[ExperimentEvent], None], *, label: str, capacity: int
    ) -> None:
        self._handle, self._label = handle, label
        self._waiting: deque[ExperimentEvent] = deque(maxlen=capacity)
        self._changed = threading.Condition()
        self._closing = False
        self._dropped = 0
        self._thread = threading.Thread(target=self._work, name=label, daemon=True)
        self._thread.start()

    def put(self, event: ExperimentEvent) -> None:
        """Let it be handled; returns at once."""
        with self._changed:
            if len(self._waiting) == self._waiting.maxlen:
                self._note_drop()
            self._waiting.append(event)
            self._changed.notify()

    def close(self, patience: float) -> bool:
        """Wait so many seconds for what is left; whether all of it was handled."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(patience)
        if self._thread.is_alive():
            _logger.warning("%s is not waited for any longer.", self._label)
        if self._dropped:
            _logger.warning("%s was not told of %d events.", self._label, self._dropped)
        return not self._thread.is_alive()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing)
                if not self._waiting:
                    return
                event = self._waiting.popleft()
            self._handle(event)

    def _note_drop(self) -> None:
        if self._dropped == 0:
            _logger.warning("%s is slower than the experiment: events are dropped.", self._label)
        self._dropped += 1

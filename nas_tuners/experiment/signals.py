"""Ctrl-C and its relatives, as a request to end in order."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopSignals:
    """While the context lasts, Ctrl-C, SIGTERM and SIGHUP ask to end; asked twice, they insist.

    Before :meth:`heed` is called they raise ``KeyboardInterrupt`` at once: nothing runs yet that
    would have to be ended in order.

    Args:
        notice: What to tell the user on standard error when asked to end.
    """

    def __init__(self, notice: str = "") -> None:
        self.requested = False
        self._notice = notice
        self._wake: Callable[[], None] | None = None
        self._previous: dict[signal.Signals, Any] = {}

    def heed(self, wake: Callable[[], None]) -> None:
        """From now on the first signal sets ``requested`` and calls ``wake``."""
        self._wake = wake

    def __enter__(self) -> StopSignals:
        for number in _SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup and `&` set it
                self._previous[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        if self._wake is None or self.requested:
            self.requested = True  # the exception is lost if Python is in a callback of its own
            raise KeyboardInterrupt
        self.requested = True
        with suppress(OSError):
            os.write(2, self._notice.encode())  # print is not safe in a signal handler
        self._wake()

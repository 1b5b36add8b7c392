"""Ctrl-C and its relatives, as a request to end in order."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Any

STOPPING = "\nStopping the running trials; Ctrl-C once more kills them at once.\n"
"""What the user is told when a run is asked to end."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopSignals:
    """While the context lasts, Ctrl-C, SIGTERM and SIGHUP ask to end; asked twice, they insist.

    Before :meth:`heed` is called they raise ``KeyboardInterrupt`` at once: nothing runs yet that
    would have to be ended in order.

    Signals reach Python's main thread; elsewhere the context does nothing.

    Args:
        notice: What to tell the user on standard error when asked to end.
    """

    def __init__(self, notice: str = "") -> None:
        self.requested = False
        self._notice = notice
        self._wake: Callable[[], None] | None = None
        self._previous: dict[signal.Signals, Any] = {}
        self._was_dropped = False
        self._unraisable: Callable[[sys.UnraisableHookArgs], object] | None = None

    def heed(self, wake: Callable[[], None]) -> None:
        """From now on the first signal sets ``requested`` and calls ``wake``."""
        self._wake = wake

    def __enter__(self) -> StopSignals:
        if threading.current_thread() is not threading.main_thread():
            return self
        for number in _SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup and `&` set it
                self._previous[number] = signal.signal(number, self._handle)
        self._unraisable = sys.unraisablehook
        sys.unraisablehook = self._pass_on_others
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        if self._unraisable is not None:
            sys.unraisablehook = self._unraisable
        if self._was_dropped and self._wake is None and _type is None:
            raise KeyboardInterrupt

    def _pass_on_others(self, unraisable: sys.UnraisableHookArgs) -> None:
        """Print what Python may not raise, but for a stop that came in a callback of its own.

        ``requested`` keeps such a stop, and a search ends as soon as it looks there; what never
        looks there ends with the context.
        """
        if self.requested and isinstance(unraisable.exc_value, KeyboardInterrupt):
            self._was_dropped = True
        elif self._unraisable is not None:
            self._unraisable(unraisable)

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        if self._wake is None or self.requested:
            self.requested = True  # the exception is lost in a finalizer or a weak reference's
            raise KeyboardInterrupt
        self.requested = True
        with suppress(OSError):
            os.write(2, self._notice.encode())  # print is not safe in a signal handler
        self._wake()

"""Waiting for a storage that does not answer, as while a database server starts again."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from ..durations import format_duration

T = TypeVar("T")

_logger = logging.getLogger(__name__)

_FIRST_PAUSE = 0.1  # seconds between two attempts
_LONGEST_PAUSE = 1.0


class Waiter:
    """Makes attempts at one storage until it answers, and says once that it does not.

    Args:
        name: The storage, as it may be shown.
        patience: Seconds to wait for it.
        give_up: Asked between two attempts; once true, the patience is at its end.
        on_wait: Called with the reason when the waiting begins.
        on_answer: Called with the seconds it took when the storage answers again.
    """

    def __init__(
        self,
        name: str,
        *,
        patience: float = 0.0,
        give_up: Callable[[], bool] = lambda: False,
        on_wait: Callable[[str], None] = lambda reason: None,
        on_answer: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        self._name = name
        self._patience = patience
        self._give_up = give_up
        self._on_wait, self._on_answer = on_wait, on_answer
        self._silent_since: float | None = None

    @property
    def given_up(self) -> bool:
        """Whether whoever waits was told to stop."""
        return self._give_up()

    def attempt(self, call: Callable[[], T], *, passes: Callable[[Exception], bool]) -> T:
        """What the call returns, once it does.

        Attempts may stand within each other: one that runs a query, another that connects.

        Args:
            call: May be run more than once.
            passes: Whether an error may be gone at the next attempt; others are raised.

        Raises:
            ConnectionError: when the patience is at its end.
        """
        first_failure: float | None = None
        for pause in _pauses():
            try:
                result = call()
            except Exception as error:
                if not passes(error):
                    raise
                first_failure = first_failure or time.monotonic()
                self._note_silence(error, first_failure)
            else:
                self._note_answer()
                return result
            time.sleep(pause)
        raise AssertionError("there are pauses without end")

    def _note_silence(self, error: Exception, since: float) -> None:
        now, reason = time.monotonic(), reason_of(error)
        waited = now - min(since, self._silent_since or now)
        if waited >= self._patience or self.given_up:
            message = f"the storage {self._name} does not answer: {reason}"
            raise ConnectionError(message) from None  # all that the driver said
        if self._silent_since is None:
            self._silent_since = now
            limit = format_duration(self._patience)
            _logger.warning(
                "The storage %s does not answer (%s); waiting up to %s.", self._name, reason, limit
            )
            self._on_wait(reason)

    def _note_answer(self) -> None:
        if self._silent_since is None:
            return
        seconds = time.monotonic() - self._silent_since
        self._silent_since = None
        _logger.warning(
            "The storage %s answers again after %s.", self._name, format_duration(seconds)
        )
        self._on_answer(seconds)


def reason_of(error: BaseException) -> str:
    """What the driver of a database said, in one line.

    The errors around it hold the statement and its parameters, which help nobody here.
    """
    said = [said for link in _chain(error) if (said := _said_by_server(link))]
    lines = str(said[0] if said else error).strip().splitlines()
    return " ".join(lines[0].split()) if lines else type(error).__name__


def is_lost_connection(error: BaseException) -> bool:
    """Whether an operation failed because its connection broke, wherever in the chain that is."""
    return any(_breaks(link) for link in _chain(error))


def _said_by_server(error: BaseException) -> object:
    details = getattr(error, "details", None)  # of gRPC
    return details() if callable(details) else getattr(error, "orig", None)  # of SQLAlchemy


def _breaks(error: BaseException) -> bool:
    if getattr(error, "connection_invalidated", False):  # SQLAlchemy
        return True
    code = getattr(error, "code", None)  # of gRPC; SQLAlchemy has a text of this name
    return callable(code) and getattr(code(), "name", "") == "UNAVAILABLE"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what led to it."""
    link: BaseException | None = error
    while link is not None:
        yield link
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)


def _pauses() -> Iterator[float]:
    pause = _FIRST_PAUSE
    while True:
        yield pause
        pause = min(2 * pause, _LONGEST_PAUSE)

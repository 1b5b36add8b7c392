"""What the loop asks of whatever runs trials, and what it hears back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, Union

from nas_tuners.contract.trial_io import Assignment, Metric


@dataclass(frozen=True)
class Reported:
    """A trial reported a result."""

    number: int
    metric: Metric


@dataclass(frozen=True)
class ReportedUnusable:
    """A trial wrote a record that is not a result."""

    number: int
    problem: str


@dataclass(frozen=True)
class Exited:
    """A trial's process has ended; all its reports came before.

    Attributes:
        number: The trial's.
        exit_code: The code, or None if a signal ended it.
        signal: The signal that ended it, or None.
        timed_out: Whether the launcher ended it because its time was over.
        last_words: The end of its standard error.
        lost: Whether what ran it is gone (a node, a worker process): that says nothing about the
            trial, which is worth another attempt.
    """

    number: int
    exit_code: int | None
    signal: int | None = None
    timed_out: bool = False
    last_words: str = ""
    lost: bool = False


Event = Union[Reported, ReportedUnusable, Exited]


class Launcher(Protocol):
    """Runs trials somewhere. Every started trial gives exactly one :class:`Exited` in the end."""

    def has_room(self) -> bool:
        """Whether another trial can start now.

        Raises:
            ExperimentError: if none could for too long.
        """

    def waits_for(self) -> str:
        """What keeps trials from starting, if that is not to be expected; empty if nothing does.

        The words stay the same as long as the reason does.
        """

    def start(self, assignment: Assignment, *, timeout: float | None) -> None:
        """Begin a trial; ``timeout`` in seconds."""

    def events(self, timeout: float) -> list[Event]:
        """What happened since the last call; waits so many seconds for the first event."""

    def stop(self, numbers: Iterable[int], *, grace: float) -> None:
        """Ask trials to end, and end them by force after so many seconds. Does not wait.

        Those that have ended already are passed over.
        """

    def wake(self) -> None:
        """Let :meth:`events` return at once; safe to call from a signal handler."""

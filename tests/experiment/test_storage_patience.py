from __future__ import annotations

import pytest

from nas_tuners.experiment.storages.patience import Waiter, is_lost_connection, reason_of


class _Flaky:
    """Fails some times, then answers."""

    def __init__(self, failures: int, error: Exception | None = None) -> None:
        self._left = failures
        self._error = error or ConnectionError("gone")

    def __call__(self) -> str:
        if self._left:
            self._left -= 1
            raise self._error
        return "answer"


def _always(_: Exception) -> bool:
    return True


def test_waiting_is_announced_once(caplog: pytest.LogCaptureFixture) -> None:
    told: list[object] = []
    waiter = Waiter("db", patience=600, on_wait=told.append, on_answer=told.append)
    assert waiter.attempt(_Flaky(3), passes=_always) == "answer"
    assert [record.message for record in caplog.records] == [
        "The storage db does not answer (gone); waiting up to 10m.",
        f"The storage db answers again after {caplog.messages[1].split()[-1]}",
    ]
    assert told[0] == "gone"
    assert isinstance(told[1], float)


def test_an_answer_at_once_is_not_announced(caplog: pytest.LogCaptureFixture) -> None:
    assert Waiter("db", patience=600).attempt(_Flaky(0), passes=_always) == "answer"
    assert not caplog.records


def test_attempts_within_attempts_are_one_waiting(caplog: pytest.LogCaptureFixture) -> None:
    waiter = Waiter("db", patience=600)
    query, connection = _Flaky(1), _Flaky(2)

    def operation() -> str:
        query()
        return waiter.attempt(connection, passes=_always)

    assert waiter.attempt(operation, passes=_always) == "answer"
    assert len(caplog.records) == 2


def test_the_patience_ends() -> None:
    with pytest.raises(ConnectionError, match="gone"):
        Waiter("db", patience=0.2).attempt(_Flaky(1000), passes=_always)


def test_without_patience_nothing_is_said(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ConnectionError, match="gone"):
        Waiter("db").attempt(_Flaky(1), passes=_always)
    assert not caplog.records


def test_giving_up() -> None:
    asked: list[None] = []

    def give_up() -> bool:
        asked.append(None)
        return len(asked) == 3

    with pytest.raises(ConnectionError, match="gone"):
        Waiter("db", patience=600, give_up=give_up).attempt(_Flaky(1000), passes=_always)
    assert len(asked) == 3


def test_other_errors_are_raised_at_once() -> None:
    flaky = _Flaky(1, ValueError("wrong"))
    with pytest.raises(ValueError, match="wrong"):
        Waiter("db", patience=600).attempt(flaky, passes=is_lost_connection)
    assert flaky() == "answer"


def test_the_reason_is_one_line() -> None:
    assert reason_of(OSError("  the  disk\nis full")) == "the disk"
    assert reason_of(TimeoutError()) == "TimeoutError"

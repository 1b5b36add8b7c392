from __future__ import annotations

import threading

import pytest

from nas_tuners.experiment.events.background import Background
from nas_tuners.experiment.events.events import BestChanged, ExperimentEvent


def event(trial: int) -> BestChanged:
    return BestChanged(time=0.0, experiment="e", trial=trial, value=0.0)


class Slow:
    """Handles one event at a time, and the first only when it is let go."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.began = threading.Event()
        self.handled: list[int] = []
        self.threads: set[int] = set()

    def handle(self, event: ExperimentEvent) -> None:
        self.began.set()
        self.go.wait()
        assert isinstance(event, BestChanged)
        self.handled.append(event.trial)
        self.threads.add(threading.get_ident())


def test_events_are_handled_in_order_in_one_other_thread() -> None:
    slow = Slow()
    background = Background(slow.handle, label="It", capacity=10)
    for number in range(5):
        background.put(event(number))
    assert slow.handled == []  # nobody waited
    slow.go.set()
    assert background.close(60.0)
    assert slow.handled == [0, 1, 2, 3, 4]
    assert len(slow.threads) == 1
    assert threading.get_ident() not in slow.threads


def test_the_oldest_are_dropped_when_too_many_wait(caplog: pytest.LogCaptureFixture) -> None:
    slow = Slow()
    background = Background(slow.handle, label="It", capacity=2)
    background.put(event(0))
    assert slow.began.wait(60.0)
    for number in range(1, 6):
        background.put(event(number))
    slow.go.set()
    assert background.close(60.0)
    assert slow.handled == [0, 4, 5]
    assert caplog.messages == [
        "It is slower than the experiment: events are dropped.",
        "It was not told of 3 events.",
    ]


def test_what_hangs_is_not_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    slow = Slow()
    background = Background(slow.handle, label="It", capacity=2)
    background.put(event(0))
    assert not background.close(0.05)
    assert caplog.messages == ["It is not waited for any longer."]
    slow.go.set()
    assert background.close(60.0)


def test_nothing_to_do_ends_at_once() -> None:
    assert Background(Slow().handle, label="It", capacity=1).close(60.0)

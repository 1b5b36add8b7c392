from __future__ import annotations

import signal

import pytest

from nas_tuners.experiment.signals import StopSignals

ALL = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.mark.parametrize("number", ALL)
def test_at_first_it_interrupts(number: signal.Signals) -> None:
    with StopSignals() as signals, pytest.raises(KeyboardInterrupt):
        signal.raise_signal(number)
    assert signals.requested, "and counts even where Python drops the exception"


@pytest.mark.parametrize("number", ALL)
def test_when_heeded_it_asks_and_then_insists(number: signal.Signals) -> None:
    woken = []
    with StopSignals() as signals:
        signals.heed(lambda: woken.append(True))
        signal.raise_signal(number)
        assert signals.requested
        assert woken == [True]
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)


def test_what_was_set_before_is_set_again() -> None:
    before = [signal.getsignal(number) for number in ALL]
    with StopSignals():
        assert [signal.getsignal(number) for number in ALL] != before
    assert [signal.getsignal(number) for number in ALL] == before


def test_what_is_ignored_stays_ignored() -> None:
    """``nohup`` has SIGHUP ignored, and a shell SIGINT of what it runs in the background."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with StopSignals():
            signal.raise_signal(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)

from __future__ import annotations

import signal
import sys
import threading
import weakref
from collections.abc import Callable

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


def test_outside_of_the_main_thread_it_does_nothing() -> None:
    """Signals do not get there; a notebook may run a search so."""
    before = [signal.getsignal(number) for number in ALL]
    seen = []

    def use() -> None:
        with StopSignals():
            seen.extend(signal.getsignal(number) for number in ALL)

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    assert seen == before


def test_a_stop_that_python_cannot_raise_counts_and_prints_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What a callback of a weak reference raises is dropped, and would be printed."""

    def stop(_: object) -> None:
        signal.raise_signal(signal.SIGINT)

    def fail(_: object) -> None:
        raise ValueError("told all the same")

    before = sys.unraisablehook
    sys.unraisablehook = sys.__unraisablehook__  # pytest keeps what its own hears for later
    try:
        with StopSignals() as signals:
            _with_callback(stop)
            assert signals.requested
            assert capsys.readouterr().err == ""
            _with_callback(fail)
            assert "told all the same" in capsys.readouterr().err
            signals.heed(lambda: None)
        assert sys.unraisablehook is sys.__unraisablehook__
        with pytest.raises(KeyboardInterrupt), StopSignals():  # where nobody looks at `requested`
            _with_callback(stop)
    finally:
        sys.unraisablehook = before


def _with_callback(callback: Callable[[object], None]) -> None:
    dies_at_once = type("Thing", (), {})()
    reference = weakref.ref(dies_at_once, callback)
    del dies_at_once
    assert reference() is None

"""Ctrl-C once and twice."""

from __future__ import annotations

import signal
import threading

import pytest

from facesearch.cli.interrupts import cancel_on_interrupt


def test_the_first_ctrl_c_asks_and_the_second_insists():
    told = []
    before = signal.getsignal(signal.SIGINT)
    with cancel_on_interrupt(lambda: told.append("stopping")) as cancelled:
        assert not cancelled()
        signal.raise_signal(signal.SIGINT)
        assert cancelled()
        assert told == ["stopping"]
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert told == ["stopping"]
    assert signal.getsignal(signal.SIGINT) is before


def test_what_was_before_returns_after_an_error():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(ZeroDivisionError), cancel_on_interrupt(lambda: None):
        raise ZeroDivisionError
    assert signal.getsignal(signal.SIGINT) is before


def test_threads_that_get_no_signals_just_go_on():
    seen = []

    def elsewhere() -> None:
        with cancel_on_interrupt(lambda: None) as cancelled:
            seen.append(cancelled())

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert seen == [False]

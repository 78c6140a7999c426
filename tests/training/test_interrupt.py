from __future__ import annotations

import os
import signal
import threading

import pytest

from cnnzoo.training.interrupt import SIGNALS, stop_on_signals


def send(number: int) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_waits_for_the_end_of_the_step(number):
    with stop_on_signals() as request:
        assert request.signal is None
        send(number)
        assert request.signal == number


@pytest.mark.parametrize("second", SIGNALS)
def test_a_second_one_does_not_wait(second):
    with stop_on_signals() as request:
        send(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            send(second)
        assert request.signal == signal.SIGTERM


def test_afterwards_signals_do_what_they_did():
    before = [signal.getsignal(number) for number in SIGNALS]
    with stop_on_signals():
        assert signal.getsignal(signal.SIGINT) is not before[0]
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_in_another_thread_signals_are_left_alone():
    before = signal.getsignal(signal.SIGINT)
    seen = []

    def train() -> None:
        with stop_on_signals() as request:
            assert request.signal is None
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=train)
    thread.start()
    thread.join()
    assert seen == [before]

from __future__ import annotations

import os
import signal
import threading

import pytest

from cnnzoo.training.interrupt import interruption


def press_control_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_control_c_waits_for_the_end_of_the_step():
    finished = []

    def step() -> None:
        with interruption() as stop_if_asked:
            stop_if_asked()
            press_control_c()
            finished.append("the step")
            stop_if_asked()
            finished.append("another")

    with pytest.raises(KeyboardInterrupt):
        step()
    assert finished == ["the step"]


def test_a_second_one_does_not_wait():
    def step() -> None:
        with interruption():
            press_control_c()
            press_control_c()
            raise AssertionError("it waited")

    with pytest.raises(KeyboardInterrupt):
        step()


def test_afterwards_control_c_is_what_it_was():
    before = signal.getsignal(signal.SIGINT)
    with interruption():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_in_another_thread_signals_are_left_alone():
    before = signal.getsignal(signal.SIGINT)
    seen = []

    def train() -> None:
        with interruption() as stop_if_asked:
            stop_if_asked()
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=train)
    thread.start()
    thread.join()
    assert seen == [before]

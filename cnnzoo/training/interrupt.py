"""Ctrl-C and SIGTERM during a training: the step that runs is finished, and what is written."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass(slots=True)
class Asked:
    """The signal that has asked the training to stop; None while nobody has."""

    signal: int | None = None


@contextmanager
def interruption() -> Iterator[Asked]:
    """Gives what tells whether Ctrl-C was pressed, or SIGTERM sent, within.

    An exception raised at once could strike while a file is half written, or be lost in a
    destructor. Whoever asks a second time does not want to wait: that raises KeyboardInterrupt.
    """
    asked = Asked()
    if threading.current_thread() is not threading.main_thread():
        yield asked  # signals reach the main thread only
        return

    def ask(number: int, frame: FrameType | None) -> None:
        if asked.signal is not None:
            raise KeyboardInterrupt
        asked.signal = number

    before = {number: signal.signal(number, ask) for number in SIGNALS}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

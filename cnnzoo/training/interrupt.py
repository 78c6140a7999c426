"""Ctrl-C and SIGTERM during a training: finish the current step, and write a checkpoint."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass(slots=True)
class StopRequest:
    """The signal that requested the stop of the training, or None."""

    signal: int | None = None

    def check(self) -> None:
        """Raise KeyboardInterrupt if a stop was requested."""
        if self.signal is not None:
            raise KeyboardInterrupt


@contextmanager
def stop_on_signals(request: StopRequest | None = None) -> Iterator[StopRequest]:
    """A context in which Ctrl-C and SIGTERM set the signal of a StopRequest, a new one by default.

    An exception raised at once could occur while a file is being written, or be lost in a
    destructor. A second signal raises KeyboardInterrupt, for users who do not want to wait.
    """
    request = request or StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request  # only the main thread receives signals
        return

    def handle(number: int, frame: FrameType | None) -> None:
        if request.signal is not None:
            raise KeyboardInterrupt
        request.signal = number

    before = {number: signal.signal(number, handle) for number in SIGNALS}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

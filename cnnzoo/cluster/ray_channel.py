"""Progress from the workers to the driver, and the request to stop back to them.

A worker sends the calls of its display to an actor, from which the driver takes them. The answer
has the signal of a stop request, if the driver has received one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from cnnzoo.datasets.dataset import Dataset, Examples
from cnnzoo.errors import CnnzooError
from cnnzoo.training.interrupt import StopRequest
from cnnzoo.training.progress import Display, Metrics, Progress

_PERIOD = 0.3  # seconds between two exchanges
_CALLS = ("note", "decode", "data", "start", "step", "validate", "epoch", "stop")

_MERGED = ("decode", "step", "validate")

Call = tuple[str, tuple[Any, ...]]  # a method of a display, and its arguments


class Channel:
    """The state of the actor, which runs in a process of Ray."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.errors: list[tuple[int, CnnzooError]] = []
        self.signal: int | None = None

    def send(self, calls: Sequence[Call]) -> int | None:
        """Add calls of a worker; return the signal of the stop request, or None."""
        self.calls += calls
        return self.signal

    def fail(self, number: int, error: CnnzooError) -> None:
        """Add the error that ended a worker for good."""
        self.errors.append((number, error))

    def take(self) -> tuple[list[Call], list[tuple[int, CnnzooError]]]:
        """Return the calls since the last time, and all errors."""
        calls, self.calls = self.calls, []
        return calls, self.errors

    def stop(self, signal: int) -> None:
        """Request the stop of the training."""
        self.signal = signal


def start_channel(ray: Any) -> Any:
    """Start the actor on the machine of the driver, and return its handle."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    return ray.remote(Channel).options(num_cpus=0, scheduling_strategy=here).remote()


class SentDisplay(Display):
    """Collects the calls of a training, for `sending` to send them."""

    def __init__(self) -> None:
        self._calls: list[Call] = []
        self._lock = threading.Lock()

    def note(self, text: str) -> None:
        """Send a line."""
        self._add("note", text)

    def decode(self, done: int, total: int) -> None:
        """Send the number of decoded images."""
        self._add("decode", done, total)

    def data(self, dataset: Dataset, seconds: float) -> None:
        """Send the description of a data set, without its images."""
        splits = {name: _without_images(each) for name, each in dataset.splits.items()}
        self._add("data", replace(dataset, splits=splits), seconds)

    def start(self, progress: Progress) -> None:
        """Send the position at which the training starts."""
        self._add("start", progress)

    def step(self, epoch: int, step: int, metrics: Metrics) -> None:
        """Send a finished step."""
        self._add("step", epoch, step, dict(metrics))

    def validate(self, step: int, steps: int) -> None:
        """Send a finished validation step."""
        self._add("validate", step, steps)

    def epoch(self, row: Metrics, best: bool = False) -> None:
        """Send a finished epoch."""
        self._add("epoch", dict(row), best)

    def stop(self) -> None:
        """Send the end of the progress."""
        self._add("stop")

    def taken(self) -> list[Call]:
        """Return the calls since the last time."""
        with self._lock:
            calls, self._calls = self._calls, []
        return calls

    def _add(self, name: str, *arguments: Any) -> None:
        with self._lock:
            # Of consecutive steps, only the last one is of interest.
            if name in _MERGED and self._calls and self._calls[-1][0] == name:
                self._calls.pop()
            self._calls.append((name, arguments))


@contextmanager
def sending(
    display: SentDisplay, send: Callable[[list[Call]], int | None], request: StopRequest
) -> Iterator[None]:
    """A context in which a thread exchanges calls for the signal of a stop request."""
    ended = threading.Event()

    def exchange() -> None:
        while True:
            last = ended.wait(_PERIOD)
            signal = send(display.taken())
            if signal is not None and request.signal is None:
                request.signal = signal
            if last:
                return

    thread = threading.Thread(target=exchange, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def show(calls: Sequence[Call], display: Display) -> None:
    """Repeat the calls of a worker on the display of the driver."""
    for name, arguments in calls:
        if name in _CALLS:
            getattr(display, name)(*arguments)


def pause() -> None:
    """Wait until it is worth to look for new calls."""
    time.sleep(_PERIOD)


def _without_images(examples: Examples) -> Examples:
    return Examples(np.empty((len(examples), 0, 0, 0), np.uint8), examples.labels)

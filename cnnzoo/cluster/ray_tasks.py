"""Tasks of Ray that are stopped together, and started again if their process or machine is lost."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from typing import Any

from cnnzoo.errors import CnnzooError, Interrupted, TrainingError
from cnnzoo.models.objects import first_line

RESTARTS = 3  # of one worker, without the end of a trial between them
_PERIOD = 0.5  # seconds of one wait
_GRACE = 20  # seconds that the other workers have to end after one has ended


class Tasks:
    """The workers that run: their references, the losses of each, and the first error.

    `start` starts the worker of a number and returns its reference; `request_stop` sends a signal
    to all workers.
    """

    def __init__(
        self,
        ray: Any,
        start: Callable[[int], Any],
        request_stop: Callable[[int], object],
        count: int,
    ) -> None:
        self._ray = ray
        self._start = start
        self._request_stop = request_stop
        self._losses = [0] * count
        self._stopped = False
        self._deadline: float | None = None
        self.error: CnnzooError | None = None
        self.running = {start(number): number for number in range(count)}

    def stop(self, number: int) -> None:
        """Stop all workers after their current step, by the number of a signal."""
        if not self._stopped:
            self._stopped = True
            self._request_stop(number)

    def are_running(self) -> bool:
        """Return whether to wait for workers; not for long once one has ended."""
        return bool(self.running) and (self._deadline is None or time.monotonic() < self._deadline)

    def trial_ended(self) -> None:
        """Count losses from 0 again: the sweep makes progress."""
        self._losses = [0] * len(self._losses)

    def wait(self) -> list[str]:
        """Wait for a moment, handle the workers that ended, and return lines about them."""
        ended, _ = self._ray.wait(list(self.running), timeout=_PERIOD)
        return [line for reference in ended if (line := self._end(reference))]

    def _end(self, reference: Any) -> str:
        exceptions = self._ray.exceptions
        number = self.running.pop(reference)
        error: CnnzooError | None = None
        try:
            error = self._ray.get(reference)
        except exceptions.RayTaskError as failure:
            cause = failure.cause if isinstance(failure.cause, Exception) else failure
            text = f"{type(cause).__name__}: {first_line(cause)}"
            error = TrainingError(f"worker {number} failed: {text}")
        except exceptions.RayError as loss:
            return self._lose(number, first_line(loss))
        if isinstance(error, Interrupted):
            return self._lose(number, error.mistakes[0].message)
        if not self._stopped:
            # Without an error all trials have ended, and no other worker is needed.
            self._end_others(error)
        return ""

    def _end_others(self, error: CnnzooError | None) -> None:
        self.error = error
        # A worker that waits for a free CPU would never end.
        self._deadline = time.monotonic() + _GRACE
        self.stop(signal.SIGINT)

    def _lose(self, number: int, reason: str) -> str:
        if self._stopped:
            return ""
        self._losses[number] += 1
        if self._losses[number] > RESTARTS:
            error = TrainingError(
                f"worker {number} was lost {self._losses[number]} times: {reason}",
                hint="see the logs of the workers, whose directory is printed above",
            )
            self._end_others(error)
            return ""
        self.running[self._start(number)] = number
        return f"worker {number} was lost and starts again: {reason}"

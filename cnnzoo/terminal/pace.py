"""The speed of a training and its remaining time."""

from __future__ import annotations

import time
from collections.abc import Callable

from cnnzoo.training.progress import Progress


class Pace:
    """Measures the speed of a training by the clock of the process that displays it."""

    def __init__(self, progress: Progress, clock: Callable[[], float] = time.perf_counter) -> None:
        self.progress = progress
        self.clock = clock
        self.first: tuple[float, float] | None = None  # time and position of the first step
        self.now = clock()
        self.begin_epoch(progress.epoch, progress.step)

    def begin_epoch(self, epoch: int, step: int = 0) -> None:
        """Start an epoch, of which `step` steps are done already."""
        self.epoch, self.step, self.begun_at = epoch, step, step
        self.began = self.stepped = self.clock()

    def take_step(self, epoch: int, step: int) -> None:
        """Record the number of finished steps of an epoch."""
        self.epoch, self.step = epoch, step
        self.stepped = self.clock()
        if self.first is None:
            self.first = (self.stepped, self.done())

    def done(self) -> float:
        """Return the finished epochs with the fraction of the current one."""
        return self.epoch - 1 + self.step / self.progress.steps

    def seconds(self) -> float:
        """Return the seconds of the epoch so far, including validation."""
        return self.clock() - self.began

    def rate(self) -> float | None:
        """Return the images per second of this epoch's training steps; None before the first."""
        seconds = self.stepped - self.began
        images = self.progress.images * (self.step - self.begun_at) / self.progress.steps
        return images / seconds if images > 0 and seconds > 0 else None

    def left(self) -> float | None:
        """Return the seconds until the last epoch ends at the current speed; None before two steps.

        The time until the first step ended is left out: the backend compiles in it.
        """
        if self.first is None or self.done() <= self.first[1]:
            return None
        seconds = (self.clock() - self.first[0]) / (self.done() - self.first[1])
        return max(0.0, self.progress.epochs - self.done()) * seconds

"""How fast a training goes, and how long it will take."""

from __future__ import annotations

import time
from collections.abc import Callable

from cnnzoo.training.progress import Progress


class Pace:
    """Measures a training by the clock of the one who watches it."""

    def __init__(self, progress: Progress, clock: Callable[[], float] = time.perf_counter) -> None:
        self.progress = progress
        self.clock = clock
        self.first: tuple[float, float] | None = None  # when its first step was done, and how far
        self.now = clock()
        self.begin_epoch(progress.epoch, progress.step)

    def begin_epoch(self, epoch: int, step: int = 0) -> None:
        """An epoch begins, so many of its steps already done."""
        self.epoch, self.step, self.begun_at = epoch, step, step
        self.began = self.stepped = self.clock()

    def take_step(self, epoch: int, step: int) -> None:
        """So many steps of an epoch are done."""
        self.epoch, self.step = epoch, step
        self.stepped = self.clock()
        if self.first is None:
            self.first = (self.stepped, self.done())

    def done(self) -> float:
        """How many epochs are done, with the part of the current one."""
        return self.epoch - 1 + self.step / self.progress.steps

    def seconds(self) -> float:
        """How long the epoch has lasted, its validation included."""
        return self.clock() - self.began

    def rate(self) -> float | None:
        """Images a second of this epoch's training steps; None before one was seen."""
        seconds = self.stepped - self.began
        images = self.progress.images * (self.step - self.begun_at) / self.progress.steps
        return images / seconds if images > 0 and seconds > 0 else None

    def left(self) -> float | None:
        """Seconds until the last epoch ends, as fast as so far; None before two steps were seen.

        The time until the first step ended is left out: the backend compiles in it.
        """
        if self.first is None or self.done() <= self.first[1]:
            return None
        seconds = (self.clock() - self.first[0]) / (self.done() - self.first[1])
        return max(0.0, self.progress.epochs - self.done()) * seconds

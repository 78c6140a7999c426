"""Processes of a sweep that ended without a message, such as those that the system killed.

A process that was killed cannot record anything, so the process that takes its trial over counts.
Two deaths count together only if the trial made no progress between them: a sweep that is killed
from time to time goes on. Linux counts the processes that it killed because memory ran out; if that
number grew each time, memory is the probable cause.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cnnzoo.errors import TooLargeError, TrainingError

MOST_OUT_OF_MEMORY = 2  # deaths at one point, after which a trial is too large
MOST = 3  # deaths of unknown cause at one point, after which a trial has failed

_COUNTERS = Path("/proc/vmstat")


@dataclass(frozen=True, slots=True)
class Deaths:
    """The processes that died one after the other at one point of a trial.

    `out_of_memory` of them died while the system killed a process because memory ran out;
    `progress` describes the point.
    """

    count: int = 0
    out_of_memory: int = 0
    progress: str = ""

    def plus(self, progress: str, out_of_memory: bool) -> Deaths:
        """Return the deaths with one more."""
        before = self if self.progress == progress else Deaths()
        return Deaths(before.count + 1, before.out_of_memory + out_of_memory, progress)

    def plain(self) -> dict[str, Any]:
        """Return the values as JSON."""
        return asdict(self)

    def check(self) -> None:
        """Raise TooLargeError or TrainingError if the trial must not be tried again."""
        times = f"its process ended without a message {self.count} times at the same point"
        if MOST_OUT_OF_MEMORY <= self.out_of_memory == self.count:
            raise TooLargeError(
                f"{times}, each time while the system killed a process because memory ran out"
            )
        if self.count >= MOST:
            raise TrainingError(
                f"{times}; the cause is unknown, such as too little memory or a crash"
            )


def kills_for_memory() -> int | None:
    """Return how many processes Linux has killed since its start because memory ran out.

    None if the system does not tell.
    """
    with suppress(OSError, ValueError, IndexError):
        for line in _COUNTERS.read_text().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return None

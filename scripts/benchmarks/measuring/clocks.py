"""The time that a job takes in this process."""

from __future__ import annotations

import time
from collections.abc import Callable


def seconds_of(job: Callable[[], object]) -> tuple[float, float]:
    """Return the wall time of a job, and the CPU time of all threads; in seconds."""
    began, worked = time.perf_counter(), time.process_time()
    job()
    return time.perf_counter() - began, time.process_time() - worked

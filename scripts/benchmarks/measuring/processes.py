"""Run one training in a separate process, and measure its times and its memory."""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

# `ru_maxrss` is in kilobytes, on macOS in bytes.
_MEMORY_UNIT = 1 if sys.platform == "darwin" else 1024


class ProcessError(Exception):
    """A process that failed; the message has its exit code and the end of its output."""


@dataclass(frozen=True, slots=True)
class Timing:
    """The output and the resources of one process.

    Times are in seconds from its start; `epochs` are its events, each with `at`, `seconds` (its
    training steps alone), `images` and `accuracy` (of the validation, None without). `memory` is
    the largest resident memory in bytes, `cpu` the CPU time of all threads.
    """

    wall: float
    first_batch: float
    epochs: tuple[Mapping[str, Any], ...]
    accuracy: float | None
    memory: int
    cpu: float

    @property
    def rate(self) -> float:
        """The images per second in the training steps of the median epoch after the first."""
        later = self.epochs[1:] or self.epochs
        return statistics.median(epoch["images"] / epoch["seconds"] for epoch in later)

    @property
    def whole_rate(self) -> float:
        """The same from end of epoch to end of epoch: with checkpoints, and with validation."""
        times = [epoch["at"] for epoch in self.epochs]
        spans = [after - before for before, after in pairwise(times)]
        return self.epochs[0]["images"] / statistics.median(spans) if spans else self.rate

    def reached(self, accuracy: float) -> Mapping[str, Any] | None:
        """The first epoch with this validation accuracy."""
        return next((epoch for epoch in self.epochs if (epoch["accuracy"] or 0) >= accuracy), None)

    def steps_until(self, accuracy: float) -> float | None:
        """The seconds of training steps until then; None if it was not reached.

        Compilation is not included: every epoch counts as the median of those after the first.
        """
        if (epoch := self.reached(accuracy)) is None:
            return None
        return (self.epochs.index(epoch) + 1) * epoch["images"] / self.rate

    def record(self) -> dict[str, Any]:
        """Return all fields as plain values."""
        return {
            "wall_seconds": self.wall,
            "first_batch_seconds": self.first_batch,
            "images_per_second": self.rate,
            "images_per_second_with_checkpoints": self.whole_rate,
            "test_accuracy": self.accuracy,
            "peak_memory_bytes": self.memory,
            "cpu_seconds": self.cpu,
            "epochs": [dict(epoch) for epoch in self.epochs],
        }


def run_timed(
    command: Sequence[str], environment: Mapping[str, str], seconds: float = math.inf
) -> Timing:
    """Run a command that prints lines of JSON, as those in `peers/` do, for `seconds` at most.

    Raises ProcessError if it fails, or does not report a batch and an epoch.
    """
    with tempfile.TemporaryFile() as errors:
        began = time.time()
        process = subprocess.Popen(
            command, env=dict(environment), stdout=subprocess.PIPE, stderr=errors, text=True
        )
        assert process.stdout
        stop = threading.Timer(min(seconds, threading.TIMEOUT_MAX), process.kill)
        stop.daemon = True
        stop.start()
        with process.stdout:
            lines = process.stdout.readlines()
        # For this process alone, which `resource.getrusage` does not support.
        _, status, used = os.wait4(process.pid, 0)
        wall = time.time() - began
        stop.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        said = errors.read().decode(errors="replace")[-2000:]
    events = [json.loads(line) for line in lines if line.startswith('{"event"')]
    batches = [event for event in events if event["event"] == "batch"]
    epochs = [{**event, "at": event["at"] - began} for event in events if event["event"] == "epoch"]
    tests = [event["accuracy"] for event in events if event["event"] == "test"]
    if process.returncode or not batches or not epochs:
        late = f"it was stopped after {wall:.0f} s\n" if wall > seconds else ""
        raise ProcessError(f"{late}exit code {process.returncode}\n{said}")
    return Timing(
        wall=wall,
        first_batch=batches[0]["at"] - began,
        epochs=tuple(epochs),
        accuracy=tests[-1] if tests else None,
        memory=used.ru_maxrss * _MEMORY_UNIT,
        cpu=used.ru_utime + used.ru_stime,
    )

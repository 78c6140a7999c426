"""Decoding on all cores: processes that fill rows of one array on disk.

Run as a program, this module is such a process. It reads one line, the job, and then a line for
each slice of rows to fill; it answers each with a line that says what could not be read. When its
input ends, for whatever reason, so does it: no process outlives the one that started it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from cnnzoo.datasets.decoding import UnreadableError, decode_file
from cnnzoo.datasets.images import Fit
from cnnzoo.errors import DataError

CHUNK = 256
WORTH_A_PROCESS = 1000  # files: a process starts in the time that decodes about so many small ones

Progress = Callable[[int, int], None]  # how many are done, of how many


def decode_files(
    paths: Sequence[str], out: np.memmap[Any, Any], fit: Fit, on_progress: Progress
) -> dict[int, str]:
    """Fill row i of an array on disk, uint8 [n, height, width, channels], with the i-th file.

    Returns the rows that could not be read, each with the reason; they stay black.
    """
    slices = iter(
        [(start, min(start + CHUNK, len(paths))) for start in range(0, len(paths), CHUNK)]
    )
    lock = threading.Lock()
    failed: dict[int, str] = {}
    done = 0

    def next_slice() -> tuple[int, int] | None:
        with lock:
            return next(slices, None)

    def finished(rows: tuple[int, int], failures: dict[int, str]) -> None:
        nonlocal done
        with lock:
            failed.update(failures)
            done += rows[1] - rows[0]
            on_progress(done, len(paths))

    helpers = min(_cores() - 1, len(paths) // WORTH_A_PROCESS)
    workers = [_Worker(paths, out, fit) for _ in range(helpers)]
    threads = [
        threading.Thread(target=worker.work, args=(next_slice, finished)) for worker in workers
    ]
    try:
        for thread in threads:
            thread.start()
        while rows := next_slice():  # this process is a worker too
            finished(rows, _fill(paths, out, fit, *rows))
        for thread in threads:
            thread.join()
    finally:
        for worker in workers:
            worker.stop()
    if any(worker.broken for worker in workers):
        raise DataError("a decoding process ended before its time", hint="is memory short?")
    return failed


class _Worker:
    """One decoding process, and whether it broke."""

    def __init__(self, paths: Sequence[str], out: np.memmap[Any, Any], fit: Fit) -> None:
        self.broken = False
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cnnzoo.datasets.workers"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        self.job = {
            "paths": list(paths),
            "output": str(out.filename),
            "fit": asdict(fit),
        }

    def work(
        self,
        next_slice: Callable[[], tuple[int, int] | None],
        finished: Callable[[tuple[int, int], dict[int, str]], None],
    ) -> None:
        """Give the process a slice after another, until none is left or it has gone."""
        assert self.process.stdin
        assert self.process.stdout
        try:
            _say(self.process.stdin, self.job)
            while rows := next_slice():
                _say(self.process.stdin, rows)
                answer = self.process.stdout.readline()
                if not answer:
                    raise EOFError
                finished(rows, {int(row): reason for row, reason in json.loads(answer).items()})
        except (OSError, EOFError, ValueError):
            self.broken = True

    def stop(self) -> None:
        """End the process by ending its input."""
        assert self.process.stdin
        assert self.process.stdout
        with suppress(OSError):
            self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


def _fill(
    paths: Sequence[str], out: np.memmap[Any, Any], fit: Fit, start: int, stop: int
) -> dict[int, str]:
    failed = {}
    for row in range(start, stop):
        try:
            out[row] = decode_file(paths[row], fit)
        except UnreadableError as error:
            failed[row] = str(error)
    return failed


def _say(stream: Any, value: Any) -> None:
    stream.write(json.dumps(value) + "\n")
    stream.flush()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _main(lines: Iterator[str]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started this process decides
    job = json.loads(next(lines))
    fit = Fit(**job["fit"] | {"shape": tuple(job["fit"]["shape"])})
    out = np.load(Path(job["output"]), mmap_mode="r+")
    for line in lines:
        _say(sys.stdout, _fill(job["paths"], out, fit, *json.loads(line)))


if __name__ == "__main__":
    _main(sys.stdin)

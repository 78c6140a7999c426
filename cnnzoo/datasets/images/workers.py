"""Decoding on all cores: threads, and processes where much is to do, fill one array on disk.

The decoders run outside Python's lock, so threads serve at once. What Python does between two
pictures they do one after another; where the work is long, each hands it to a process of its own.

Such a process runs `main`. It reads a line for each slice of rows to fill and answers with a line
that says what could not be read. It ends when its input does or the process that started it has
gone, so none outlives that.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnzoo.datasets.images.decode import UnreadableError, decode, no_warnings, read_file
from cnnzoo.datasets.images.fit import Fit
from cnnzoo.errors import DataError

MAX_WORKERS = 16
SLICE = 8, 256  # files, at least and at most
SLICE_SECONDS = 0.05  # what a slice should take: progress is told that often, and all end together

# Seconds: after so many it is seen how much is left, and a process pays where that is so much.
LONG = 0.02, 0.3

Progress = Callable[[int, int], None]  # how many are done, of how many


def decode_files(
    paths: Sequence[str], out: np.memmap[Any, Any], fit: Fit, on_progress: Progress
) -> dict[int, str]:
    """Fill row i of an array on disk, uint8 [n, height, width, channels], with the i-th file.

    Returns the rows that could not be read, each with the reason; they stay black. `on_progress` is
    called from the calling thread. Raises DataError where a process is killed from outside.
    """
    helpers = min(_cores(), MAX_WORKERS, 1 + len(paths) // SLICE[0]) - 1
    work = _Work(len(paths), helpers + 1)
    pixels = np.asarray(out)
    with no_warnings(), ThreadPoolExecutor(max(1, helpers)) as threads:
        try:
            started = [
                threads.submit(_help, work, paths, pixels, str(out.filename), fit)
                for _ in range(helpers)
            ]
            while rows := work.take():  # this thread is a worker too
                work.finish(rows, _fill(paths[rows.start : rows.stop], pixels, fit, rows))
                if (done := work.done) < work.count:  # the end is told once, below
                    on_progress(done, work.count)
            for helper in started:
                helper.result()
        finally:
            work.abandon()
    on_progress(work.done, work.count)
    return work.failed


class _Work:
    """The rows that are left to fill, taken slice by slice, and what became of the others."""

    def __init__(self, count: int, workers: int) -> None:
        self.count = count
        self.workers = workers
        self.next = self.done = 0
        self.failed: dict[int, str] = {}
        self.processes: list[subprocess.Popen[str]] = []
        self.abandoned = False
        self.started = time.monotonic()
        self.lock = threading.Lock()

    def take(self) -> range | None:
        """The next rows to fill; None where none is left."""
        with self.lock:
            left = self.count - self.next
            pace = self.done / (time.monotonic() - self.started + 1e-9) / self.workers
            wanted = min(SLICE[1], int(pace * SLICE_SECONDS), left // (4 * self.workers))
            size = min(left, max(SLICE[0], wanted))
            self.next += size
            return range(self.next - size, self.next) if size else None

    def finish(self, rows: range, failed: dict[int, str]) -> None:
        """Note that these rows are done, and which of them could not be read."""
        with self.lock:
            self.failed.update(failed)
            self.done += len(rows)

    def is_long(self) -> bool:
        """Whether so much is left that a process pays."""
        elapsed = time.monotonic() - self.started
        return elapsed >= LONG[0] and elapsed * (self.count - self.next) >= LONG[1] * self.next

    def abandon(self) -> None:
        """Leave what is left, and let nobody wait for an answer."""
        with self.lock:
            self.next = self.count
            self.abandoned = True
            for process in self.processes:
                process.kill()


def _help(
    work: _Work, paths: Sequence[str], pixels: NDArray[np.uint8], output: str, fit: Fit
) -> None:
    """Fill slices in this thread; in a process of its own from when the work proves long."""
    process, may_start = None, True
    try:
        while rows := work.take():
            if may_start and work.is_long():
                process, may_start = _start(work, output, fit), False
            some = paths[rows.start : rows.stop]
            work.finish(
                rows, _ask(process, some, rows) if process else _fill(some, pixels, fit, rows)
            )
    except EOFError as error:
        if not work.abandoned:
            work.abandon()
            raise DataError(
                str(error), hint="is memory short? Else one of these files breaks its decoder"
            ) from None
    finally:
        if process:
            _end(process)


def _start(work: _Work, output: str, fit: Fit) -> subprocess.Popen[str] | None:
    """A process that is ready to decode; None where the system gives none."""
    if not sys.executable or getattr(sys, "frozen", False):
        return None
    # It imports from where this process does, and from nowhere else: not from the working directory
    # because it happens to hold a `json.py`, nor through a `.pth` file.
    search = [str(Path(entry).absolute()) for entry in sys.path] + [str(Path(__file__).parents[2])]
    try:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _PROGRAM, *search],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},  # it needs none of these threads
            process_group=0,  # Ctrl-C is for the one who asked
        )
    except OSError:
        return None
    with work.lock:
        work.processes.append(process)
    try:
        _say(process.stdin, [output, asdict(fit)])
        _hear(process)
    except EOFError:
        _end(process)
        return None
    return process


_PROGRAM = (
    "import sys; sys.path[:] = sys.argv[1:]; "
    "from cnnzoo.datasets.images.workers import main; main()"
)


def _ask(process: subprocess.Popen[str], paths: Sequence[str], rows: range) -> dict[int, str]:
    try:
        _say(process.stdin, [rows.start, paths])
        return {int(row): reason for row, reason in _hear(process).items()}
    except EOFError:
        raise EOFError(
            f"a process that decoded {paths[0]} to {paths[-1]} was ended{_by(process.wait())}"
        ) from None


def _by(code: int) -> str:
    return f" by {signal.Signals(-code).name}" if code < 0 else f" with exit code {code}"


def _say(stream: Any, message: Any) -> None:
    try:
        stream.write(json.dumps(message) + "\n")
        stream.flush()
    except OSError:
        raise EOFError from None


def _hear(process: subprocess.Popen[str]) -> Any:
    assert process.stdout
    line = process.stdout.readline()
    if not line.endswith("\n"):
        raise EOFError
    return json.loads(line)


def _end(process: subprocess.Popen[str]) -> None:
    """End a process at once; what it wrote into the array is there."""
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        with suppress(OSError):
            assert stream
            stream.close()


def _fill(paths: Iterable[str], pixels: NDArray[np.uint8], fit: Fit, rows: range) -> dict[int, str]:
    failed = {}
    for row, path in zip(rows, paths, strict=True):
        try:
            pixels[row] = decode(read_file(path), fit)
        except UnreadableError as error:
            failed[row] = str(error)
    return failed


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def main() -> None:
    """What a decoding process does: fill the slices that its input asks for."""
    parent = os.getppid()
    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)  # whatever a decoder prints is no answer
    output, values = json.loads(next(sys.stdin))
    fit = Fit.from_json(values)
    pixels = np.load(output, mmap_mode="r+")
    _say(answers, "ready")
    with no_warnings():
        for line in sys.stdin:
            start, paths = json.loads(line)
            rows = range(start, start + len(paths))
            _say(answers, _fill(_while_alive(parent, paths), pixels, fit, rows))


def _while_alive(parent: int, paths: Iterable[str]) -> Iterator[str]:
    for path in paths:
        if os.getppid() != parent:
            os._exit(1)  # nobody is left to hear
        yield path

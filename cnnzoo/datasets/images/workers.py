"""Decode files in threads, into one array on disk.

The decoders release Python's lock. Child processes instead of threads were measured and are not
faster: see scripts/benchmarks/decoding.py.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from cnnzoo.datasets.images.decode import UnreadableError, decode, no_warnings, read_file
from cnnzoo.datasets.images.fit import Fit
from cnnzoo.datasets.images.limits import MAX_FILE_BYTES
from cnnzoo.datasets.mapped import BLOCK_BYTES, release
from cnnzoo.regular_files import read_regular

MAX_WORKERS = 16
MAX_SLICE = 64  # files that a thread decodes before it reports progress
SLICES_PER_WORKER = 64  # enough for all threads to end at about the same time
# Threads pass Python's lock to each other several times per file, which takes longer than to decode
# a small one: two threads are faster from about 4 kB a file on (`scripts/benchmark threads`). All
# of them are useful if they wait for the storage.
BYTES_PER_WORKER = 2048
_SAMPLE = 100  # files from which the number of threads is chosen

Progress = Callable[[int, int], None]  # the number of decoded images, and of all images


def decode_files(
    paths: Sequence[str], out: np.memmap[Any, Any], fit: Fit, on_progress: Progress
) -> dict[int, str]:
    """Decode the i-th file into row i of an array on disk, uint8 [n, height, width, channels].

    Returns the rows that could not be read, each with the reason; they stay black. `on_progress` is
    called in the calling thread.
    """
    pixels = np.asarray(out)
    stopped = threading.Event()

    def decode_slice(rows: range) -> dict[int, str]:
        failed = {}
        for row in rows:
            if stopped.is_set():
                break
            try:
                pixels[row] = decode(read_file(paths[row]), fit)
            except UnreadableError as error:
                failed[row] = str(error)
        return failed

    workers = _useful_workers(paths)
    failed: dict[int, str] = {}
    released = 0
    slices = _slices(len(paths), workers)
    with no_warnings(), ThreadPoolExecutor(workers) as threads:
        try:
            for rows, reasons in zip(slices, threads.map(decode_slice, slices), strict=True):
                failed |= reasons
                on_progress(rows.stop, len(paths))
                if pixels[released : rows.stop].nbytes >= BLOCK_BYTES:
                    release(pixels)
                    released = rows.stop
        finally:
            stopped.set()
            threads.shutdown(cancel_futures=True)
    return failed


def available_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _useful_workers(paths: Sequence[str]) -> int:
    """Return the number of threads for files of their mean size."""
    most = min(available_cores(), MAX_WORKERS)
    sample = paths[:: len(paths) // _SAMPLE + 1]
    sizes = []
    for path in sample:
        with suppress(OSError, ValueError):  # reported when it is decoded
            sizes.append(Path(path).stat().st_size)
    enough = max(1, sum(sizes) // max(1, len(sizes)) // BYTES_PER_WORKER)
    return enough if enough < most and not _wait_for_storage(sample) else most


def _wait_for_storage(paths: Sequence[str]) -> bool:
    """Return whether reading some small files is mostly waiting, as on a network's disk."""
    began, cpu = time.perf_counter(), time.thread_time()
    for path in paths:
        with suppress(OSError, ValueError):
            read_regular(path, MAX_FILE_BYTES)
    return time.perf_counter() - began > 2 * (time.thread_time() - cpu)


def _slices(count: int, workers: int) -> list[range]:
    size = max(1, min(MAX_SLICE, count // (workers * SLICES_PER_WORKER)))
    return [range(start, min(start + size, count)) for start in range(0, count, size)]

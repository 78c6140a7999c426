"""Compare one thread and two threads that decode JPEG files, by the size of the files.

Both alternately decode the same files, from the page cache. Threads pass Python's lock to each
other several times per file; `cnnzoo.datasets.images.workers.BYTES_PER_WORKER` is from this table.
If other programs use the cores, CPU time is more reliable than wall time.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

import numpy as np
from measuring.clocks import seconds_of
from PIL import Image

from cnnzoo.datasets.images import workers
from cnnzoo.datasets.images.fit import Fit

SIDES = (28, 48, 100, 160, 220, 320)
FIT = Fit((48, 48, 3))
THREADS = (1, 2)
HEAD = """\
| pixels | bytes a file | 1 thread, µs a file | CPU | 2 threads, µs a file | CPU | 1 thread to 2 |
| --- | ---: | ---: | ---: | ---: | ---: | ---: |"""


def main() -> None:
    """Print a row for each size."""
    parser = argparse.ArgumentParser(description="Compare one thread with two.")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of both (default: 5)")
    parser.add_argument("--files", type=int, default=4000, help="of each size (default: 4000)")
    chosen = parser.parse_args()
    workers.BYTES_PER_WORKER = 1
    print(HEAD)
    for side in SIDES:
        with tempfile.TemporaryDirectory() as folder:
            paths = write(Path(folder), side, chosen.files)
            print(row(paths, side, chosen.rounds), flush=True)


def write(folder: Path, side: int, count: int) -> list[str]:
    """Write different colour pictures without much noise; return their paths."""
    rng = np.random.default_rng(0)
    paths = [str(folder / f"{number}.jpg") for number in range(count)]
    for path in paths:
        coarse = Image.fromarray(rng.integers(0, 256, (side // 4, side // 4, 3), np.uint8))
        coarse.resize((side, side), Image.Resampling.BICUBIC).save(path)
    return paths


def row(paths: list[str], side: int, rounds: int) -> str:
    """Return the row of some files: medians, and the ratio of the wall times."""
    found: dict[int, list[tuple[float, float]]] = {threads: [] for threads in THREADS}
    for turn in range(rounds + 1):  # the first round fills the page cache
        for threads in THREADS[:: -1 if turn % 2 else 1]:
            times = decoding(paths, threads)
            found[threads] += [times] if turn else []
    medians = [
        [1e6 * statistics.median(times) / len(paths) for times in zip(*found[threads], strict=True)]
        for threads in THREADS
    ]
    (wall, cpu), (walls, cpus) = medians
    size = sum(Path(path).stat().st_size for path in paths) / len(paths)
    cells = [f"{side}x{side}", f"{size:,.0f}", f"{wall:.0f}", f"{cpu:.0f}"]
    return f"| {' | '.join([*cells, f'{walls:.0f}', f'{cpus:.0f}', f'{wall / walls:.2f}'])} |"


def decoding(paths: list[str], threads: int) -> tuple[float, float]:
    """Return the wall and CPU seconds of decoding all files."""
    workers.available_cores = lambda: threads
    with tempfile.TemporaryFile() as file:
        out = np.memmap(file, np.uint8, "w+", shape=(len(paths), *FIT.shape))
        return seconds_of(lambda: workers.decode_files(paths, out, FIT, lambda done, total: None))


if __name__ == "__main__":
    main()

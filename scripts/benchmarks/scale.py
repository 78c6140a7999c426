#!/usr/bin/env python3
"""Measure the cost of loading data against their size; print Markdown.

    scripts/benchmark scale                            folders and arrays up to 100,000 images
    scripts/benchmark scale -- --sizes 1000 200000     these sizes
    scripts/benchmark scale -- --kinds array --sizes 1000000
    scripts/benchmark scale -- --kinds array --stored 512 --sizes 150000     39 GB
    scripts/benchmark scale -- --directory DIR         make the data there, not in the temporary one

Each row is one `load_dataset` in a new process. `first` is into an empty cache; `cache` is again;
`grown` is after one image of a hundred was added to the folder, so only these are decoded. Folders
have 10 classes of JPEG files, 28x28 gray; an array is a file `.npy` of as many images, with
`--stored` pixels a side (28), which is sparse: only its first image takes space on the disk, and
all others are black. All are loaded as 28x28. "CPU" is the processor time of all threads. "Memory"
is the largest resident memory, without that of the imports; images of up to 1 GiB are in memory
after loading. A cost that is proportional to the size has a constant time per image.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
from io import BytesIO
from pathlib import Path

from measuring.clocks import seconds_of

ROOT = Path(__file__).resolve().parents[2]
SIDE, CLASSES = 28, 10
PASSES = {"folder": ("first", "cache", "grown"), "array": ("first", "cache")}
HEAD = """\
| data | images | pass | wall, s | CPU, s | CPU per image, µs | memory, MiB |
| --- | ---: | --- | ---: | ---: | ---: | ---: |"""
# `ru_maxrss` is in kilobytes, on macOS in bytes.
MIB = 2**20 if sys.platform == "darwin" else 2**10


def main() -> None:
    """Make the data of each size, load them, and print the rows."""
    parser = argparse.ArgumentParser(description="Measure the cost of loading against the size.")
    parser.add_argument("--sizes", nargs="+", type=int, default=[1_000, 10_000, 100_000])
    parser.add_argument("--kinds", nargs="+", choices=[*PASSES], default=[*PASSES])
    parser.add_argument(
        "--stored", type=int, default=SIDE, help="pixels a side of an array's images"
    )
    parser.add_argument("--directory", type=Path, help="an existing directory")
    parser.add_argument("--once", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.once:
        print(json.dumps(measured(*options.once)))
        return
    print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, ", end="")
    print(f"Python {platform.python_version()}\n\n{HEAD}")
    for kind in options.kinds:
        for size in options.sizes:
            with tempfile.TemporaryDirectory(dir=options.directory) as directory:
                data = Path(directory) / "data"
                data.mkdir()
                if kind == "folder":
                    write_folder(data, range(size))
                else:
                    write_array(data, size, options.stored)
                for name in PASSES[kind]:
                    if name == "grown":
                        write_folder(data, range(size, size + max(1, size // 100)))
                    print(row(kind, data, size, name, Path(directory) / "cache"), flush=True)


def row(kind: str, data: Path, size: int, name: str, cache: Path) -> str:
    """Load the data in a new process; return the row of the table."""
    done = subprocess.run(
        [sys.executable, __file__, "--once", kind, str(data)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(ROOT), "CNNZOO_CACHE": str(cache)},
    )
    found = json.loads(done.stdout)
    cells = [kind, f"{size:,}", name, f"{found['wall']:.2f}", f"{found['cpu']:.2f}"]
    cells += [f"{found['cpu'] / size * 1e6:.1f}", f"{found['memory']:.0f}"]
    return f"| {' | '.join(cells)} |"


def measured(kind: str, path: str) -> dict[str, float]:
    """Load the data in this process; return the times in seconds and the memory in MiB."""
    import cnnzoo
    from cnnzoo.datasets.load import load_dataset
    from cnnzoo.datasets.sources import arrays, folder  # noqa: F401 - imports are not measured

    data = cnnzoo.DataConfig(folder=path) if kind == "folder" else cnnzoo.DataConfig(arrays=path)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wall, cpu = seconds_of(lambda: load_dataset(data, image_shape=(SIDE, SIDE, 1)))
    memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / MIB
    return {"wall": wall, "cpu": cpu, "memory": memory}


def write_folder(folder: Path, numbers: range) -> None:
    """Write small JPEG files of 200 different pictures into class folders."""
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(0)
    contents = []
    for _ in range(200):
        file = BytesIO()
        small = Image.fromarray(rng.integers(0, 256, (7, 7), np.uint8))
        small.resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(file, "JPEG")
        contents.append(file.getvalue())
    for label in range(CLASSES):
        (folder / f"class_{label}").mkdir(parents=True, exist_ok=True)
    for number in numbers:
        path = folder / f"class_{number % CLASSES}" / f"image_{number:08}.jpg"
        path.write_bytes(contents[number % len(contents)])


def write_array(folder: Path, size: int, side: int) -> None:
    """Write a sparse array of images and one of labels."""
    import numpy as np

    np.save(folder / "labels.npy", np.arange(size, dtype=np.int32) % CLASSES)
    header = {"descr": "|u1", "fortran_order": False, "shape": (size, side, side, 1)}
    with (folder / "images.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        start = file.tell()
        file.write(bytes(value % 256 for value in range(side * side)))
        file.truncate(start + size * side * side)


if __name__ == "__main__":
    main()

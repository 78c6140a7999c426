#!/usr/bin/env python3
"""Compare decoding folders of images with Keras' own reader, and print Markdown.

    CNNZOO_TEST_DATA=DIR scripts/benchmarks/decoding.py       FER2013 and the face folders below DIR
    scripts/benchmarks/decoding.py FOLDER --image-shape 64 64 3
    scripts/benchmarks/decoding.py --rounds 20

Each round does every job with both, in turn, in this process, after a first one that is not
counted. Keras' is `keras.utils.image_dataset_from_directory`, iterated once; ours is
`cnnzoo.load_dataset` into an empty cache, from listing the files to the digest of the pixels. "CPU"
is the processor time of all threads and processes, which a busy machine disturbs less than it does
the time on the wall. "Cached" is `load_dataset` once more.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

Shape = tuple[int, int, int]

# Below CNNZOO_TEST_DATA: the folder, and the shape of the images that a model takes.
JOBS: tuple[tuple[str, Shape], ...] = (
    ("fer2013/train", (48, 48, 1)),
    ("gender_faces", (100, 100, 1)),
    ("gender_faces", (100, 100, 3)),
)
HEAD = """\
| folder | images | shape | Keras, s | cnnzoo, s | ratio | Keras CPU, s | cnnzoo CPU, s | ratio \
| cached, s |
| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"""


def main() -> None:
    """Run the rounds and print the table; say which folders are missing."""
    parser = argparse.ArgumentParser(description="Compare decoding with Keras' own reader.")
    parser.add_argument("folders", nargs="*", type=Path, help="class folders; default: see above")
    parser.add_argument("--image-shape", nargs=3, type=int, default=(100, 100, 3))
    parser.add_argument("--rounds", type=int, default=5, help="how many are counted (default: 5)")
    words = parser.parse_args()
    root = os.environ.get("CNNZOO_TEST_DATA")
    if words.folders:
        jobs = [(folder, tuple(words.image_shape)) for folder in words.folders]
    elif root:
        jobs = [(Path(root) / folder, shape) for folder, shape in JOBS]
    else:
        print("Decoding is skipped: name folders, or set CNNZOO_TEST_DATA to where they are.")
        return
    for folder in dict.fromkeys(folder for folder, _ in jobs if not folder.is_dir()):
        print(f"{folder} is skipped: it is no folder.\n")
    jobs = [job for job in jobs if job[0].is_dir()]
    if not jobs:
        return
    print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, ", end="")
    print(f"Python {platform.python_version()}, {words.rounds} rounds: medians (and ranges)\n")
    print(HEAD)
    for folder, shape in jobs:
        print(row(folder, shape, words.rounds), flush=True)


def row(folder: Path, shape: Shape, rounds: int) -> str:
    """The table's line of one folder at one shape."""
    theirs, ours, cached = [], [], []
    for _ in range(rounds + 1):
        theirs.append(seconds_of(lambda: read_by_keras(folder, shape)))
        with tempfile.TemporaryDirectory() as cache:
            os.environ["CNNZOO_CACHE"] = cache
            ours.append(seconds_of(lambda: read_by_cnnzoo(folder, shape)))
            cached.append(seconds_of(lambda: read_by_cnnzoo(folder, shape)))
    cells = [f"`{folder.name}`", f"{read_by_keras(folder, shape):,}", "x".join(map(str, shape))]
    for kind in (0, 1):  # on the wall, of the processors
        their_times = [times[kind] for times in theirs[1:]]
        our_times = [times[kind] for times in ours[1:]]
        ratio = statistics.median(their_times) / statistics.median(our_times)
        cells += [shown(their_times), shown(our_times), f"{ratio:.2f}"]
    return f"| {' | '.join([*cells, shown([wall for wall, _ in cached[1:]])])} |"


def shown(times: list[float]) -> str:
    """The median of some times, and their range."""
    return f"{statistics.median(times):.3f} ({min(times):.3f} to {max(times):.3f})"


def seconds_of(job: Callable[[], int]) -> tuple[float, float]:
    """How long a job takes: on the wall, and of the processors with all its processes."""
    before, started = os.times(), time.perf_counter()
    job()
    wall, after = time.perf_counter() - started, os.times()
    return wall, sum(after[:4]) - sum(before[:4])


def read_by_keras(folder: Path, shape: Shape) -> int:
    """Decode all images once by Keras; how many there are."""
    import keras

    batches = keras.utils.image_dataset_from_directory(
        folder,
        image_size=shape[:2],
        color_mode="grayscale" if shape[2] == 1 else "rgb",
        batch_size=128,
        shuffle=False,
        verbose=False,
    )
    return sum(len(labels) for _, labels in batches)


def read_by_cnnzoo(folder: Path, shape: Shape) -> int:
    """Decode all images once into the cache, or open that; how many there are."""
    import cnnzoo

    dataset = cnnzoo.load_dataset(cnnzoo.DataConfig(folder=str(folder)), image_shape=shape)
    return sum(len(examples) for examples in dataset.splits.values())


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Compare decoding of image folders with Keras or with another checkout; print Markdown.

    CNNZOO_TEST_DATA=DIR scripts/benchmarks/decoding.py       FER2013 and the face folders below DIR
    scripts/benchmarks/decoding.py FOLDER --image-shape 64 64 3
    scripts/benchmarks/decoding.py --photos 1000 --image-shape 224 224 3
    scripts/benchmarks/decoding.py FOLDER --against OTHER_CHECKOUT --rounds 20

Each round does every job with both, alternately; the first round is not counted. For Keras,
the job is to iterate `keras.utils.image_dataset_from_directory` once; for cnnzoo, to
`load_dataset` into an empty cache, from listing the files to the digests of the pixels. "CPU" is
the processor time of all threads and child processes, which depends less on other load than the
wall time. "Cached" is `load_dataset` once more. `--photos` makes JPEG files of 3 megapixels.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

ROOT = Path(__file__).resolve().parents[2]
Shape = tuple[int, int, int]
Times = tuple[float, float]  # wall, processors; in seconds

# Below CNNZOO_TEST_DATA: the folder, and the shape of a model's input.
JOBS: tuple[tuple[str, Shape], ...] = (
    ("fer2013/train", (48, 48, 1)),
    ("gender_faces", (100, 100, 1)),
    ("gender_faces", (100, 100, 3)),
)
HEAD = """\
| folder | images | shape | {other}, s | cnnzoo, s | ratio | {other} CPU, s | CPU, s | ratio \
| cached, s |
| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"""


def main() -> None:
    """Run the rounds, and print the table and the missing folders."""
    parser = argparse.ArgumentParser(description="Compare decoding with Keras or a checkout.")
    parser.add_argument("folders", nargs="*", type=Path, help="class folders; default: see above")
    parser.add_argument("--image-shape", nargs=3, type=int, default=(100, 100, 3))
    parser.add_argument("--rounds", type=int, default=5, help="counted rounds (default: 5)")
    parser.add_argument("--photos", type=int, default=0, help="number of large photos to create")
    parser.add_argument("--against", type=Path, help="a checkout of another version of cnnzoo")
    parser.add_argument("--once", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    shape: Shape = tuple(options.image_shape)
    if options.once:
        print(json.dumps(timed(options.folders[0], shape)))
        return
    root = os.environ.get("CNNZOO_TEST_DATA")
    with tempfile.TemporaryDirectory() as made:
        jobs = [(folder.absolute(), shape) for folder in options.folders]
        if options.photos:
            jobs.append((make_photos(Path(made) / "photos", options.photos), shape))
        if not jobs and root:
            jobs = [(Path(root) / folder, shape) for folder, shape in JOBS]
        for folder in dict.fromkeys(folder for folder, _ in jobs if not folder.is_dir()):
            print(f"{folder} is skipped: it is not a folder.\n")
        jobs = [job for job in jobs if job[0].is_dir()]
        if not jobs:
            print("Decoding is skipped: name folders, or set CNNZOO_TEST_DATA to their location.")
            return
        print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, ", end="")
        print(f"Python {platform.python_version()}, {options.rounds} rounds: medians (ranges)\n")
        print(HEAD.format(other="other" if options.against else "Keras"))
        for folder, shape in jobs:
            print(row(folder, shape, options.rounds, options.against), flush=True)


def row(folder: Path, shape: Shape, rounds: int, against: Path | None) -> str:
    """Measure one folder at one shape; return the row of the table."""
    theirs, ours, cached = [], [], []
    for number in range(rounds + 1):
        if against:  # separate processes, in changing order
            checkouts = [ROOT, against] if number % 2 else [against, ROOT]
            found = {path: timed_in(path, folder, shape) for path in checkouts}
            theirs.append(found[against][0])
            mine = found[ROOT]
        else:
            theirs.append(seconds_of(lambda: read_by_keras(folder, shape)))
            mine = timed(folder, shape)
        ours.append(mine[0])
        cached.append(mine[1])
    cells = [f"`{folder.name}`", f"{count_of(folder):,}", "x".join(map(str, shape))]
    for kind in (0, 1):
        their_times = [times[kind] for times in theirs[1:]]
        our_times = [times[kind] for times in ours[1:]]
        ratio = statistics.median(their_times) / statistics.median(our_times)
        cells += [shown(their_times), shown(our_times), f"{ratio:.2f}"]
    return f"| {' | '.join([*cells, shown([wall for wall, _ in cached[1:]])])} |"


def shown(times: list[float]) -> str:
    """Return the median of some times, and their range."""
    return f"{statistics.median(times):.3f} ({min(times):.3f} to {max(times):.3f})"


def seconds_of(job: Callable[[], object]) -> Times:
    """Return the wall time of a job, and the processor time with all its child processes."""
    before, started = os.times(), time.perf_counter()
    job()
    wall, after = time.perf_counter() - started, os.times()
    return wall, sum(after[:4]) - sum(before[:4])


def timed(folder: Path, shape: Shape) -> tuple[Times, Times]:
    """Return the times of decoding a folder with cnnzoo, and of opening it from the cache."""
    with tempfile.TemporaryDirectory() as cache:
        os.environ["CNNZOO_CACHE"] = cache
        first = seconds_of(lambda: read_by_cnnzoo(folder, shape))
        return first, seconds_of(lambda: read_by_cnnzoo(folder, shape))


def timed_in(checkout: Path, folder: Path, shape: Shape) -> tuple[Times, Times]:
    """Return the times of a checkout in a separate process; imports are not counted."""
    words = ["--once", str(folder), "--image-shape", *map(str, shape)]
    environment = os.environ | {"PYTHONPATH": str(checkout.absolute())}
    done = subprocess.run(
        [sys.executable, __file__, *words],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env=environment,
    )
    decoded, cached = json.loads(done.stdout)
    return (decoded[0], decoded[1]), (cached[0], cached[1])


def count_of(folder: Path) -> int:
    """Return the number of files below a folder."""
    return sum(path.is_file() for path in folder.rglob("*"))


def make_photos(folder: Path, count: int) -> Path:
    """Write JPEG files of 2000x1500 pixels, half a megabyte each, into two class folders."""
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(0)
    for number in range(count):
        small = Image.fromarray(rng.integers(0, 256, (30, 40, 3), np.uint8))
        smooth = np.asarray(small.resize((2000, 1500), Image.Resampling.BICUBIC)).astype(np.int16)
        grain = rng.integers(-12, 13, (1500, 2000, 1), np.int16)
        path = folder / "ab"[number % 2] / f"{number:05}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((smooth + grain).clip(0, 255).astype(np.uint8)).save(path, quality=80)
    return folder


def read_by_keras(folder: Path, shape: Shape) -> None:
    """Decode all images once with Keras."""
    import keras

    batches = keras.utils.image_dataset_from_directory(
        folder,
        image_size=shape[:2],
        color_mode="grayscale" if shape[2] == 1 else "rgb",
        batch_size=128,
        shuffle=False,
        verbose=False,
    )
    for _ in batches:
        pass


def read_by_cnnzoo(folder: Path, shape: Shape) -> None:
    """Decode all images once into the cache, or open it."""
    import cnnzoo

    cnnzoo.load_dataset(cnnzoo.DataConfig(folder=str(folder)), image_shape=shape)


if __name__ == "__main__":
    main()

"""Compare an epoch on cnnzoo's batches with one on NumPy arrays in memory, and print Markdown.

One network is fitted on one set of random images in three ways: `model.fit` on arrays in memory,
cnnzoo's batches from memory, and cnnzoo's batches from a mapped file. Each round trains an epoch in
each way, every second time in reverse order, so that changes of the machine's speed affect all ways
equally. The first epoch in each way is omitted: it compiles. If other programs use the cores, CPU
time is more reliable than wall time.

`--large` writes a file of 8 GB below the temporary directory, trains a few hundred steps on it, and
removes it; the memory is the anonymous memory of the process, without the page cache.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

# name, zoo configuration, examples, image shape, classes, batch size
SIZES = (
    ("LeNet, MNIST-sized", "lenet", 60_000, (28, 28, 1), 10, 128),
    ("emotion, FER2013-sized", "emotion", 4_000, (48, 48, 1), 7, 64),
)
LARGE_BYTES = 8_000_000_000
LARGE_STEPS = 300


def main() -> None:
    """Run the rounds and print the table."""
    parser = argparse.ArgumentParser(description="Compare epochs with plain NumPy through Keras.")
    parser.add_argument("--rounds", type=int, default=5, help="number of rounds (default: 5)")
    parser.add_argument("--large", action="store_true", help="measure only the memory, with 8 GB")
    arguments = parser.parse_args()
    print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, ", end="")
    print(f"Python {platform.python_version()}\n")
    with tempfile.TemporaryDirectory() as folder:
        if arguments.large:
            measure_memory(Path(folder))
        else:
            compare_epochs(Path(folder), arguments.rounds)


def compare_epochs(folder: Path, rounds: int) -> None:
    """Print the table of epoch times."""
    print("| network | images | median epoch, s | lowest to highest | ratio | CPU, s | ratio |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: |")
    for title, name, count, shape, classes, batch_size in SIZES:
        rng = np.random.default_rng(0)
        images = rng.integers(0, 256, (count, *shape), dtype=np.uint8)
        labels = rng.integers(0, classes, count, dtype=np.int32)
        np.save(folder / "images.npy", images)
        mapped = np.load(folder / "images.npy", mmap_mode="r")
        ways = {
            "NumPy through `model.fit`": numpy_epoch(name, images, labels, classes, batch_size),
            "cnnzoo, in memory": cnnzoo_epoch(name, images, labels, classes, batch_size),
            "cnnzoo, mapped": cnnzoo_epoch(name, mapped, labels, classes, batch_size),
        }
        seconds: dict[str, list[float]] = {way: [] for way in ways}
        worked: dict[str, list[float]] = {way: [] for way in ways}
        for epoch in range(rounds + 1):
            for way in list(ways)[:: 1 if epoch % 2 else -1]:
                started, before = time.perf_counter(), time.process_time()
                ways[way](epoch)
                if epoch:
                    seconds[way].append(time.perf_counter() - started)
                    worked[way].append(time.process_time() - before)
        reference, *_ = map(statistics.median, seconds.values())
        reference_work, *_ = map(statistics.median, worked.values())
        for way, times in seconds.items():
            median, work = statistics.median(times), statistics.median(worked[way])
            spread = f"{min(times):.2f} to {max(times):.2f}"
            print(f"| {title} | {way} | {median:.2f} | {spread} | {median / reference:.3f}", end="")
            print(f" | {work:.2f} | {work / reference_work:.3f} |", flush=True)


def numpy_epoch(
    name: str, images: Any, labels: Any, classes: int, batch_size: int
) -> Callable[[int], None]:
    """Train an epoch with `model.fit` on arrays."""
    model = compiled(name, classes, len(labels))

    def train(epoch: int) -> None:
        model.fit(images, labels, batch_size=batch_size, verbose=0)

    return train


def cnnzoo_epoch(
    name: str, images: Any, labels: Any, classes: int, batch_size: int
) -> Callable[[int], None]:
    """Train an epoch like `cnnzoo train`."""
    from cnnzoo.datasets.dataset import Examples, MappedImages
    from cnnzoo.training.engine.batches import shuffled_batches
    from cnnzoo.training.engine.stepping import make_stepper

    if isinstance(images, np.memmap):
        images = MappedImages(images, np.arange(len(images)))
    model = compiled(name, classes, len(labels))
    batches = shuffled_batches(Examples(images, labels), batch_size, seed=0)
    stepper = make_stepper(model, batches)

    def train(epoch: int) -> None:
        batches.start_epoch(epoch)
        for _, metrics in stepper.train(batches, 0):
            float(metrics["loss"])  # as a training looks at it

    return train


def compiled(name: str, classes: int, count: int) -> Any:
    """Return a network of the zoo, ready to train."""
    import cnnzoo
    from cnnzoo.models.backend import load_keras

    keras = load_keras("cpu")
    model = cnnzoo.build_model(cnnzoo.load_config(name).model, classes=classes)
    trainee = keras.Sequential([keras.Input(model.input_shape[1:]), model])
    trainee.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return trainee


def measure_memory(folder: Path) -> None:
    """Print the largest anonymous memory while training on a file of 8 GB."""
    path = folder / "images.npy"
    shape = (28, 28, 1)
    count = LARGE_BYTES // int(np.prod(shape))
    images = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=(count, *shape))
    rng = np.random.default_rng(0)
    for start in range(0, count, 100_000):
        rows = images[start : start + 100_000]
        rows[:] = rng.integers(0, 256, rows.shape, dtype=np.uint8)
    images.flush()
    del images
    train_on(path, rng.integers(0, 10, count, dtype=np.int32))


def train_on(path: Path, labels: Any) -> None:
    """Train some steps on mapped images, and measure the memory."""
    from cnnzoo.datasets.dataset import Examples, MappedImages
    from cnnzoo.training.engine.batches import shuffled_batches
    from cnnzoo.training.engine.stepping import make_stepper

    mapped = np.load(path, mmap_mode="r")
    images = MappedImages(mapped, np.arange(len(mapped)))
    model = compiled("lenet", 10, len(labels))
    batches = shuffled_batches(Examples(images, labels), 128, seed=0)
    before = anonymous_memory()
    largest = before
    done = threading.Event()

    def watch() -> None:
        nonlocal largest
        while not done.wait(0.02):
            largest = max(largest, anonymous_memory())

    watcher = threading.Thread(target=watch)
    watcher.start()
    for step, _ in make_stepper(model, batches).train(batches, 0):
        if step == LARGE_STEPS:
            break
    done.set()
    watcher.join()
    print("| array | steps | anonymous memory before, GB | largest while training, GB |")
    print("| ---: | ---: | ---: | ---: |")
    print(f"| {mapped.nbytes / 1e9:.1f} GB | {LARGE_STEPS} | {before:.2f} | {largest:.2f} |")


def anonymous_memory() -> float:
    """Return the anonymous memory of this process in GB, as Linux reports it."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("RssAnon:")[1].split()[0]) * 1024 / 1e9


if __name__ == "__main__":
    main()

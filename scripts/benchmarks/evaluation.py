"""Compare the predictions of `cnnzoo evaluate` with `model.predict`, and print Markdown.

One network of the zoo with random weights predicts one array of random images in three ways: as
`cnnzoo evaluate` does, by `model.predict` in batches of the same size, and by `model.predict` in
Keras' default batches of 32. Each round runs each way once; every second round runs in reverse
order, so that changes of the machine's speed affect all ways equally. The first round is omitted:
it compiles. A ratio is of medians, `model.predict` to cnnzoo: above 1, cnnzoo is faster.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

# name, zoo configuration, examples, image shape, classes
SIZES = (
    ("LeNet, MNIST's test images", "lenet", 10_000, (28, 28, 1), 10),
    ("LeNet, a test split of digits", "lenet", 359, (28, 28, 1), 10),
    ("emotion, FER2013-sized", "emotion", 2_000, (48, 48, 1), 7),
)


def main() -> None:
    """Run the rounds and print the table."""
    parser = argparse.ArgumentParser(description="Compare predictions with model.predict.")
    parser.add_argument("--rounds", type=int, default=9, help="number of rounds (default: 9)")
    rounds = parser.parse_args().rounds
    print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, ", end="")
    print(f"Python {platform.python_version()}, {rounds} rounds\n")
    print("| network | images | cnnzoo, s | `predict`, same batches, s | ratio ", end="")
    print("| `predict`, batches of 32, s | ratio |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for title, name, count, shape, classes in SIZES:
        rng = np.random.default_rng(0)
        images = rng.integers(0, 256, (count, *shape), dtype=np.uint8)
        ours, *theirs = medians(ways(name, images, classes), rounds)
        print(f"| {title} | {count:,} | {ours:.3f} ", end="")
        for seconds in theirs:
            print(f"| {seconds:.3f} | {seconds / ours:.2f} ", end="")
        print("|", flush=True)


def ways(name: str, images: Any, classes: int) -> list[Callable[[], Any]]:
    """Return the three ways to predict these images, cnnzoo first."""
    import cnnzoo
    from cnnzoo.evaluation.classifier import batch_size, predict_probabilities
    from cnnzoo.models.backend import load_keras

    load_keras("cpu")
    model = cnnzoo.build_model(cnnzoo.load_config(name).model, classes=classes)
    size = batch_size(images.shape[1:], model)
    return [
        lambda: predict_probabilities(model, images),
        lambda: model.predict(images, batch_size=size, verbose=0),
        lambda: model.predict(images, verbose=0),
    ]


def medians(jobs: list[Callable[[], Any]], rounds: int) -> list[float]:
    """Return the median time of each job in seconds."""
    seconds: list[list[float]] = [[] for _ in jobs]
    for turn in range(rounds + 1):
        for number in range(len(jobs))[:: 1 if turn % 2 else -1]:
            started = time.perf_counter()
            jobs[number]()
            if turn:
                seconds[number].append(time.perf_counter() - started)
    return [statistics.median(times) for times in seconds]


if __name__ == "__main__":
    main()

"""Compare geometric augmentation as one resampling with Keras' layers, and with none.

Copies of a network alternately train epochs on the same random images, in an order that changes;
the first epoch of each, which compiles, is omitted. "Ahead" is one resampling in a map of tf.data,
which prepares the next batches while a step computes; the others augment in the step. If other
programs use the cores, CPU time is more reliable than wall time.
"""

from __future__ import annotations

import argparse
import statistics
import time
from functools import partial
from typing import Any

import numpy as np

import cnnzoo
from cnnzoo.architecture.pooling import pooled_first
from cnnzoo.models.backend import load_keras
from cnnzoo.models.build import build_architecture
from cnnzoo.training.checks import check_config

# A configuration, the batch size, and steps an epoch.
NETWORKS: dict[str, tuple[int, int]] = {"emotion": (128, 12), "lenet_rgb": (128, 12)}
PRECISIONS = ("float32", "mixed_bfloat16")
WAYS = {
    "without": "without",
    "layers": "with Keras' layers",
    "once": "as one resampling",
    "ahead": "ahead of the step",
}


def main() -> None:
    """Print a line for each network and precision."""
    parser = argparse.ArgumentParser(description="Compare ways of geometric augmentation.")
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=[*NETWORKS])
    parser.add_argument("--precisions", nargs="+", choices=PRECISIONS, default=PRECISIONS)
    parser.add_argument("--rounds", type=int, default=7, help="epochs of each copy (default: 7)")
    chosen = parser.parse_args()
    print(f"| network | precision | {' | '.join(list(WAYS.values())[1:])} |")
    print("| --- | --- | ---: | ---: | ---: |")
    for name in chosen.networks:
        for precision in chosen.precisions:
            print(row(name, *NETWORKS[name], precision, chosen.rounds), flush=True)


def row(name: str, batch_size: int, steps: int, precision: str, rounds: int) -> str:
    """Train the copies alternately; return the speeds, as shares of the speed without."""
    keras = load_keras()
    import tensorflow as tf

    from cnnzoo.training.engine.resampling import resampled_once

    architecture = check_config(cnnzoo.load_config(name)).architecture
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (batch_size * steps, *architecture.input_shape), np.uint8)
    labels = rng.integers(0, 2, batch_size * steps, np.int32)
    models: dict[str, Any] = {}
    data: dict[str, Any] = {}
    for way in WAYS:
        keras.utils.set_random_seed(0)
        augmentation = [] if way == "without" else make_augmentation(keras)
        if way in ("once", "ahead"):
            augmentation = resampled_once(augmentation)
        data[way] = tf.data.Dataset.from_tensor_slices((images, labels)).batch(batch_size)
        if way == "ahead":
            augment = keras.Sequential([keras.Input(architecture.input_shape), *augmentation])
            data[way] = data[way].map(partial(_augmented, augment), tf.data.AUTOTUNE)
            augmentation = []
        data[way] = data[way].prefetch(2)
        network = build_architecture(pooled_first(architecture), policy=precision)
        models[way] = keras.Sequential(
            [keras.Input(architecture.input_shape), *augmentation, network]
        )
        models[way].compile("adam", "sparse_categorical_crossentropy", jit_compile=False)
    clock: dict[str, list[float]] = {way: [] for way in models}
    work: dict[str, list[float]] = {way: [] for way in models}
    for turn in range(rounds + 1):
        for way in models if turn % 2 else reversed(models):
            began, worked = time.perf_counter(), time.process_time()
            models[way].fit(data[way], verbose=0, shuffle=False)
            if turn:
                clock[way].append(time.perf_counter() - began)
                work[way].append(time.process_time() - worked)
    speeds = [_speed(clock, work, way) for way in WAYS if way != "without"]
    return f"| `{name}` | {precision} | {' | '.join(speeds)} |"


def make_augmentation(keras: Any) -> list[Any]:
    """Return the layers of Keras that are compared."""
    return [
        keras.layers.RandomFlip("horizontal"),
        keras.layers.RandomRotation(0.05),
        keras.layers.RandomTranslation(0.1, 0.1),
        keras.layers.RandomZoom(0.1),
    ]


def _augmented(augment: Any, images: Any, labels: Any) -> tuple[Any, Any]:
    return augment(images, training=True), labels


def _speed(clock: dict[str, list[float]], work: dict[str, list[float]], way: str) -> str:
    """The speed of a way as a share of the speed without augmentation, by clock and CPU time."""
    wall, cpu = (
        statistics.median(times["without"]) / statistics.median(times[way])
        for times in (clock, work)
    )
    rounds = [without / with_ for without, with_ in zip(clock["without"], clock[way], strict=True)]
    return f"{wall:.2f} ({min(rounds):.2f} to {max(rounds):.2f}), CPU time {cpu:.2f}"


if __name__ == "__main__":
    main()

"""Compare geometric augmentation as one resampling with Keras' layers, and with none.

Three copies of a network alternately train epochs on the same random images, in an order that
changes; the first epoch of each, which compiles, is omitted. If other programs use the cores, CPU
time is more reliable than wall time.
"""

from __future__ import annotations

import argparse
import statistics
from typing import Any

import numpy as np
from pooling import epoch

import cnnzoo
from cnnzoo.architecture.pooling import pooled_first
from cnnzoo.models.backend import load_keras
from cnnzoo.models.build import build_architecture
from cnnzoo.training.checks import check_config

# A configuration, the batch size, and steps an epoch.
NETWORKS: dict[str, tuple[int, int]] = {"emotion": (128, 12), "lenet_rgb": (128, 12)}
PRECISIONS = ("float32", "mixed_bfloat16")


def main() -> None:
    """Print a line for each network and precision."""
    parser = argparse.ArgumentParser(description="Compare ways of geometric augmentation.")
    parser.add_argument("--rounds", type=int, default=7, help="epochs of each copy (default: 7)")
    rounds = parser.parse_args().rounds
    print("| network | precision | speed with Keras' layers | as one resampling |")
    print("| --- | --- | ---: | ---: |")
    for name, (batch_size, steps) in NETWORKS.items():
        for precision in PRECISIONS:
            print(row(name, batch_size, steps, precision, rounds), flush=True)


def row(name: str, batch_size: int, steps: int, precision: str, rounds: int) -> str:
    """Train the copies alternately; return the speeds, as shares of the speed without."""
    keras = load_keras()
    from cnnzoo.training.engine.resampling import resampled_once

    architecture = check_config(cnnzoo.load_config(name)).architecture
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (batch_size * steps, *architecture.input_shape), np.uint8)
    labels = rng.integers(0, 2, batch_size * steps, np.int32)
    models: dict[str, Any] = {}
    for way in ("without", "layers", "once"):
        keras.utils.set_random_seed(0)
        augmentation = [
            keras.layers.RandomFlip("horizontal"),
            keras.layers.RandomRotation(0.05),
            keras.layers.RandomTranslation(0.1, 0.1),
            keras.layers.RandomZoom(0.1),
        ]
        if way == "once":
            augmentation = resampled_once(augmentation)
        elif way == "without":
            augmentation = []
        network = build_architecture(pooled_first(architecture), policy=precision)
        models[way] = keras.Sequential(
            [keras.Input(architecture.input_shape), *augmentation, network]
        )
        models[way].compile("adam", "sparse_categorical_crossentropy", jit_compile=False)
    clock: dict[str, list[float]] = {way: [] for way in models}
    work: dict[str, list[float]] = {way: [] for way in models}
    for turn in range(rounds + 1):
        for way in models if turn % 2 else reversed(models):
            seconds, cpu = epoch(models[way], images, labels, batch_size)
            if turn:
                clock[way].append(seconds)
                work[way].append(cpu)
    layers, once = _speed(clock, work, "layers"), _speed(clock, work, "once")
    return f"| `{name}` | {precision} | {layers} | {once} |"


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

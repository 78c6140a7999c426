"""Compare max-pooling before ReLU, as cnnzoo trains, with the order in the configuration.

Two copies of a network alternately train epochs on the same random images, every second time in
reverse order; the first epoch of each, which compiles, is omitted. Both end with the same weights,
bit for bit. If other programs use the cores, CPU time is more reliable than wall time.
"""

from __future__ import annotations

import argparse
import statistics
from typing import Any

import numpy as np
from measuring.clocks import seconds_of

import cnnzoo
from cnnzoo.architecture.pooling import pooled_first
from cnnzoo.models.backend import load_keras
from cnnzoo.models.build import build_architecture
from cnnzoo.training.checks import check_config

# A configuration with its overrides, the batch size, and steps an epoch.
NETWORKS: dict[str, tuple[list[str], int, int]] = {
    "lenet": ([], 128, 100),
    "emotion": ([], 128, 12),
    "gender": (["model.params.filters=64"], 32, 6),
}
PRECISIONS = ("float32", "mixed_bfloat16")


def main() -> None:
    """Print a line for each network and precision."""
    parser = argparse.ArgumentParser(description="Compare the orders of pooling and ReLU.")
    parser.add_argument("--rounds", type=int, default=7, help="epochs of each copy (default: 7)")
    rounds = parser.parse_args().rounds
    print("| network | precision | epoch as written, pooled first, s | ratio | of CPU time | |")
    print("| --- | --- | ---: | ---: | ---: | --- |")
    for name, (words, batch_size, steps) in NETWORKS.items():
        for precision in PRECISIONS:
            print(row(name, words, batch_size, steps, precision, rounds), flush=True)


def row(
    name: str, words: list[str], batch_size: int, steps: int, precision: str, rounds: int
) -> str:
    """Train both copies alternately."""
    keras = load_keras()
    architecture = check_config(cnnzoo.load_config(name, words)).architecture
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (batch_size * steps, *architecture.input_shape), np.uint8)
    labels = rng.integers(0, 2, batch_size * steps, np.int32)
    models = []
    for each in (architecture, pooled_first(architecture)):
        keras.utils.set_random_seed(0)
        model = build_architecture(each, policy=precision)
        loss = "binary_crossentropy" if model.output_shape[1] == 1 else None
        model.compile("adam", loss or "sparse_categorical_crossentropy", jit_compile=False)
        models.append(model)
    wall: tuple[list[float], list[float]] = ([], [])
    worked: tuple[list[float], list[float]] = ([], [])
    for turn in range(rounds + 1):
        for which in (0, 1) if turn % 2 else (1, 0):
            seconds, cpu = epoch(models[which], images, labels, batch_size)
            if turn:
                wall[which].append(seconds)
                worked[which].append(cpu)
    pairs = zip(models[0].get_weights(), models[1].get_weights(), strict=True)
    same = "same bits" if all((one == other).all() for one, other in pairs) else "DIFFERENT"
    clock, work = ([statistics.median(each) for each in pair] for pair in (wall, worked))
    title = " ".join([name, *words])
    return (
        f"| `{title}` | {precision} | {clock[0]:.2f}, {clock[1]:.2f} | {clock[1] / clock[0]:.2f} "
        f"| {work[1] / work[0]:.2f} | {same} |"
    )


def epoch(model: Any, images: Any, labels: Any, batch_size: int) -> tuple[float, float]:
    """Return the wall time and the CPU time in seconds."""
    return seconds_of(lambda: model.fit(images, labels, batch_size, verbose=0, shuffle=False))


if __name__ == "__main__":
    main()

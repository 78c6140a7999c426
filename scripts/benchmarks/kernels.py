"""Compare the kernels with which TensorFlow can train on a CPU, and print Markdown.

Each way trains steps of a network of the zoo on random images, in its own process; the ways
alternate, every second round in reverse order. `--cpu-time` compares CPU time, which depends less
on other programs.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measuring.examples import random_arrays

NETWORKS = ("lenet", "simple_cnn", "emotion", "resnet20")
PRECISIONS = ("float32", "mixed_bfloat16")
BATCH_SIZE = 128
STEPS = 4
CNNZOO = "as cnnzoo trains"
KERAS = "batch normalization of Keras"
# Environment variables; KERAS also changes the process.
WAYS: dict[str, dict[str, str]] = {
    CNNZOO: {},
    KERAS: {},
    "without oneDNN": {"TF_ENABLE_ONEDNN_OPTS": "0"},
}


def main() -> None:
    """Run the rounds and print a table."""
    parser = argparse.ArgumentParser(description="Compare the kernels of TensorFlow on a CPU.")
    parser.add_argument("--rounds", type=int, default=3, help="number of rounds (default: 3)")
    parser.add_argument("--networks", nargs="+", default=NETWORKS, metavar="NAME")
    parser.add_argument("--precisions", nargs="+", default=PRECISIONS, choices=PRECISIONS)
    parser.add_argument("--cpu-time", action="store_true", help="of all cores together")
    parser.add_argument(
        "--with-onednn",
        action="store_const",
        dest="ways",
        const=[CNNZOO, KERAS],
        default=[*WAYS],
        help="omit the way without it, which is very slow in bfloat16",
    )
    parser.add_argument("--child", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.child:
        print(images_per_second(chosen.networks[0], chosen.precisions[0], chosen))
        return
    print(f"`scripts/benchmark kernels`, {chosen.rounds} rounds\n")
    print("| network | precision | way | images/s | lowest to highest | ratio |")
    print("| --- | --- | --- | ---: | ---: | ---: |")
    for network in chosen.networks:
        for precision in chosen.precisions:
            print_rows(network, precision, chosen)


def print_rows(network: str, precision: str, chosen: argparse.Namespace) -> None:
    """Print a row for each way to train one network."""
    rates: dict[str, list[float]] = {way: [] for way in chosen.ways}
    for turn in range(chosen.rounds):
        for way in chosen.ways[:: -1 if turn % 2 else 1]:
            rates[way].append(child(network, precision, way, chosen.cpu_time))
    base = statistics.median(rates[CNNZOO])
    for way, found in rates.items():
        rate = statistics.median(found)
        spread = f"{min(found):,.0f} to {max(found):,.0f}"
        row = (network, precision, way, f"{rate:,.0f}", spread, f"{rate / base:.2f}")
        print(f"| {' | '.join(row)} |", flush=True)


def child(network: str, precision: str, way: str, cpu_time: bool) -> float:
    """Return the images per second of a process that trains in one way."""
    command = [sys.executable, __file__, "--child", way, "--networks", network]
    command += ["--precisions", precision, *(["--cpu-time"] if cpu_time else [])]
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow", **WAYS[way]}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return float(json.loads(done.stdout.splitlines()[-1]))


def images_per_second(network: str, precision: str, chosen: argparse.Namespace) -> float:
    """Return the speed of the training of one network, with random images."""
    from cnnzoo.config.loader import load_config
    from cnnzoo.models.backend import load_keras
    from cnnzoo.training.benchmark import measure

    load_keras("cpu")
    if chosen.child == KERAS:
        from cnnzoo.training.engine import training_model

        training_model.fuse_normalization = lambda model: None
    model = load_config(network).model
    with tempfile.TemporaryDirectory() as folder:
        arrays = random_arrays(
            network, model.input_shape, model.classes or 2, 2 * BATCH_SIZE, Path(folder)
        )
        source = {"arrays": str(arrays), "splits": {"validation": 0.2, "test": 0}}
        words = [f"data={json.dumps(source)}"]
        words += [f"training.batch_size={BATCH_SIZE}", f"training.precision={precision}"]
        clock = time.process_time if chosen.cpu_time else time.perf_counter
        return measure(load_config(network, words), STEPS, clock=clock).images_per_second


if __name__ == "__main__":
    main()

"""Compare `training.precision: auto` with float32: speed and accuracy, as Markdown.

The accuracies are those of whole trainings, each in a separate process, with the same seeds in both
precisions; the difference is the mean over the seeds with its 95 % interval (Student's t). The
difference is within noise if that interval contains 0.

For the speed, two copies of a network alternately train an epoch, every second time in reverse
order, so that changes of the machine's speed affect both equally; the first epoch of each, which
compiles, is omitted. If other programs use the cores, CPU time is more reliable than wall time.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy import stats

NETWORKS = ("emotion", "simple_cnn")
PRECISIONS = ("float32", "auto")


def main() -> None:
    """Measure the networks that the command line names, and print the tables."""
    parser = argparse.ArgumentParser(description="Compare precision: auto with float32.")
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="for every training")
    parser.add_argument("--networks", nargs="+", default=NETWORKS, metavar="NAME")
    parser.add_argument("--seeds", type=int, default=5, help="number (default: 5; 0: speed only)")
    parser.add_argument("--rounds", type=int, default=7, help="epochs of each (default: 7)")
    chosen = parser.parse_args()
    print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, ", end="")
    print(f"Python {platform.python_version()}\n")
    print("| network | `auto` is | epoch of float32, of auto, s (medians) | ratio | of CPU time |")
    print("| --- | --- | ---: | ---: | ---: |")
    for network in chosen.networks:
        print(speed_row(network, chosen.overrides, chosen.rounds), flush=True)
    if chosen.seeds < 2:
        return
    print("\n| network | test accuracy of float32 | of auto | difference (95 % interval) | |")
    print("| --- | --- | --- | --- | --- |")
    for network in chosen.networks:
        print(accuracy_row(network, chosen.overrides, chosen.seeds), flush=True)


def speed_row(network: str, overrides: list[str], rounds: int) -> str:
    """Train epochs of one network in both precisions."""
    epochs, policies = {}, {}
    for precision in PRECISIONS:
        words = [*overrides, f"training.precision={precision}"]
        epochs[precision], policies[precision] = epoch_of(network, words)
    seconds, worked = median_times(epochs, rounds)
    single, half = (seconds[precision] for precision in PRECISIONS)
    work, half_work = (worked[precision] for precision in PRECISIONS)
    return (
        f"| {network} | {policies['auto']} | {single:.2f}, {half:.2f} | {half / single:.3f} "
        f"| {half_work / work:.3f} |"
    )


def median_times(
    epochs: dict[str, Callable[[int], None]], rounds: int
) -> tuple[dict[str, float], dict[str, float]]:
    """Return the median wall time and CPU time of each epoch, trained in an order that changes.

    The first round, which compiles, is omitted.
    """
    wall: dict[str, list[float]] = {name: [] for name in epochs}
    work: dict[str, list[float]] = {name: [] for name in epochs}
    for turn in range(rounds + 1):
        for name in list(epochs)[:: 1 if turn % 2 else -1]:
            started, before = time.perf_counter(), time.process_time()
            epochs[name](turn)
            if turn:
                wall[name].append(time.perf_counter() - started)
                work[name].append(time.process_time() - before)
    seconds, worked = (
        {name: statistics.median(times) for name, times in each.items()} for each in (wall, work)
    )
    return seconds, worked


def epoch_of(network: str, words: list[str]) -> tuple[Callable[[int], None], str]:
    """Return a function that trains an epoch like `cnnzoo train`, and its dtype policy."""
    import cnnzoo
    from cnnzoo.training.engine.batches import training_batches
    from cnnzoo.training.job import prepare

    job = prepare(cnnzoo.load_config(network, words))
    from cnnzoo.training.engine.stepping import make_stepper
    from cnnzoo.training.engine.training_model import make_training_model

    batches = training_batches(job)
    model = make_training_model(job, len(batches))
    stepper = make_stepper(model.compiled_model, batches)

    def train(epoch: int) -> None:
        batches.start_epoch(epoch)
        for _ in stepper.train(batches, 0):
            pass
        stepper.sync()

    return train, job.settings.precision


def accuracy_row(network: str, overrides: list[str], seeds: int) -> str:
    """Train one network to its end with each seed in both precisions."""
    reached: dict[str, list[float]] = {precision: [] for precision in PRECISIONS}
    for seed in range(seeds):
        for precision in PRECISIONS:
            words = [*overrides, f"training.precision={precision}", f"seed={seed}"]
            reached[precision].append(accuracy(network, words))
    differences = np.subtract(reached["auto"], reached["float32"])
    mean = float(differences.mean())
    error = float(stats.sem(differences))
    reach = float(stats.t.ppf(0.975, seeds - 1)) * error
    verdict = "within noise" if abs(mean) <= reach else "not within noise"
    return (
        f"| {network} | {spread(reached['float32'])} | {spread(reached['auto'])} "
        f"| {mean:+.4f} ({mean - reach:+.4f} to {mean + reach:+.4f}) | {verdict} |"
    )


def accuracy(network: str, words: list[str]) -> float:
    """Return the test accuracy of a separate training."""
    from cnnzoo.runs.run import latest_run

    with tempfile.TemporaryDirectory() as folder:
        command = ["train", "--config", network, *words, "--runs-dir", folder]
        subprocess.run(
            [sys.executable, "-m", "cnnzoo", *command], stdout=subprocess.DEVNULL, check=True
        )
        measured = latest_run(Path(folder)).metrics()["metrics"]["accuracy"]
    return float(measured["value"])


def spread(values: list[float]) -> str:
    """Return mean, lowest and highest as text."""
    return f"{statistics.mean(values):.4f} ({min(values):.4f} to {max(values):.4f})"


if __name__ == "__main__":
    main()

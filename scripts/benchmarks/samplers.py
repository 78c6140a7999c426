"""Compare samplers and pruners of sweeps at equal numbers of trials, and print Markdown.

Each sweep searches the learning rate, the weight decay, the batch size, the widths and the
augmentation of LeNet on IMAGES digits of each class of mnist5k, once for each seed of the search.
The random search and TPE train the same number of trials to the end; hyperband with TPE stops some
of them. The value is the best validation accuracy of a sweep; the winner is measured on the test
split. `after half` is the best value after half of the trials.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from pathlib import Path
from statistics import fmean

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

SPACE = (
    "{training.optimizer.AdamW.learning_rate: {log: [1e-5, 1e-1]},"
    " training.optimizer.AdamW.weight_decay: {log: [1e-4, 1]},"
    " training.batch_size: [32, 64, 128],"
    " model.layers.1.Conv2D.filters: {int: [4, 16], step: 2},"
    " model.layers.6.Dense.units: {log_int: [16, 256]},"
    " data.augment: [[], [RandomTranslation: [0.1, 0.1]], [RandomRotation: 0.2]]}"
)
IMAGES = 200  # of each digit; fewer than all, so that a sweep takes less than a minute
HELD_OUT = "{validation: 0.3}"  # of the images that are not test images, against luck
KINDS = {
    "random": ("random", "none"),
    "TPE": ("tpe", "none"),
    "TPE, hyperband": ("tpe", "hyperband"),
}


def main() -> None:
    """Run the sweeps and print the tables."""
    parser = argparse.ArgumentParser(description="Compare samplers and pruners.")
    parser.add_argument("--trials", type=int, default=20, help="of each sweep (default: 20)")
    parser.add_argument("--epochs", type=int, default=4, help="of each trial (default: 4)")
    parser.add_argument("--seeds", type=int, default=5, help="sweeps of each kind (default: 5)")
    words = parser.parse_args()
    print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, LeNet on mnist5k,")
    print(f"{IMAGES} images of each digit, {words.trials} trials of {words.epochs} epochs,")
    print(f"{words.seeds} searches of each kind\n")
    print("| search | seed | after half | best | test | epochs | seconds |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    rows: dict[str, list[list[float]]] = {kind: [] for kind in KINDS}
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(words.seeds):
            for kind in KINDS:
                row = search(kind, seed, words.trials, words.epochs, Path(folder))
                rows[kind].append(row)
                print(f"| {kind} | {seed} | {cells(row)} |", flush=True)
    print("\n| search | after half | best | test | epochs | seconds |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for kind, found in rows.items():
        means = [fmean(column) for column in zip(*found, strict=True)]
        print(f"| {kind}, mean | {cells(means)} |")


def search(kind: str, seed: int, trials: int, epochs: int, folder: Path) -> list[float]:
    """Run one sweep; return its values after half and all trials, on test, epochs and seconds."""
    from cnnzoo.config.loader import load_raw
    from cnnzoo.studies.sweep import run_sweep, start_sweep
    from cnnzoo.studies.sweep_winner import test_accuracies, winner_runs

    sampler, pruner = KINDS[kind]
    raw = load_raw(
        "lenet",
        [
            f"name={sampler}-{pruner}-{seed}",
            f"seed={seed}",
            f"data={{name: mnist5k, limit: {IMAGES}, splits: {HELD_OUT}}}",
            f"training.epochs={epochs}",
            "training.optimizer={AdamW: {learning_rate: 1e-3, weight_decay: 0.05}}",
            f"sweep={{parameters: {SPACE}, trials: {trials}}}",
            f"sweep.sampler={sampler}",
            f"sweep.pruner={pruner}",
        ],
    )
    started = time.perf_counter()
    directory = start_sweep(raw, folder)
    record = run_sweep(directory)
    seconds = time.perf_counter() - started
    best = [
        max((t.values[0] for t in record.complete() if t.number <= number), default=0.0)
        for number in (max(trials // 2, 1), trials)
    ]
    test = fmean(test_accuracies(winner_runs(directory, record)))
    return [*best, test, float(sum(trial.epochs for trial in record.trials)), seconds]


def cells(row: list[float]) -> str:
    """Return the cells of a row of the table."""
    *accuracies, epochs, seconds = row
    return " | ".join(
        [*(f"{value:.4f}" for value in accuracies), f"{epochs:.0f}", f"{seconds:.0f}"]
    )


if __name__ == "__main__":
    main()

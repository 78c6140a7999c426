"""Compare the speed of a training when one factor of its recipe changes, as Markdown.

Copies of a network, which differ in one factor, alternately train an epoch like `cnnzoo train`, in
an order that changes; the first epoch of each, which compiles, is omitted. If other programs use
the cores, CPU time is more reliable than wall time.
"""

from __future__ import annotations

import argparse

from precision import epoch_of, median_times

from cnnzoo.models.backend import without_retracing_warnings

# Each is a change of BASE, which the first one does not change.
BASE = ["training.batch_size=128", "training.optimizer.Adam.learning_rate=1e-3"]
FACTORS: dict[str, list[str]] = {
    "batches of 128": [],
    "batches of 64": ["training.batch_size=64"],
    "use_ema": ["training.optimizer.Adam.use_ema=true"],
    "label smoothing": ["training.label_smoothing=0.1"],
}
ALL = "all three"


def main() -> None:
    """Train the copies alternately, and print the table."""
    parser = argparse.ArgumentParser(description="Change one factor of a recipe at a time.")
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="for every training")
    parser.add_argument("--network", default="emotion", metavar="NAME")
    parser.add_argument("--rounds", type=int, default=5, help="epochs of each copy (default: 5)")
    chosen = parser.parse_args()
    factors = {**FACTORS, ALL: [word for words in FACTORS.values() for word in words]}
    copies = {}
    for name, words in factors.items():
        copies[name], _ = epoch_of(chosen.network, [*BASE, *words, *chosen.overrides])
    clock, cpu = median_times(copies, chosen.rounds)
    base = next(iter(factors))
    print(f"`{chosen.network}` {' '.join(chosen.overrides)}, {chosen.rounds} rounds\n")
    print("| | epoch, s | speed | CPU, s | speed by CPU time |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name in factors:
        print(f"| {name} | {clock[name]:.2f} | {clock[base] / clock[name]:.2f} ", end="")
        print(f"| {cpu[name]:.2f} | {cpu[base] / cpu[name]:.2f} |")


if __name__ == "__main__":
    with without_retracing_warnings():
        main()

"""Compare the epochs of a frozen network of the zoo with a new head, with and without the features.

Random weights and drawn faces: the time does not depend on them. Both ways write a checkpoint after
each epoch, and the model if it is the best. The first epoch, which compiles the step, is omitted.
The time before the first epoch has the outputs of the frozen layers, which are computed once.
"""

from __future__ import annotations

import argparse
import statistics
import time
from tempfile import TemporaryDirectory

import cnnzoo
from cnnzoo.training.progress import Display, Metrics, Progress


class Times(Display):
    """The CPU and wall time of each epoch, and of what is before the first."""

    def __init__(self) -> None:
        self.last = (time.process_time(), time.perf_counter())
        self.epochs: list[tuple[float, float]] = []
        self.before = (0.0, 0.0)

    def _lap(self) -> tuple[float, float]:
        now = (time.process_time(), time.perf_counter())
        passed = (now[0] - self.last[0], now[1] - self.last[1])
        self.last = now
        return passed

    def start(self, progress: Progress) -> None:
        """Note the time before the first step."""
        self.before = self._lap()

    def epoch(self, row: Metrics, best: bool = False) -> None:
        """Note the time of an epoch."""
        self.epochs.append(self._lap())


def main() -> None:
    """Train both ways and print the table."""
    parser = argparse.ArgumentParser(description="Measure the cache of features.")
    parser.add_argument("--config", default="resnet18", help="of the zoo (default: resnet18)")
    parser.add_argument("--size", type=int, default=64, help="height and width (default: 64)")
    parser.add_argument("--limit", type=int, default=1000, help="images of a class (default: 1000)")
    parser.add_argument("--epochs", type=int, default=4, help="epochs (default: 4)")
    chosen = parser.parse_args()
    print("| | CPU, s per epoch | wall, s per epoch | before the first epoch: CPU, s | wall, s |")
    print("| --- | ---: | ---: | ---: | ---: |")
    medians = {}
    for way, most_bytes in (("in every step", 0), ("computed once", None)):
        times = measure(chosen, most_bytes)
        cpu, wall = (statistics.median(each[part] for each in times.epochs[1:]) for part in (0, 1))
        medians[way] = cpu
        before = " | ".join(f"{value:.1f}" for value in times.before)
        print(f"| {way} | {cpu:.2f} | {wall:.2f} | {before} |", flush=True)
    once = medians["computed once"]
    print(f"\nAn epoch takes {medians['in every step'] / once:.0f} times less CPU time.")


def measure(chosen: argparse.Namespace, most_bytes: int | None) -> Times:
    """Train with at most so many bytes of features; None is the limit of cnnzoo."""
    from cnnzoo.training.engine import features

    words = [
        f"model.input_shape=[{chosen.size}, {chosen.size}, 3]",
        "data.name=cartoon_faces",
        "data.label=smile",
        f"data.limit={chosen.limit}",
        "data.augment=[]",
        "training.freeze=all_but_head",
        "training.batch_size=32",
        "training.optimizer=Adam",
        f"training.epochs={chosen.epochs}",
    ]
    with TemporaryDirectory() as folder:
        config = cnnzoo.load_config(chosen.config, words)
        cnnzoo.load_dataset(config.data, image_shape=config.model.input_shape)
        times, before = Times(), features.MOST_BYTES
        features.MOST_BYTES = before if most_bytes is None else most_bytes
        try:
            cnnzoo.train(config, folder, display=times)
        finally:
            features.MOST_BYTES = before
    return times


if __name__ == "__main__":
    main()

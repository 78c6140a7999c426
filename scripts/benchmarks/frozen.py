"""Compare the epochs of a frozen ResNet-50 with a new head, with and without the cache of features.

Random weights and drawn faces: the time does not depend on them. The first epoch, which compiles
the step, is omitted. `feature_seconds` is the time before the first epoch, in which the outputs of
the frozen layers are computed once.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import cnnzoo
from cnnzoo.training.progress import Display, Metrics, Progress

CONFIG = """
name: frozen
model:
  input_shape: [{size}, {size}, 3]
  layers:
    - Rescaling: {{scale: 2/255, offset: -1}}
    - ResNet50: {{weights: null, pooling: avg, trainable: false}}
    - Dense: {{units: $classes, activation: softmax}}
data: {{name: cartoon_faces, label: smile, limit: {limit}}}
training: {{epochs: 4, batch_size: 32}}
"""


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
    parser.add_argument("--size", type=int, default=96, help="height and width (default: 96)")
    parser.add_argument("--limit", type=int, default=300, help="images of a class (default: 300)")
    chosen = parser.parse_args()
    print("| | CPU, s per epoch | wall, s per epoch | before the first epoch: CPU, s | wall, s |")
    print("| --- | ---: | ---: | ---: | ---: |")
    medians = {}
    for way, most_bytes in (("in every step", 0), ("computed once", None)):
        times = measure(chosen.size, chosen.limit, most_bytes)
        cpu, wall = (statistics.median(each[part] for each in times.epochs[1:]) for part in (0, 1))
        medians[way] = cpu
        before = " | ".join(f"{value:.1f}" for value in times.before)
        print(f"| {way} | {cpu:.2f} | {wall:.2f} | {before} |", flush=True)
    once = medians["computed once"]
    print(f"\nAn epoch takes {medians['in every step'] / once:.0f} times less CPU time.")


def measure(size: int, limit: int, most_bytes: int | None) -> Times:
    """Train with at most so many bytes of features; None is the limit of cnnzoo."""
    from cnnzoo.training.engine import features

    with TemporaryDirectory() as folder:
        path = Path(folder, "frozen.yaml")
        path.write_text(CONFIG.format(size=size, limit=limit), encoding="utf-8")
        config = cnnzoo.load_config(path)
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

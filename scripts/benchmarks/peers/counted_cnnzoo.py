"""Train as one of several processes, and print what this process read and computed.

Arguments: the directory of the runs, and overrides of the configuration `lenet`. The last line of
the output is JSON. Images are mapped from the cache, and what is read from a map is not in Linux'
`rchar`; so the bytes of the batches that this process gathers are counted.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from cnnzoo.config.loader import load_config
from cnnzoo.errors import CnnzooError
from cnnzoo.models.backend import load_keras
from cnnzoo.training.devices import all_processes, exit_if_connected
from cnnzoo.training.engine.batches import Batches
from cnnzoo.training.hardware import find_hardware
from cnnzoo.training.job import prepare
from cnnzoo.training.progress import Display, Metrics, Progress
from cnnzoo.training.train import train_job


class Laps(Display):
    """The CPU seconds of the training steps of each epoch, without validation and checkpoint."""

    def __init__(self) -> None:
        self.epochs: list[float] = []
        self.began = self.trained = 0.0
        self.steps = 0

    def start(self, progress: Progress) -> None:
        """Start the clock."""
        self.steps = progress.steps
        self.began = time.process_time()

    def step(self, epoch: int, step: int, metrics: Metrics) -> None:
        """Note the time until now."""
        self.trained = time.process_time() - self.began

    def epoch(self, row: Metrics, best: bool = False) -> None:
        """Add the time of the steps."""
        self.epochs.append(self.trained)
        self.began = time.process_time()


def count_batches() -> dict[str, int]:
    """Count the images that this process gathers from now on, and their bytes."""
    counts = {"images": 0, "image_bytes": 0}
    take = Batches.take

    def counted(batches: Batches, rows: Any) -> Any:
        batch = take(batches, rows)
        counts["images"] += rows.size
        counts["image_bytes"] += batch[0].nbytes
        return batch

    Batches.take = counted  # type: ignore[method-assign]
    return counts


def read_bytes() -> int:
    """Return the bytes that this process has got from `read` and `pread`."""
    lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
    return int(dict(line.split(": ") for line in lines)["rchar"])


def run(runs: str, words: list[str]) -> dict[str, Any]:
    """Train, and return the counts of this process."""
    config = load_config("lenet", words)
    laps, counts = Laps(), count_batches()
    with all_processes(config) as scratch:
        load_keras()
        find_hardware()  # starts JAX
        started = read_bytes()
        job = prepare(config)
        opened = read_bytes() - started
        train_job(job, scratch or runs, display=laps)
    splits = job.dataset.splits
    return {
        **counts,
        "opened": opened,
        "cpu": laps.epochs,
        "steps": laps.steps,
        "cpu_whole": time.process_time(),
        "splits": [len(splits["train"]), len(splits["validation"])],
        "weights": 4 * job.architecture.trainable,
    }


if __name__ == "__main__":
    try:
        print(json.dumps(run(sys.argv[1], sys.argv[2:])))
    except CnnzooError as error:
        print(error, file=sys.stderr)
        exit_if_connected(1)
        sys.exit(1)

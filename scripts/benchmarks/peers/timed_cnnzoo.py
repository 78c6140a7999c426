"""Run `cnnzoo WORDS…` with its progress as lines of JSON.

The command is unchanged; the lines are events with their `time.time()`, for
`scripts/benchmarks/training.py`.
"""

from __future__ import annotations

import json
import time
from typing import Any

from cnnzoo.cli import main
from cnnzoo.training.progress import Display, Metrics, Progress


class Times(Display):
    """Print the times of the first batch and of each epoch."""

    def start(self, progress: Progress) -> None:
        """Start the clock."""
        self.images = progress.images
        self.first = True
        self.began = time.perf_counter()

    def step(self, epoch: int, step: int, metrics: Metrics) -> None:
        """Print the time of the first batch; validation and checkpoints follow the last one."""
        self.trained = time.perf_counter() - self.began
        if self.first:
            self.first = False
            say("batch")

    def epoch(self, row: Metrics, best: bool = False) -> None:
        """Print the time of the training steps."""
        accuracy = row.get("val_accuracy")
        say("epoch", seconds=self.trained, images=self.images, accuracy=accuracy)
        self.began = time.perf_counter()


def say(event: str, **values: Any) -> None:
    """Print an event with the current time."""
    print(json.dumps({"event": event, "at": time.time(), **values}), flush=True)


def run() -> None:
    """Run the command line with this display."""
    from cnnzoo.terminal import display as progress

    progress.display_for = lambda console: Times()  # type: ignore[assignment]
    main()


if __name__ == "__main__":
    run()

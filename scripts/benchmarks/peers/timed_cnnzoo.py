"""`cnnzoo WORDS…`, which tells its progress as lines of JSON instead of showing it.

The command itself is unchanged; the lines say what happened when (`time.time()`), for
`scripts/benchmarks/training.py`.
"""

from __future__ import annotations

import json
import time
from typing import Any

from cnnzoo.cli import main
from cnnzoo.training.progress import Display, Metrics, Progress


class Times(Display):
    """Says when the first batch and each epoch were done."""

    def start(self, progress: Progress) -> None:
        """Start the clock."""
        self.images = progress.images
        self.first = True
        self.began = time.perf_counter()

    def step(self, epoch: int, step: int, metrics: Metrics) -> None:
        """Say it of the first one; what comes after the last is validation and checkpoints."""
        self.trained = time.perf_counter() - self.began
        if self.first:
            self.first = False
            say("batch")

    def epoch(self, row: Metrics, best: bool = False) -> None:
        """Say how long its steps took."""
        accuracy = row.get("val_accuracy")
        say("epoch", seconds=self.trained, images=self.images, accuracy=accuracy)
        self.began = time.perf_counter()


def say(event: str, **values: Any) -> None:
    """Print what happened now."""
    print(json.dumps({"event": event, "at": time.time(), **values}), flush=True)


def run() -> None:
    """Run the command line with this display."""
    from cnnzoo.terminal import display as progress

    progress.display_for = lambda console: Times()  # type: ignore[assignment]
    main()


if __name__ == "__main__":
    run()

"""Log a training for TensorBoard: `tensorboard --logdir runs` compares all runs."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from cnnzoo.extras import require
from cnnzoo.runs.run import Run
from cnnzoo.training.loggers.events import Events
from cnnzoo.training.progress import Metrics, metric_names

DIRECTORY = "tensorboard"
TRAIN, VALIDATION = "train", "validation"  # with equal tags, so that one chart shows both


class TensorBoardLogger:
    """Losses, metrics and the learning rate of each epoch, as scalars."""

    def __init__(self) -> None:
        # The command draws images after the training: fail before it if a package is missing.
        for package in ("tensorboardX", "matplotlib"):
            require(package, "tensorboard", "training.tensorboard")
        self.events: dict[str, Events] = {}

    def start(self, run: Run, rows: Sequence[Metrics]) -> None:
        """Write the finished epochs again, so that none is duplicated or incomplete."""
        directory = log_directory(run)
        if directory.exists():
            shutil.rmtree(directory)
        self.events = {part: Events(directory / part) for part in (TRAIN, VALIDATION)}
        for row in rows:
            self._add(row)
        self._flush()

    def epoch(self, row: Metrics) -> None:
        """Write an epoch."""
        self._add(row)
        self._flush()

    def end(self, status: str) -> None:
        """Close the files."""
        for events in self.events.values():
            events.close()

    def _add(self, row: Metrics) -> None:
        step = int(row["epoch"])
        for name in metric_names(row):
            part = VALIDATION if name.startswith("val_") else TRAIN
            self.events[part].add_scalar(name.removeprefix("val_"), row[name], step)
        self.events[TRAIN].add_scalar("learning_rate", row["learning_rate"], step)

    def _flush(self) -> None:
        for events in self.events.values():
            events.flush()


def log_directory(run: Run) -> Path:
    """The directory of the logs of a run."""
    return run.path / DIRECTORY

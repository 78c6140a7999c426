"""The loggers that a configuration enables: TensorBoard, MLflow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from cnnzoo.config.schema import Config
from cnnzoo.runs.run import Run
from cnnzoo.training.progress import Metrics


class Logger(Protocol):
    """Receive the rows of `history.csv` as they are measured."""

    def start(self, run: Run, rows: Sequence[Metrics]) -> None:
        """Start the log of a training, or continue it after these epochs."""

    def epoch(self, row: Metrics) -> None:
        """Log a finished epoch."""

    def end(self, status: str) -> None:
        """End the log; the status is that of `run.json`."""


class Loggers:
    """All loggers of a training, as one."""

    def __init__(self, loggers: Sequence[Logger] = ()) -> None:
        self.loggers = tuple(loggers)

    def start(self, run: Run, rows: Sequence[Metrics]) -> None:
        """Start the logs of a training, or continue them after these epochs."""
        for logger in self.loggers:
            logger.start(run, rows)

    def epoch(self, row: Metrics) -> None:
        """Log a finished epoch."""
        for logger in self.loggers:
            logger.epoch(row)

    def end(self, status: str) -> None:
        """End the logs; the status is that of `run.json`."""
        for logger in self.loggers:
            logger.end(status)


def open_loggers(config: Config, note: Callable[[str], None]) -> Loggers:
    """The loggers that a configuration enables; `note` shows a line to the user.

    Raises UserError if a package is missing, or if the MLflow server does not answer: it is better
    to fail before the training starts.
    """
    loggers: list[Logger] = []
    if config.training.tensorboard:
        from cnnzoo.training.loggers.tensorboard import TensorBoardLogger

        loggers.append(TensorBoardLogger())
    if config.training.mlflow:
        from cnnzoo.training.loggers.mlflow import MlflowLogger

        loggers.append(MlflowLogger(config, note))
    return Loggers(loggers)

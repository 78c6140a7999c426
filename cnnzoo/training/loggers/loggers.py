"""Where else a training is written to, when its configuration asks: TensorBoard, MLflow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from cnnzoo.config.schema import Config
from cnnzoo.runs.run import Run
from cnnzoo.training.progress import Metrics


class Log(Protocol):
    """Takes the rows of `history.csv` as they come."""

    def begin(self, run: Run, rows: Sequence[Metrics]) -> None:
        """The training begins, or goes on after these epochs."""

    def epoch(self, row: Metrics) -> None:
        """An epoch has ended."""

    def end(self, status: str) -> None:
        """The training has ended; the status is that of `run.json`."""


class Logs:
    """All logs of a training."""

    def __init__(self, logs: Sequence[Log] = ()) -> None:
        self.logs = tuple(logs)

    def begin(self, run: Run, rows: Sequence[Metrics]) -> None:
        """The training begins, or goes on after these epochs."""
        for log in self.logs:
            log.begin(run, rows)

    def epoch(self, row: Metrics) -> None:
        """An epoch has ended."""
        for log in self.logs:
            log.epoch(row)

    def end(self, status: str) -> None:
        """The training has ended; the status is that of `run.json`."""
        for log in self.logs:
            log.end(status)


def open_logs(config: Config, note: Callable[[str], None]) -> Logs:
    """The logs that a configuration asks for; `note` takes a line to show.

    Raises UserError where a package for one is missing, or nobody answers where MLflow writes to:
    before a training has begun, nothing is lost by saying so.
    """
    logs: list[Log] = []
    if config.training.tensorboard:
        from cnnzoo.training.loggers.tensorboard import TensorBoardLog

        logs.append(TensorBoardLog())
    if config.training.mlflow:
        from cnnzoo.training.loggers.mlflow import MlflowLog

        logs.append(MlflowLog(config, note))
    return Logs(logs)

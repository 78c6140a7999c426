"""What a training tells while it runs, to whoever shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # it loads NumPy, which `cnnzoo runs` has no need of
    from cnnzoo.datasets.dataset import Dataset

Metrics = Mapping[str, float]

# Shown in this order, before every other metric.
_FIRST = ("loss", "accuracy", "val_loss", "val_accuracy")
_NO_METRICS = ("epoch", "seconds", "learning_rate")


@dataclass(frozen=True, slots=True)
class Course:
    """A training that begins, or goes on: so many epochs of so many steps, of so many images.

    `epoch` (from 1) and `step` (those that are done) are where it begins. `monitor` is the metric
    that chooses the best epoch, and `best` that epoch and its value, where there already is one.
    """

    epochs: int
    steps: int
    images: int
    monitor: str
    epoch: int = 1
    step: int = 0
    best: tuple[int, float] | None = None

    @property
    def goes_on(self) -> bool:
        """Whether some of it was done before."""
        return (self.epoch, self.step) != (1, 0)


class Display:
    """Shows nothing; what it could show is what a training tells while it runs."""

    def note(self, text: str) -> None:
        """Something to know, in one line: what was chosen, or goes on without something."""

    def decode(self, done: int, total: int) -> None:
        """So many images of all were decoded; never told where the cache has them."""

    def data(self, dataset: Dataset, seconds: float) -> None:
        """The data are there, after so long."""

    def start(self, course: Course) -> None:
        """The training begins, or goes on."""

    def step(self, epoch: int, step: int, metrics: Metrics) -> None:
        """A step is done; the metrics are those of the epoch so far."""

    def validate(self, step: int, steps: int) -> None:
        """A step of so many of the epoch's validation is done; 0 when it begins."""

    def epoch(self, row: Metrics, best: bool = False) -> None:
        """An epoch is done, and may be the best so far; the row is that of `history.csv`."""

    def stop(self) -> None:
        """The decoding or the training has ended, in whatever way."""


def metric_names(metrics: Metrics) -> list[str]:
    """The losses and metrics of a row, the familiar ones first."""
    names = [name for name in metrics if name not in _NO_METRICS]
    return sorted(names, key=lambda name: _FIRST.index(name) if name in _FIRST else len(_FIRST))

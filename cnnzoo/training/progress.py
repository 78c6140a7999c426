"""The protocol by which a training reports its progress to a display."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # these load NumPy, which `cnnzoo runs` does not need
    from cnnzoo.config.data import DataConfig
    from cnnzoo.datasets.dataset import Dataset, ImageShape
    from cnnzoo.datasets.source import Source

Metrics = Mapping[str, float]
# The rows of `history.csv` after an epoch → whether the training ends with it.
EndsAfter = Callable[[Sequence[Metrics]], bool]

# Shown in this order, before all other metrics.
_FIRST = ("loss", "accuracy", "val_loss", "val_accuracy")
_NO_METRICS = ("epoch", "seconds", "learning_rate")


@dataclass(frozen=True, slots=True)
class Progress:
    """The position at which a training starts or continues.

    `epochs`, `steps` (of an epoch) and `images` (of an epoch) are totals. `epoch` (from 1) and
    `step` (number of finished steps) are the position. `monitor` is the metric that selects the
    best epoch, and `best` that epoch and its value, if there is one.
    """

    epochs: int
    steps: int
    images: int
    monitor: str
    epoch: int = 1
    step: int = 0
    best: tuple[int, float] | None = None

    @property
    def is_resumed(self) -> bool:
        """True if a part of the training was done before."""
        return (self.epoch, self.step) != (1, 0)


class Display:
    """Receive the progress of a training; this base class shows nothing."""

    def note(self, text: str) -> None:
        """Show one line: a value that was chosen, or a warning."""

    def decode(self, done: int, total: int) -> None:
        """Show the number of decoded images; not called if the cache has them."""

    def data(self, dataset: Dataset, seconds: float) -> None:
        """Show the data set; loading it took `seconds`."""

    def start(self, progress: Progress) -> None:
        """Show that the training starts, or continues."""

    def step(self, epoch: int, step: int, metrics: Metrics) -> None:
        """Show a finished step; the metrics are those of the epoch so far."""

    def validate(self, step: int, steps: int) -> None:
        """Show a finished validation step; step 0 when the validation starts."""

    def epoch(self, row: Metrics, best: bool = False) -> None:
        """Show a finished epoch; `row` is the row of `history.csv`, `best` if it is the best."""

    def saved(self) -> None:
        """Receive that a checkpoint was written."""

    def stop(self) -> None:
        """Stop showing progress: the decoding or the training has ended, or failed."""


def metric_names(metrics: Metrics) -> list[str]:
    """The names of the losses and metrics in a row, the common ones first."""
    names = [name for name in metrics if name not in _NO_METRICS]
    return sorted(names, key=lambda name: _FIRST.index(name) if name in _FIRST else len(_FIRST))


def load_with_progress(
    data: DataConfig,
    image_shape: ImageShape,
    display: Display,
    source: Source | None = None,
    most_in_memory: int | None = None,
) -> Dataset:
    """Load a data set, and report the decoding and the result to a display.

    `source` is its opened source; without it, the source is opened here. `most_in_memory` is
    that of `load_dataset`. Raises DataError.
    """
    from cnnzoo.datasets.load import load_dataset

    started = time.perf_counter()
    try:
        dataset = load_dataset(
            data,
            image_shape=image_shape,
            on_progress=display.decode,
            source=source,
            most_in_memory=most_in_memory,
        )
    finally:
        display.stop()
    display.data(dataset, time.perf_counter() - started)
    for note in dataset.notes:
        display.note(note)
    return dataset

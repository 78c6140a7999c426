"""How a training is shown: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Mapping

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from cnnzoo.config.calls import listed
from cnnzoo.config.data import DataConfig
from cnnzoo.datasets.dataset import SPLITS, Dataset, ImageShape
from cnnzoo.datasets.load import load_dataset
from cnnzoo.errors import printable

Metrics = Mapping[str, float]

# Shown in this order, before every other metric.
_FIRST = ("loss", "accuracy", "val_loss", "val_accuracy")
_NO_METRICS = ("epoch", "seconds", "learning_rate")


class Display:
    """Shows nothing; what it could show is what a training tells while it runs."""

    def decode(self, done: int, total: int) -> None:
        """So many images of all were decoded; never told where the cache has them."""

    def data(self, dataset: Dataset, seconds: float) -> None:
        """The data are there, after so long."""

    def start(self, epochs: int, steps: int) -> None:
        """The training begins: so many epochs of so many steps."""

    def step(self, epoch: int, step: int, metrics: Metrics) -> None:
        """A step is done; the metrics are those of the epoch so far."""

    def epoch(self, row: Metrics) -> None:
        """An epoch is done; the row is that of `history.csv`."""

    def stop(self) -> None:
        """The decoding or the training has ended, in whatever way."""


class Lines(Display):
    """One plain line for the decoding, one for the data, one an epoch."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.epochs = 0
        self.decoded = 0

    def decode(self, done: int, total: int) -> None:
        """Remember how many images."""
        self.decoded = done

    def data(self, dataset: Dataset, seconds: float) -> None:
        """Print what was decoded, and what there is."""
        if self.decoded:
            self._print(f"decoded {self.decoded:,} images of {dataset.name} in {seconds:.1f} s")
        self._print(data_text(dataset))

    def start(self, epochs: int, steps: int) -> None:
        """Remember of how many epochs it is."""
        self.epochs = epochs

    def epoch(self, row: Metrics) -> None:
        """Print the epoch's line."""
        number = f"{int(row['epoch']):>{len(str(self.epochs))}}"
        line = f"epoch {number}/{self.epochs}  {metrics_text(row)}  {row['seconds']:.1f} s"
        self._print(line)

    def _print(self, line: str) -> None:
        self.console.print(line, highlight=False, markup=False, soft_wrap=True)


class _Count(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{int(task.completed):,}/{int(task.total or 0):,}")


class Bars(Lines):
    """A bar for the decoding; then one for epochs and one for the steps of the current one."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self.progress = Progress(
            TextColumn("{task.description:<8}"),
            BarColumn(bar_width=30),
            _Count(),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[metrics]}"),
            console=console,
            transient=True,
        )

    def decode(self, done: int, total: int) -> None:
        """Move the bar of the decoding."""
        super().decode(done, total)
        if not self.progress.tasks:
            self.progress.add_task("decoding", total=total, metrics="")
            self.progress.start()
        self.progress.update(self.progress.tasks[0].id, completed=done)

    def start(self, epochs: int, steps: int) -> None:
        """Show both bars, empty."""
        super().start(epochs, steps)
        self.total = self.progress.add_task("epochs", total=epochs, metrics="")
        self.current = self.progress.add_task("steps", total=steps, metrics="")
        self.steps = steps
        self.progress.start()

    def step(self, epoch: int, step: int, metrics: Metrics) -> None:
        """Move both bars."""
        self.progress.update(self.current, completed=step, metrics=metrics_text(metrics))
        self.progress.update(self.total, completed=epoch - 1 + step / self.steps)

    def epoch(self, row: Metrics) -> None:
        """Print the epoch's line above the bars."""
        super().epoch(row)
        self.progress.update(self.total, completed=row["epoch"])

    def stop(self) -> None:
        """Take the bars away."""
        self.progress.stop()
        for task in self.progress.tasks:
            self.progress.remove_task(task.id)


def display_for(console: Console) -> Display:
    """Bars where the console is a terminal, lines where it is not."""
    return Bars(console) if console.is_terminal else Lines(console)


def metrics_text(metrics: Metrics) -> str:
    """Losses and metrics in one line, the familiar ones first."""
    names = [name for name in metrics if name not in _NO_METRICS]
    names.sort(key=lambda name: _FIRST.index(name) if name in _FIRST else len(_FIRST))
    return "  ".join(f"{name} {metrics[name]:.4f}" for name in names)


def load_shown(data: DataConfig, image_shape: ImageShape, display: Display) -> Dataset:
    """The data set of a section, while a display shows how far its decoding is; then what it is."""
    started = time.perf_counter()
    try:
        dataset = load_dataset(data, image_shape=image_shape, on_progress=display.decode)
    finally:
        display.stop()
    display.data(dataset, time.perf_counter() - started)
    return dataset


def data_text(dataset: Dataset) -> str:
    """A data set in one line: its classes, the examples of each split, and what was left out."""
    counts = ", ".join(f"{len(dataset.splits[split]):,} {split}" for split in SPLITS)
    text = f"{dataset.name}: {len(dataset.class_names)} classes, {counts} examples"
    if dataset.skipped:
        text += f"; skipped {len(dataset.skipped):,} that cannot be read, see data in run.json"
    trained = set(dataset.splits["train"].labels.tolist())
    untrained = [name for code, name in enumerate(dataset.class_names) if code not in trained]
    if untrained:
        text += f"; none to train on of {listed(untrained)}"
    return printable(text)

"""How a training is shown: bars on a terminal, one plain line an epoch elsewhere."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

Metrics = Mapping[str, float]

# Shown in this order, before every other metric.
_FIRST = ("loss", "accuracy", "val_loss", "val_accuracy")
_NO_METRICS = ("epoch", "seconds", "learning_rate")


class Display:
    """Shows nothing; what it could show is what a training tells while it runs."""

    def start(self, epochs: int, steps: int) -> None:
        """The training begins: so many epochs of so many steps."""

    def step(self, epoch: int, step: int, metrics: Metrics) -> None:
        """A step is done; the metrics are those of the epoch so far."""

    def epoch(self, row: Metrics) -> None:
        """An epoch is done; the row is that of `history.csv`."""

    def stop(self) -> None:
        """The training has ended, in whatever way."""


class Lines(Display):
    """One plain line an epoch."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.epochs = 0

    def start(self, epochs: int, steps: int) -> None:
        """Remember of how many epochs it is."""
        self.epochs = epochs

    def epoch(self, row: Metrics) -> None:
        """Print the epoch's line."""
        number = f"{int(row['epoch']):>{len(str(self.epochs))}}"
        line = f"epoch {number}/{self.epochs}  {metrics_text(row)}  {row['seconds']:.1f} s"
        self.console.print(line, highlight=False, soft_wrap=True)


class Bars(Lines):
    """A bar for epochs and a bar for the steps of the current one, below the lines so far."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self.progress = Progress(
            TextColumn("{task.description:<6}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[metrics]}"),
            console=console,
            transient=True,
        )

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


def display_for(console: Console) -> Display:
    """Bars where the console is a terminal, lines where it is not."""
    return Bars(console) if console.is_terminal else Lines(console)


def metrics_text(metrics: Metrics) -> str:
    """Losses and metrics in one line, the familiar ones first."""
    names = [name for name in metrics if name not in _NO_METRICS]
    names.sort(key=lambda name: _FIRST.index(name) if name in _FIRST else len(_FIRST))
    return "  ".join(f"{name} {metrics[name]:.4f}" for name in names)

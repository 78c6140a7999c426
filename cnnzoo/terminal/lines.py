"""The progress of a training as plain lines, for files, pipes and logs."""

from __future__ import annotations

from rich.console import Console

from cnnzoo.datasets.dataset import SPLITS, Dataset
from cnnzoo.terminal.pace import Pace
from cnnzoo.text import duration_text, listed, printable
from cnnzoo.training.progress import Display, Metrics, Progress, metric_names


class Lines(Display):
    """Prints one line for decoding, one for the data, and one per epoch."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.decoded = 0

    def note(self, text: str) -> None:
        """Print the line."""
        self._print(printable(text))

    def decode(self, done: int, total: int) -> None:
        """Remember the number of images."""
        self.decoded = done

    def data(self, dataset: Dataset, seconds: float) -> None:
        """Print the decoded and the available images."""
        if self.decoded:
            self._print(f"decoded {self.decoded:,} images of {dataset.name} in {seconds:.1f} s")
        self._print(data_text(dataset))

    def start(self, progress: Progress) -> None:
        """Start the clock; print the position at which a training resumes."""
        self.pace = Pace(progress)
        if progress.is_resumed:
            self._print(resumed_text(progress))

    def step(self, epoch: int, step: int, metrics: Metrics) -> None:
        """Update the clock."""
        self.pace.take_step(epoch, step)

    def epoch(self, row: Metrics, best: bool = False) -> None:
        """Print the line of the epoch."""
        parts = [
            f"epoch {self.number(row)}",
            metrics_text(row),
            duration_text(self.pace.seconds()),
        ]
        if rate := self.pace.rate():
            parts.append(f"{rate:,.0f} images/s")
        if best:
            parts.append("best")
        self._print("  ".join(parts))
        self.pace.begin_epoch(int(row["epoch"]) + 1)

    def number(self, row: Metrics) -> str:
        """Return the number of the epoch and of all epochs, with a fixed width."""
        epochs = self.pace.progress.epochs
        return f"{int(row['epoch']):>{len(str(epochs))}}/{epochs}"

    def _print(self, line: str) -> None:
        self.console.print(line, highlight=False, markup=False, soft_wrap=True)


def metrics_text(metrics: Metrics) -> str:
    """Return losses and metrics in one line, the usual ones first."""
    return "  ".join(f"{name} {metrics[name]:.4f}" for name in metric_names(metrics))


def best_text(monitor: str, best: tuple[int, float]) -> str:
    """Return the best epoch so far and its metric."""
    epoch, value = best
    return f"best so far: epoch {epoch}, {monitor} {value:.4f}"


def resumed_text(progress: Progress) -> str:
    """Return the position at which a training resumes, in one line."""
    after = f" after step {progress.step} of {progress.steps}" if progress.step else ""
    best = f"; {best_text(progress.monitor, progress.best)}" if progress.best else ""
    return f"resumes in epoch {progress.epoch} of {progress.epochs}{after}{best}"


def data_text(dataset: Dataset) -> str:
    """Return a data set in one line: classes, examples per split, and skipped files."""
    counts = ", ".join(f"{len(dataset.splits[split]):,} {split}" for split in SPLITS)
    text = f"{dataset.name}: {len(dataset.class_names)} classes, {counts} examples"
    if dataset.skipped:
        text += f"; {len(dataset.skipped):,} unreadable skipped, listed under data in run.json"
    trained = set(dataset.splits["train"].labels.tolist())
    untrained = [name for code, name in enumerate(dataset.class_names) if code not in trained]
    if untrained:
        text += f"; no training examples of {listed(untrained)}"
    return printable(text)

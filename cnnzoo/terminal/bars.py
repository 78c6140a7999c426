"""The progress of a training on a terminal: a line per epoch, and bars below."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Any

from rich import progress as rich_progress
from rich.console import Console, RenderableType
from rich.text import Text

from cnnzoo.terminal.lines import Lines, best_text, metrics_text
from cnnzoo.text import duration_text
from cnnzoo.training.progress import Metrics, Progress, metric_names

_BAR = 30  # letters, if there is room
_TEXT_OF_BAR = 40  # maximum letters of the text before and after the bar
_REDRAW = 0.05  # seconds; a small network makes a thousand steps per second

Column = tuple[str, str]  # heading and value


class Bars(Lines):
    """Shows a bar of the decoding; then a line per epoch, and bars of epochs and steps."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self.progress = _Live(console)
        self.headings: list[str] | None = None
        self.drawn = 0.0

    def decode(self, done: int, total: int) -> None:
        """Move the bar of the decoding."""
        super().decode(done, total)
        if not self.progress.tasks:
            self.progress.add_task("decoding", total=total, count="", left="")
            self.progress.start()
        self._move(0, done, f"{done:,}/{total:,}")

    def start(self, progress: Progress) -> None:
        """Show both bars."""
        super().start(progress)
        self.progress.best = best_text(progress.monitor, progress.best) if progress.best else ""
        self.progress.add_task("epoch", total=progress.epochs, count="", left="")
        self.progress.add_task("step", total=progress.steps, count="", left="")
        self._draw(progress.epoch, progress.step)
        self.progress.start()

    def step(self, epoch: int, step: int, metrics: Metrics) -> None:
        """Move both bars."""
        super().step(epoch, step, metrics)
        now = time.perf_counter()
        if now - self.drawn < _REDRAW and step < self.pace.progress.steps:
            return
        self.drawn = now
        rate = self.pace.rate()
        speed = f"{rate:,.0f} images/s  " if rate else ""
        self.progress.metrics = speed + metrics_text(metrics)
        self._draw(epoch, step)

    def validate(self, step: int, steps: int) -> None:
        """Let the bar of the steps show the validation."""
        self._move(1, step, f"{step:,}/{steps:,}", description="validation", total=steps)

    def epoch(self, row: Metrics, best: bool = False) -> None:
        """Print the line of the epoch above the bars; print the headings before the first."""
        progress, rate = self.pace.progress, self.pace.rate()
        columns = [
            ("epoch", self.number(row)),
            *((name, f"{row[name]:.4f}") for name in metric_names(row)),
            ("time", duration_text(self.pace.seconds())),
            ("images/s", f"{rate:,.0f}" if rate else "-"),
        ]
        if self.headings is None:
            self.headings = _that_fit(columns, progress.monitor, self.console.width)
            self._print_cells([(name, name) for name in self.headings], columns, "dim")
        shown = [column for column in columns if column[0] in self.headings]
        self._print_cells(shown, columns, "bold" if best else "", "best" if best else "")
        if best and progress.monitor in row:
            self.progress.best = best_text(
                progress.monitor, (int(row["epoch"]), row[progress.monitor])
            )
        self.pace.begin_epoch(int(row["epoch"]) + 1)
        if row["epoch"] < progress.epochs:
            self._draw(int(row["epoch"]) + 1, 0)

    def stop(self) -> None:
        """Remove the bars."""
        self.progress.stop()
        self.progress.metrics = self.progress.best = ""
        for task in self.progress.tasks:
            self.progress.remove_task(task.id)

    def _print(self, line: str) -> None:
        self.console.print(line, highlight=False, markup=False)

    def _print_cells(
        self, shown: list[Column], columns: list[Column], style: str, mark: str = ""
    ) -> None:
        widths = {heading: _width((heading, value)) for heading, value in columns}
        cells = [f"{value:>{widths[heading]}}" for heading, value in shown]
        line = Text("  ".join([*cells, mark]), style=style)
        self.console.print(line, no_wrap=True, overflow="crop", highlight=False)

    def _draw(self, epoch: int, step: int) -> None:
        progress, left = self.pace.progress, self.pace.left()
        time_left = "" if left is None else f"{duration_text(left)} left"
        self._move(0, self.pace.done(), f"{epoch}/{progress.epochs}", left=time_left)
        count = f"{step:,}/{progress.steps:,}"
        self._move(1, step, count, description="step", total=progress.steps)

    def _move(self, index: int, completed: float, count: str, **fields: Any) -> None:
        task = self.progress.tasks[index]
        self.progress.update(task.id, completed=completed, count=count, **fields)


class _Live(rich_progress.Progress):
    """Bars, and lines below them that are cut at the width of the terminal."""

    def __init__(self, console: Console) -> None:
        self.metrics = self.best = ""
        bar = max(5, min(_BAR, console.width - _TEXT_OF_BAR))
        super().__init__(
            rich_progress.TextColumn("{task.description:<10}"),
            rich_progress.BarColumn(bar_width=bar),
            rich_progress.TextColumn("{task.fields[count]}"),
            rich_progress.TextColumn("{task.fields[left]}"),
            console=console,
            transient=True,
        )

    def get_renderables(self) -> Iterable[RenderableType]:
        yield from super().get_renderables()
        yield from self._lines()

    def _lines(self) -> Iterator[Text]:
        for line in (self.metrics, self.best):
            if line:
                yield Text(line, no_wrap=True, overflow="ellipsis")


def _that_fit(columns: list[Column], monitor: str, width: int) -> list[str]:
    """Return the headings of the columns that fit, by importance."""
    important = ["epoch", monitor, "loss", "val_loss", "accuracy", "val_accuracy", "time"]
    order = sorted(
        columns,
        key=lambda column: important.index(column[0]) if column[0] in important else len(important),
    )
    room = width - len("best")
    kept = []
    for column in order:
        room -= _width(column) + 2
        if room < 0:
            break
        kept.append(column[0])
    return [heading for heading, _ in columns if heading in kept]


def _width(column: Column) -> int:
    heading, value = column
    return max(len(heading), len(value), 7)

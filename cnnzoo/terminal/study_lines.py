"""The progress of a study: lines, and the bars of the current training below them."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from cnnzoo.studies.progress import StudyDisplay
from cnnzoo.terminal.bars import Bars
from cnnzoo.text import printable
from cnnzoo.training.progress import Display, Metrics


class StudyLines(StudyDisplay):
    """Prints lines; on a terminal, the bars of the current training are below them."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.noted: set[str] = set()

    def note(self, text: str) -> None:
        """Print the line."""
        self.console.print(printable(text), highlight=False, markup=False, soft_wrap=True)

    def training(self) -> Display:
        """Return bars on a terminal; elsewhere only the notes are shown."""
        if self.console.is_terminal:
            return _QuietBars(self.console, self.noted)
        return Notes(self)


class Notes(Display):
    """Shows each note once: every training of a study has the same ones."""

    def __init__(self, lines: StudyLines) -> None:
        self.lines = lines

    def note(self, text: str) -> None:
        """Print a line, unless it was printed before."""
        if text not in self.lines.noted:
            self.lines.noted.add(text)
            self.lines.note(f"  {text}")


class _QuietBars(Bars):
    """Bars without a line per epoch."""

    def __init__(self, console: Console, noted: set[str]) -> None:
        super().__init__(console)
        self.noted = noted

    def note(self, text: str) -> None:
        if text not in self.noted:
            self.noted.add(text)
            super().note(f"  {text}")

    def data(self, dataset: Any, seconds: float) -> None:
        """Show nothing: the data are the same for each training."""

    def epoch(self, row: Metrics, best: bool = False) -> None:
        """Move the bars."""
        self.pace.begin_epoch(int(row["epoch"]) + 1)

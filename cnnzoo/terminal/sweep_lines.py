"""The progress of a sweep: one line when a trial starts and one when it has ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from cnnzoo.config.writer import to_flow
from cnnzoo.runs.listing import short_keys
from cnnzoo.studies.progress import StudyDisplay
from cnnzoo.studies.sweep_results import Trial
from cnnzoo.terminal.bars import Bars
from cnnzoo.text import counted, duration_text, printable
from cnnzoo.training.progress import Display, Metrics


class SweepLines(StudyDisplay):
    """Prints lines; on a terminal, the bars of the current training are below them."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.noted: set[str] = set()

    def note(self, text: str) -> None:
        """Print the line."""
        self.console.print(printable(text), highlight=False, markup=False, soft_wrap=True)

    def start(self, number: int, of: int | None, settings: Mapping[str, Any]) -> None:
        """Print the settings of the trial."""
        total = f" of {of}" if of else ""
        self.note(f"trial {number}{total}: {settings_text(settings)}")

    def training(self) -> Display:
        """Return bars on a terminal; elsewhere only the notes are shown."""
        if self.console.is_terminal:
            return _QuietBars(self.console, self.noted)
        return _Notes(self)

    def end(self, trial: Trial) -> None:
        """Print the result of the trial."""
        self.note(f"  {result_text(trial)}")


class _Notes(Display):
    """Shows each note once: every training of a sweep has the same ones."""

    def __init__(self, lines: SweepLines) -> None:
        self.lines = lines

    def note(self, text: str) -> None:
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
        """Show nothing: the data are the same for each trial."""

    def epoch(self, row: Metrics, best: bool = False) -> None:
        """Move the bars."""
        self.pace.begin_epoch(int(row["epoch"]) + 1)


def settings_text(settings: Mapping[str, Any]) -> str:
    """Return settings in one line with short keys: `batch_size=32 learning_rate=0.001`."""
    short = short_keys(settings, settings)
    return " ".join(f"{short[key]}={to_flow(value)}" for key, value in settings.items())


def result_text(trial: Trial) -> str:
    """Return how a trial ended, in one line."""
    time = duration_text(trial.seconds)
    if trial.is_complete:
        return f"{', '.join(f'{value:.6g}' for value in trial.values)}  {time}"
    if trial.problem:
        return f"{trial.outcome}: {trial.problem}"
    return f"{trial.outcome} after {counted(trial.epochs, 'epoch')}  {time}"

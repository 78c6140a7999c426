"""The progress of a sweep: one line when a trial starts and one when it has ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cnnzoo.config.writer import to_flow
from cnnzoo.runs.listing import short_keys
from cnnzoo.studies.progress import SweepDisplay
from cnnzoo.studies.sweep_results import Trial
from cnnzoo.terminal.study_lines import Notes, StudyLines
from cnnzoo.text import counted, duration_text
from cnnzoo.training.progress import Display


class SweepLines(StudyLines, SweepDisplay):
    """Prints a line when a trial starts and one when it has ended."""

    def start(self, number: int, of: int | None, settings: Mapping[str, Any]) -> None:
        """Print the settings of the trial."""
        total = f" of {of}" if of else ""
        self.note(f"trial {number}{total}: {settings_text(settings)}")

    def end(self, trial: Trial) -> None:
        """Print the result of the trial."""
        self.note(f"  {result_text(trial)}")

    def wait(self) -> None:
        """Print what this process waits for."""
        self.note("waiting for the trials of other processes")


class ManyTrialsLines(SweepLines):
    """Prints the lines of trials that are trained at the same time by other processes."""

    def end(self, trial: Trial) -> None:
        """Print the number and the result of the trial."""
        self.note(f"trial {trial.number}: {result_text(trial)}")

    def training(self) -> Display:
        """Return a display of notes only."""
        return Notes(self)


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

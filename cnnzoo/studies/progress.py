"""The protocol by which a study reports its progress to a display."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cnnzoo.studies.sweep_results import Trial
from cnnzoo.training.progress import Display


class StudyDisplay:
    """Receive the progress of a study; this base class shows nothing."""

    def note(self, text: str) -> None:
        """Show one line."""

    def training(self) -> Display:
        """Return the display of one training."""
        return Display()


class SweepDisplay(StudyDisplay):
    """Receive the progress of a sweep; this base class shows nothing."""

    def start(self, number: int, of: int | None, settings: Mapping[str, Any]) -> None:
        """Show that a trial starts, or continues; `of` is the number of all trials, if known."""

    def end(self, trial: Trial) -> None:
        """Show how a trial ended."""

    def wait(self) -> None:
        """Show that only trials of other processes are left."""

"""The directory of a cross-validation, `crossval/NAME`: configuration, results and runs."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from cnnzoo.runs.run import Run
from cnnzoo.studies.study_directory import StudyDirectory

LOCK = ".lock"


class CrossvalDirectory(StudyDirectory):
    """A cross-validation: a directory and the files in it.

    The runs have the numbers from 1: the folds of the first repeat, then those of the second.
    """

    __slots__ = ()

    KIND: ClassVar[str] = "cross-validation"
    KINDS: ClassVar[str] = "cross-validations"
    CONFIG: ClassVar[str] = "crossval.yaml"
    RESULTS: ClassVar[str] = "crossval.json"
    START: ClassVar[str] = "cnnzoo crossval CONFIG"

    @property
    def predictions_path(self) -> Path:
        """The prediction for each example by the model that was not trained on it."""
        return self.path / "predictions.csv"

    def run(self, number: int) -> Run:
        """Return the run of that number, whether it exists or not."""
        return Run(self.path / str(number))

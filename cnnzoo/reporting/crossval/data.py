"""A cross-validation → everything that its page and figures show."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from cnnzoo.errors import CnnzooError
from cnnzoo.evaluation.predictions import Predictions, read_predictions
from cnnzoo.studies.crossval_directory import CrossvalDirectory
from cnnzoo.studies.crossval_results import CrossvalRecord, read_record

History = list[dict[str, float]]


@dataclass(frozen=True, slots=True)
class CrossvalData:
    """A cross-validation; `histories` has the rows of each run, by its number.

    `predictions` are the out-of-fold ones, None until all folds have a result.
    """

    directory: CrossvalDirectory
    record: CrossvalRecord
    monitor: str
    histories: Mapping[int, History]
    predictions: Predictions | None


def collect_crossval(directory: CrossvalDirectory) -> CrossvalData:
    """Read a cross-validation; raises RunError if its files are damaged."""
    record, config = read_record(directory), directory.config()
    histories = {}
    for number in range(1, record.count + 1):
        with suppress(CnnzooError):  # a damaged history does not hide the other folds
            if rows := directory.run(number).history():
                histories[number] = rows
    predictions = None
    if record.metrics:
        predictions = read_predictions(directory.predictions_path, record.class_names)
    return CrossvalData(directory, record, config.training.monitor, histories, predictions)

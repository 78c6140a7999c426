"""A run → everything that its report, card and figures show; what is missing is measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cnnzoo.architecture.layers import Architecture
from cnnzoo.architecture.resolve import resolve
from cnnzoo.config.schema import Config
from cnnzoo.datasets.dataset import Dataset, Examples
from cnnzoo.errors import DataError
from cnnzoo.evaluation.classes import labels_by_name
from cnnzoo.evaluation.classifier import Classifier, open_classifier, predict_probabilities
from cnnzoo.evaluation.evaluate import measure
from cnnzoo.evaluation.predictions import Predictions, read_predictions
from cnnzoo.evaluation.sources import choose_data
from cnnzoo.models.build import measure as measure_layer
from cnnzoo.reporting.paths import without_directories
from cnnzoo.runs.run import Run
from cnnzoo.runs.trained import is_trained, title
from cnnzoo.training.progress import Display

TEST, VALIDATION = "test", "validation"
_COMPARED = 256  # examples that are predicted again, to check the stored predictions
_TOLERANCE = 0.02  # of a probability, for another device or precision


@dataclass(frozen=True, slots=True)
class ReportData:
    """A run, measured on its `split`.

    `dataset` is None if the data can no longer be loaded; then `missing` is the reason.
    """

    run: Run
    config: Config
    record: dict[str, Any]
    history: list[dict[str, float]]
    architecture: Architecture
    split: str
    measured: dict[str, Any]
    predictions: Predictions
    classifier: Classifier
    dataset: Dataset | None
    missing: str = ""

    @property
    def examples(self) -> Examples | None:
        """The examples of the split, in the order of the predictions."""
        return self.dataset.splits[self.split] if self.dataset else None

    @property
    def best_epoch(self) -> int | None:
        """The epoch of the kept model, None before the first has ended."""
        best: int | None = self.record.get("best_epoch")
        return best

    @property
    def typical_example(self) -> int:
        """A correct example of median confidence; the first one if none is correct."""
        predictions = self.predictions
        rows = np.flatnonzero(predictions.predicted == predictions.labels)
        if not len(rows):
            return 0
        order = np.argsort(predictions.confidence[rows], kind="stable")
        return int(rows[order[len(order) // 2]])

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes, in the model's order."""
        return self.classifier.class_names


def collect(run: Run, *, device: str = "auto", display: Display | None = None) -> ReportData:
    """Read a run; evaluate it unless it was evaluated with this model and these data.

    A trained network of cnnzoo was evaluated when it was made, and its data are not loaded.

    The split is `test`, or `validation` if the run has no test examples. Raises the errors of
    `evaluate` if the run must be evaluated and cannot be.
    """
    display = display or Display()
    record, config = run.record(), run.config()
    counts = record.get("data", {}).get("examples", {})
    split = TEST if counts.get(TEST, 1) else VALIDATION
    classifier = open_classifier(run, device=device)
    measured_now = False
    if not (run.metrics_path(split).exists() and run.predictions_path(split).exists()):
        measure(run, split, device=device, display=display)
        measured_now = True
    dataset, missing, names = None, "", classifier.class_names
    if is_trained(run):
        missing = f"{title(run)} comes without its data"
    else:
        try:
            dataset = choose_data(run, classifier, (), Display()).dataset
        except DataError as error:
            missing = without_directories(error.mistakes[0].message)
    predictions = read_predictions(run.predictions_path(split), names)
    if dataset and not measured_now and not _hold(predictions, classifier, dataset, split):
        measure(run, split, device=device, display=display)
        predictions = read_predictions(run.predictions_path(split), names)
    return ReportData(
        run,
        config,
        record,
        run.history(),
        resolve(config.model, len(classifier.class_names), measure_layer),
        split,
        run.metrics(split),
        predictions,
        classifier,
        dataset,
        missing,
    )


def _hold(predictions: Predictions, classifier: Classifier, dataset: Dataset, split: str) -> bool:
    """Whether the predictions are those of this model for these examples."""
    examples, names = dataset.splits[split], classifier.class_names
    labels = labels_by_name(examples.labels, dataset.class_names, names, dataset.name)
    if predictions.class_names != names or not np.array_equal(predictions.labels, labels):
        return False
    again = predict_probabilities(classifier.model, examples.images[:_COMPARED])
    if predictions.kept is not None:
        again = np.take_along_axis(again, predictions.kept[:_COMPARED], axis=1)
    return bool(np.allclose(again, predictions.probabilities[:_COMPARED], atol=_TOLERANCE))

"""A run → everything that a report of it says something about; what is missing is measured."""

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
from cnnzoo.training.progress import Display

TEST, VALIDATION = "test", "validation"
_COMPARED = 256  # examples whose predictions are made again, to see whether they still hold
_TOLERANCE = 0.02  # of a probability: what another device or precision may change


@dataclass(frozen=True, slots=True)
class ReportData:
    """What is known of a run, measured on its `split`.

    `dataset` is None where the data cannot be loaded any more; then `missing` says why.
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
    def class_names(self) -> tuple[str, ...]:
        """The classes, in the model's order."""
        return self.classifier.class_names


def collect(run: Run, *, device: str = "auto", display: Display | None = None) -> ReportData:
    """Read a run, and evaluate it where that was not done, or not with this model and these data.

    The split is `test`, or `validation` where the run holds no test examples.

    Raises what `evaluate` raises where something must be measured and cannot be.
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
    """Whether the predictions are of these examples, by this model."""
    examples, names = dataset.splits[split], classifier.class_names
    labels = labels_by_name(examples.labels, dataset.class_names, names, dataset.name)
    if predictions.class_names != names or not np.array_equal(predictions.labels, labels):
        return False
    again = predict_probabilities(classifier.model, examples.images[:_COMPARED])
    if predictions.kept is not None:
        again = np.take_along_axis(again, predictions.kept[:_COMPARED], axis=1)
    return bool(np.allclose(again, predictions.probabilities[:_COMPARED], atol=_TOLERANCE))

"""Out-of-fold predictions: for each example, by the model that was not trained on it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cnnzoo.errors import RunError
from cnnzoo.evaluation.classifier import open_classifier
from cnnzoo.evaluation.evaluate import predict_split
from cnnzoo.evaluation.predictions import MAX_COLUMNS, Predictions, read_predictions
from cnnzoo.evaluation.sources import choose_data
from cnnzoo.runs.run import Run
from cnnzoo.studies.crossval_directory import CrossvalDirectory
from cnnzoo.studies.crossval_results import CrossvalRecord
from cnnzoo.text import natural_order
from cnnzoo.training.progress import Display


def out_of_fold(directory: CrossvalDirectory, record: CrossvalRecord) -> Predictions:
    """Return the predictions of all folds, sorted by name; of repeats, the mean probabilities.

    Raises RunError if the repeats do not have the same examples.
    """
    numbers = range(1, record.count + 1)
    # The files of very many classes have not all probabilities, of which a mean could be taken.
    shortened = len(record.class_names) > MAX_COLUMNS and record.repeats > 1
    found = [
        _predicted(directory.run(number)) if shortened else _read(directory.run(number), record)
        for number in numbers
    ]
    of_repeats = [
        _joined(found[start : start + record.folds])
        for start in range(0, record.count, record.folds)
    ]
    first = of_repeats[0]
    if len(of_repeats) == 1:
        return first
    for other in of_repeats[1:]:
        if other.names != first.names or not np.array_equal(other.labels, first.labels):
            raise RunError(
                f"the repeats of {directory} have different examples",
                hint="start another cross-validation: --name NAME",
            )
    total = np.sum([each.probabilities for each in of_repeats], axis=0, dtype=np.float64)
    mean = np.asarray(total / len(of_repeats), np.float32)
    return Predictions(first.names, first.labels, mean, first.class_names)


def _read(run: Run, record: CrossvalRecord) -> Predictions:
    return read_predictions(run.predictions_path("test"), record.class_names)


def _predicted(run: Run) -> Predictions:
    """Return the predictions of a run for its fold, computed again."""
    classifier = open_classifier(run)
    chosen = choose_data(run, classifier, (), Display())
    return predict_split(classifier, chosen.dataset, "test")


def _joined(found: Sequence[Predictions]) -> Predictions:
    """Return the predictions of the folds of one repeat as one, sorted by name and label."""
    names = [name for each in found for name in each.names]
    labels = np.concatenate([each.labels for each in found])
    order = sorted(range(len(names)), key=lambda at: (natural_order(names[at]), labels[at]))
    kept = [each.kept for each in found if each.kept is not None]
    return Predictions(
        tuple(names[at] for at in order),
        labels[order],
        np.concatenate([each.probabilities for each in found])[order],
        found[0].class_names,
        np.concatenate(kept)[order] if kept else None,
    )

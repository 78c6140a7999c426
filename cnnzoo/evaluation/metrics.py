"""Compute metrics of predictions with their intervals, as plain numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnzoo.errors import DataError
from cnnzoo.evaluation import calibration
from cnnzoo.evaluation.confusion import Confusion
from cnnzoo.evaluation.intervals import (
    LEVEL,
    RESAMPLES,
    SEED,
    Counts,
    confusion_intervals,
    example_intervals,
    metric_value,
    proportion,
)
from cnnzoo.evaluation.predictions import check_probabilities
from cnnzoo.evaluation.ranking import Ranking
from cnnzoo.evaluation.thresholds import DEFAULT, POSITIVE, at_threshold

TOP = 5

Probabilities = NDArray[np.float32]
Labels = NDArray[np.int32]


def measure_predictions(
    probabilities: Probabilities, labels: Labels, class_names: tuple[str, ...]
) -> dict[str, Any]:
    """Return the metrics of class probabilities float32 [n, classes] against labels int32 [n].

    Averages are those of scikit-learn: macro F1 is over the classes that occur in the truth or the
    predictions, balanced accuracy over those in the truth. In the metrics per class, an absent
    class counts 0. The loss is the mean cross-entropy in nats, clipped as in Keras (1e-7).

    Raises RunError if they are not probabilities, DataError without examples.
    """
    if not len(labels):
        raise DataError("there are no examples to measure")
    check_probabilities(probabilities)
    predicted = probabilities.argmax(axis=1)
    confusion = Confusion.from_labels(labels, predicted, len(class_names))
    bins = calibration.reliability(probabilities, labels)
    found = {"accuracy": proportion(predicted == labels)}
    if len(class_names) > TOP:
        found["top5_accuracy"] = proportion(_in_top(probabilities, labels))
    of_examples = _of_examples(probabilities, labels)
    found["loss"] = of_examples.pop("loss")
    found |= _of_confusion(confusion)
    if len(class_names) == 2:
        found |= at_threshold(probabilities[:, POSITIVE], labels, DEFAULT)
    found |= of_examples
    # No interval: resampled, the calibration error is biased, as repeated examples look certain.
    found["ece"] = metric_value(calibration.calibration_error(bins))
    return {
        "examples": len(labels),
        "metrics": found,
        "per_class": _per_class(confusion, class_names),
        "confusion": confusion.plain(),
        "calibration": {"bins": bins},
        "intervals": {
            "level": LEVEL,
            "method": "percentile bootstrap; Wilson for proportions",
            "resamples": RESAMPLES,
            "seed": SEED,
        },
    }


def _in_top(probabilities: Probabilities, labels: Labels) -> NDArray[np.bool_]:
    """Return whether the truth is among the most probable; for ties as in scikit-learn."""
    found = np.empty(len(labels), np.bool_)
    for rows in calibration.blocks(probabilities):
        best = np.argsort(probabilities[rows], axis=1, kind="stable")[:, -TOP:]
        found[rows] = (best == labels[rows, None]).any(axis=1)
    return found


def _of_examples(probabilities: Probabilities, labels: Labels) -> dict[str, dict[str, Any]]:
    """Return the metrics whose intervals need the examples, all from the same resamples."""
    scores, positive = probabilities[:, POSITIVE], labels == POSITIVE
    means = {
        "loss": calibration.losses(probabilities, labels),
        "brier": calibration.brier_scores(probabilities, labels),
    }
    values = {name: float(each.mean()) for name, each in means.items()}
    ranking, unknown = None, {}
    if probabilities.shape[1] == 2 and 0 < positive.sum() < len(labels):
        ranking = Ranking(scores, positive)
        areas = ranking.areas(np.ones((1, len(labels))))
        values |= {name: float(area[0]) for name, area in areas.items()}
    elif probabilities.shape[1] == 2:
        why = {"why": "all examples are of one class"}
        unknown = {name: metric_value(None) | why for name in ("roc_auc", "pr_auc")}

    def resampled(weights: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        found = {name: weights @ each / len(labels) for name, each in means.items()}
        return found | ranking.areas(weights) if ranking else found

    intervals = example_intervals(len(labels), resampled)
    return {name: metric_value(values[name], intervals[name]) for name in values} | unknown


def _of_confusion(confusion: Confusion) -> dict[str, dict[str, Any]]:
    counts = Counts.of(confusion)
    intervals = confusion_intervals(confusion, CONFUSION_METRICS)
    return {
        name: metric_value(float(compute(counts)), intervals[name])
        for name, compute in CONFUSION_METRICS.items()
    }


def _per_class(confusion: Confusion, class_names: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    counts = Counts.of(confusion)
    columns = {
        "precision": _ratio(counts.hits, counts.predicted).tolist(),
        "recall": _recall(counts).tolist(),
        "f1": _f1(counts).tolist(),
        "support": confusion.support().tolist(),
    }
    rows = zip(*columns.values(), strict=True)
    return {
        name: dict(zip(columns, row, strict=True))
        for name, row in zip(class_names, rows, strict=True)
    }


# The functions below take the counts of one matrix or of thousands, along the last axis.


def _macro_f1(counts: Counts) -> Any:
    occurs = counts.truth + counts.predicted > 0
    return _f1(counts).sum(axis=-1) / occurs.sum(axis=-1)


def _weighted_f1(counts: Counts) -> Any:
    return (_f1(counts) * counts.truth).sum(axis=-1) / counts.truth.sum(axis=-1)


def _f1(counts: Counts) -> Any:
    return _ratio(2 * counts.hits, counts.truth + counts.predicted)


def _recall(counts: Counts) -> Any:
    return _ratio(counts.hits, counts.truth)


def _balanced_accuracy(counts: Counts) -> Any:
    return _recall(counts).sum(axis=-1) / (counts.truth > 0).sum(axis=-1)


def _matthews(counts: Counts) -> Any:
    """Return Gorodkin's R_K (2004), 0 if the truth or the predictions have one class only."""
    total = counts.truth.sum(axis=-1)
    together = counts.hits.sum(axis=-1) * total - (counts.truth * counts.predicted).sum(axis=-1)
    of_truth = total**2 - (counts.truth**2).sum(axis=-1)
    of_predicted = total**2 - (counts.predicted**2).sum(axis=-1)
    return _ratio(together, np.sqrt(of_truth * of_predicted))


def _ratio(values: Any, by: Any) -> Any:
    """Return `values / by`, and 0 where `by` is 0."""
    return np.divide(values, by, out=np.zeros_like(values), where=by > 0)


CONFUSION_METRICS: dict[str, Callable[[Counts], Any]] = {
    "macro_f1": _macro_f1,
    "weighted_f1": _weighted_f1,
    "balanced_accuracy": _balanced_accuracy,
    "matthews_correlation": _matthews,
}

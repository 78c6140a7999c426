"""The decision threshold between two classes. The second class is the positive one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnzoo.evaluation.intervals import proportion
from cnnzoo.evaluation.predictions import Predictions

POSITIVE = 1  # the class whose probability one sigmoid unit gives
DEFAULT = 0.5


def decide(scores: NDArray[np.float32], threshold: float) -> NDArray[np.bool_]:
    """Return which examples are positive: those with a probability above the threshold."""
    return scores > np.float64(threshold)


def at_threshold(
    scores: NDArray[np.float32], labels: NDArray[np.int32], threshold: float
) -> dict[str, dict[str, Any]]:
    """Return `sensitivity` and `specificity` if scores [n] above a threshold are positive."""
    positive, called = labels == POSITIVE, decide(scores, threshold)
    return {
        "sensitivity": proportion(called[positive]),
        "specificity": proportion(~called[~positive]),
    }


def binary_report(predictions: Predictions, threshold: dict[str, Any]) -> dict[str, Any]:
    """Return the positive class, and the metrics at the tuned threshold."""
    report = dict(threshold)
    if threshold["value"] is not None:
        scores, labels = predictions.probabilities[:, POSITIVE], predictions.labels
        right = decide(scores, threshold["value"]) == (labels == POSITIVE)
        figures = at_threshold(scores, labels, threshold["value"])
        report["metrics"] = {"accuracy": proportion(right), **figures}
    negative, positive = predictions.class_names
    return {"positive": positive, "negative": negative, "threshold": report}


def tuned_threshold(validation: Predictions) -> dict[str, Any]:
    """Return the result of `tune_threshold` and the split that it was tuned on."""
    value = tune_threshold(validation.probabilities[:, POSITIVE], validation.labels)
    if value is None:
        return no_threshold("all examples of the validation split are of one class")
    return {"value": value, "tuned_on": "validation", "examples": len(validation)}


def no_threshold(why: str) -> dict[str, Any]:
    """Return the record of a threshold that could not be tuned, with the reason."""
    return {"value": None, "why": why}


def tune_threshold(scores: NDArray[np.float32], labels: NDArray[np.int32]) -> float | None:
    """Return the threshold of the best balanced accuracy (Youden, 1950); for ties nearest to 0.5.

    `scores` float32 [n] are probabilities of the positive class. It is halfway between two scores,
    unless it is 0.5. None if the labels are all of one class.
    """
    positive = labels == POSITIVE
    if positive.all() or not positive.any():
        return None
    values, groups = np.unique(scores.astype(np.float64), return_inverse=True)
    edges = np.concatenate([[0.0], values, [1.0]])
    candidates = np.append((edges[:-1] + edges[1:]) / 2, DEFAULT)
    below = np.searchsorted(values, candidates, side="right")
    missed, refused = (
        _shares_below(groups[chosen], len(values)) for chosen in (positive, ~positive)
    )
    # Sensitivity and specificity together: twice the balanced accuracy.
    both = np.round(1 - missed[below] + refused[below], 12)
    best = candidates[both == both.max()]
    return float(best[np.abs(best - DEFAULT).argmin()])


def _shares_below(groups: NDArray[np.intp], count: int) -> NDArray[np.float64]:
    """Return the shares of examples with a score below the first, the second, … and any score."""
    shares = np.bincount(groups, minlength=count).cumsum() / len(groups)
    return np.concatenate([[0.0], shares])

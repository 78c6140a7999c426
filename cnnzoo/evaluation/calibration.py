"""Calibration of probabilities: reliability, Brier score, temperature scaling."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnzoo.evaluation.predictions import Predictions

BINS = 15
_BLOCK = 2**22  # values in memory at once
SMALLEST = 1e-7  # to which Keras clips probabilities before taking the logarithm
MIN_TEMPERATURE, MAX_TEMPERATURE = 0.01, 100.0

Probabilities = NDArray[np.float32]
Labels = NDArray[np.int32]


def reliability(probabilities: Probabilities, labels: Labels) -> list[dict[str, Any]]:
    """Return the 15 bins of equal width of Guo et al. (2017), by the confidence of predictions.

    A bin has the examples with `low` < confidence <= `high`: their number, mean confidence and
    accuracy; the latter are null without examples.
    """
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == labels
    edges = np.linspace(0, 1, BINS + 1)
    # A sum of float32 may slightly exceed 1.
    bins = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, BINS - 1)
    count = np.bincount(bins, minlength=BINS)
    confidences = np.bincount(bins, confidence, BINS)
    hits = np.bincount(bins, right, BINS)
    return [
        {
            "low": float(edges[bin_]),
            "high": float(edges[bin_ + 1]),
            "count": int(count[bin_]),
            "confidence": float(confidences[bin_] / count[bin_]) if count[bin_] else None,
            "accuracy": float(hits[bin_] / count[bin_]) if count[bin_] else None,
        }
        for bin_ in range(BINS)
    ]


def calibration_error(bins: list[dict[str, Any]]) -> float:
    """Return the expected calibration error: |accuracy - confidence| of bins, weighted by examples.

    Guo et al., On Calibration of Modern Neural Networks, 2017, equation 5.
    """
    filled = [each for each in bins if each["count"]]
    gaps = [each["count"] * abs(each["accuracy"] - each["confidence"]) for each in filled]
    return float(sum(gaps) / sum(each["count"] for each in filled))


def brier_scores(probabilities: Probabilities, labels: Labels) -> NDArray[np.float64]:
    """Return the Brier score of each example, float64 [n]: squared errors summed over classes.

    Brier, Verification of forecasts expressed in terms of probability, 1950: 0 is best, 2 worst.
    """
    scores = np.empty(len(labels))
    for rows in blocks(probabilities):
        differences = probabilities[rows].astype(np.float64)
        differences[np.arange(len(differences)), labels[rows]] -= 1
        scores[rows] = (differences**2).sum(axis=1)
    return scores


def blocks(probabilities: Probabilities) -> Iterator[slice]:
    """Yield the rows of [n, classes] in blocks that bound the memory of a computation."""
    size = max(1, _BLOCK // max(1, probabilities.shape[1]))
    return (slice(start, start + size) for start in range(0, len(probabilities), size))


def losses(probabilities: Probabilities, labels: Labels) -> NDArray[np.float64]:
    """Return the cross-entropy of each example in nats, float64 [n], clipped as in Keras."""
    chosen = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return -np.log(np.clip(chosen, SMALLEST, 1 - SMALLEST))


def fit_temperature(probabilities: Probabilities, labels: Labels) -> float | None:
    """Return the temperature that minimises the cross-entropy (Guo et al., 2017).

    Returns None if there is no minimum, for example if every prediction is correct.
    """
    logs = _logs(probabilities)
    right = logs[np.arange(len(labels)), labels]

    def slope(temperature: float) -> float:
        """Return the slope along 1 / temperature, in which the cross-entropy is convex."""
        return float(((_softmax(logs / temperature) * logs).sum(axis=1) - right).mean())

    low, high = MIN_TEMPERATURE, MAX_TEMPERATURE
    if slope(low) <= 0 or slope(high) >= 0:
        return None
    for _ in range(60):
        middle = float(np.sqrt(low * high))
        low, high = (low, middle) if slope(middle) < 0 else (middle, high)
    return float(np.sqrt(low * high))


def at_temperature(probabilities: Probabilities, temperature: float) -> Probabilities:
    """Return probabilities float32 [n, classes] with logarithms divided by a temperature."""
    return _softmax(_logs(probabilities) / temperature).astype(np.float32)


def temperature_report(validation: Predictions, measured: Predictions) -> dict[str, Any]:
    """Fit a temperature on the validation split and report its effect on other predictions.

    It changes the probabilities, but not the predicted classes.
    """
    value = fit_temperature(validation.probabilities, validation.labels)
    report = {"value": value, "fitted_on": "validation", "examples": len(validation)}
    if value is None:
        return report | {"why": "the loss on the validation split has no minimum"}
    scaled = at_temperature(measured.probabilities, value)
    return report | {
        "before": _summary(measured.probabilities, measured.labels),
        "after": _summary(scaled, measured.labels),
    }


def _summary(probabilities: Probabilities, labels: Labels) -> dict[str, float]:
    return {
        "loss": float(losses(probabilities, labels).mean()),
        "ece": calibration_error(reliability(probabilities, labels)),
        "brier": float(brier_scores(probabilities, labels).mean()),
    }


def _logs(probabilities: Probabilities) -> NDArray[np.float64]:
    return np.log(np.clip(probabilities.astype(np.float64), SMALLEST, None))


def _softmax(logs: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(logs - logs.max(axis=1, keepdims=True))
    result: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return result

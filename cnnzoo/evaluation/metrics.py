"""What predictions are worth: metrics by scikit-learn, as plain numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics as sklearn_metrics


def measure_predictions(
    probabilities: NDArray[np.float32],
    labels: NDArray[np.int32],
    class_names: tuple[str, ...],
) -> dict[str, Any]:
    """The metrics of class probabilities float32 [n, classes] against labels int32 [n].

    `low` and `high` are null until intervals are measured. A class that the split does not have
    counts 0 in the per-class figures and is left out of macro averages.
    """
    everyone = list(range(len(class_names)))
    predicted = probabilities.argmax(axis=1)
    precision, recall, f1, support = sklearn_metrics.precision_recall_fscore_support(
        labels, predicted, labels=everyone, zero_division=0
    )
    present = support > 0
    values = {
        "accuracy": float((predicted == labels).mean()),
        "loss": _cross_entropy(probabilities, labels),
        "macro_f1": float(f1[present].mean()),
        "balanced_accuracy": float(recall[present].mean()),
    }
    return {
        "examples": len(labels),
        "metrics": {
            name: {"value": value, "low": None, "high": None} for name, value in values.items()
        },
        "per_class": {
            name: {
                "precision": float(precision[index]),
                "recall": float(recall[index]),
                "f1": float(f1[index]),
                "support": int(support[index]),
            }
            for index, name in enumerate(class_names)
        },
        "confusion": sklearn_metrics.confusion_matrix(labels, predicted, labels=everyone).tolist(),
    }


def _cross_entropy(probabilities: NDArray[np.float32], labels: NDArray[np.int32]) -> float:
    """The mean cross-entropy in nats, probabilities clipped as Keras clips them (1e-7)."""
    chosen = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.clip(chosen, 1e-7, 1 - 1e-7)).mean())

"""Whether an exported model gives the same answers as its Keras model."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnzoo.errors import CnnzooError
from cnnzoo.evaluation.compare.significance import mcnemar, paired_interval
from cnnzoo.evaluation.intervals import metric_value, proportion
from cnnzoo.evaluation.predictions import Predictions
from cnnzoo.text import listed

# A label may differ if Keras' own probabilities of the two classes differ by less than this. int8
# may differ everywhere: its loss is reported.
TIES = {"float32": 1e-4, "float16": 5e-3}


class VerificationError(CnnzooError):
    """An exported model that does not give the same answers; nothing of it is kept."""


def compare_predictions(keras: Predictions, exported: Predictions) -> dict[str, Any]:
    """Compare two predictions of the same examples.

    Returns `examples`, `agreement` (the share of equal labels), `disagreements`, `largest_tie`
    (the largest difference between Keras' probabilities of its own label and of the exported
    model's label, 0 if all agree), `largest_difference` and `mean_difference` of probabilities,
    `keras_accuracy`, `accuracy`, `accuracy_difference` (exported less Keras, with the interval of
    the paired bootstrap) and `p_value` of McNemar's exact test.
    """
    rows = np.arange(len(keras))
    before, after = keras.predicted, exported.predicted
    margins = keras.probabilities[rows, before] - keras.probabilities[rows, after]
    differences = np.abs(exported.probabilities.astype(np.float64) - keras.probabilities)
    right, right_exported = before == keras.labels, after == keras.labels
    change = right_exported.astype(np.float64) - right
    return {
        "examples": len(keras),
        "agreement": proportion(before == after),
        "disagreements": int((before != after).sum()),
        "largest_tie": float(margins.max()),
        "largest_difference": float(differences.max()),
        "mean_difference": float(differences.mean()),
        "keras_accuracy": proportion(right),
        "accuracy": proportion(right_exported),
        "accuracy_difference": metric_value(float(change.mean()), paired_interval(change)),
        "p_value": mcnemar(int((change < 0).sum()), int((change > 0).sum())),
    }


def check_agreement(
    keras: Predictions, exported: Predictions, precision: str, max_loss: float | None
) -> dict[str, Any]:
    """Compare two predictions as `compare_predictions`.

    Raises VerificationError if labels differ that are not a tie within the tolerance of a float
    precision, or if the accuracy falls by more than `max_loss`.
    """
    compared = compare_predictions(keras, exported)
    tie = TIES.get(precision)
    if tie is not None and compared["largest_tie"] >= tie:
        raise VerificationError(
            f"the exported model is wrong: {compared['disagreements']:,} of "
            f"{compared['examples']:,} labels differ from Keras, by up to "
            f"{compared['largest_tie']:.2g} in probability, for example "
            f"{_examples(keras, exported)}",
            hint="nothing was written; --no-verify keeps the file for a closer look",
        )
    loss = -compared["accuracy_difference"]["value"]
    if max_loss is not None and loss > max_loss:
        raise VerificationError(
            f"the exported model loses {loss:.4f} of accuracy, more than --max-loss {max_loss:g}: "
            f"{compared['keras_accuracy']['value']:.4f} became {compared['accuracy']['value']:.4f}",
            hint="nothing was written; try another precision",
        )
    return compared


def _examples(keras: Predictions, exported: Predictions) -> str:
    """The clearest disagreements."""
    rows = np.flatnonzero(keras.predicted != exported.predicted)
    margins = keras.probabilities[rows, keras.predicted[rows]]
    clearest = rows[np.argsort(-margins, kind="stable")][:3]
    names = keras.class_names
    return listed(
        f"{keras.names[row]} ({names[keras.predicted[row]]} became "
        f"{names[exported.predicted[row]]})"
        for row in clearest
    )

from __future__ import annotations

import numpy as np
import pytest

from cnnzoo.evaluation.predictions import Predictions
from cnnzoo.exporting.verify import (
    TIES,
    VerificationError,
    check_agreement,
    compare_predictions,
)

NAMES = ("cat", "dog", "owl")


def predictions(probabilities, labels=(0, 1, 2, 0)):
    rows = np.array(probabilities, np.float32)
    return Predictions(
        tuple(f"{row}.png" for row in range(len(rows))), np.array(labels, np.int32), rows, NAMES
    )


KERAS = predictions(
    [[0.8, 0.1, 0.1], [0.2, 0.5, 0.3], [0.1, 0.6, 0.3], [0.40004, 0.39998, 0.19998]]
)


def changed(row, values):
    probabilities = KERAS.probabilities.copy()
    probabilities[row] = values
    return predictions(probabilities)


def test_equal_predictions_agree():
    compared = compare_predictions(KERAS, KERAS)
    assert compared["agreement"]["value"] == 1
    assert compared["disagreements"] == 0
    assert compared["largest_difference"] == compared["largest_tie"] == 0
    assert compared["accuracy"]["value"] == compared["keras_accuracy"]["value"] == 0.75
    assert compared["p_value"] == 1


def test_differences_are_counted():
    compared = compare_predictions(KERAS, changed(0, [0.3, 0.5, 0.2]))
    assert compared["agreement"]["value"] == 0.75
    assert compared["disagreements"] == 1
    assert compared["largest_difference"] == pytest.approx(0.5)
    assert compared["largest_tie"] == pytest.approx(0.7)
    assert compared["accuracy_difference"]["value"] == pytest.approx(-0.25)
    assert compared["mean_difference"] == pytest.approx((0.5 + 0.4 + 0.1) / 12)


@pytest.mark.parametrize("precision", TIES)
def test_a_float_export_with_another_label_is_wrong(precision):
    with pytest.raises(VerificationError, match=r"1 of 4 labels differ.*0\.png \(cat became dog\)"):
        check_agreement(KERAS, changed(0, [0.3, 0.5, 0.2]), precision, None)


def test_a_tie_may_go_either_way():
    tied = changed(3, [0.39998, 0.40004, 0.19998])
    assert check_agreement(KERAS, tied, "float32", None)["disagreements"] == 1


def test_int8_reports_its_loss_and_may_be_limited():
    worse = changed(0, [0.3, 0.5, 0.2])
    assert check_agreement(KERAS, worse, "int8", 0.25)["agreement"]["value"] == 0.75
    with pytest.raises(VerificationError, match=r"loses 0\.2500 of accuracy.*--max-loss 0\.01"):
        check_agreement(KERAS, worse, "int8", 0.01)
    better = changed(2, [0.1, 0.3, 0.6])
    assert check_agreement(KERAS, better, "int8", 0.0)["accuracy"]["value"] == 1

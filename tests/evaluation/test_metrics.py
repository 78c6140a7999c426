from __future__ import annotations

import numpy as np
import pytest

from cnnzoo.evaluation.metrics import measure_predictions

NAMES = ("cat", "dog", "owl")


def random_predictions(count=200, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.ones(classes), count).astype(np.float32)
    return probabilities, rng.integers(0, classes, count).astype(np.int32)


def test_metrics_are_those_of_scikit_learn():
    from sklearn import metrics

    probabilities, labels = random_predictions()
    measured = measure_predictions(probabilities, labels, NAMES)
    predicted = probabilities.argmax(axis=1)
    values = {name: figure["value"] for name, figure in measured["metrics"].items()}
    assert values["accuracy"] == pytest.approx(metrics.accuracy_score(labels, predicted))
    assert values["macro_f1"] == pytest.approx(metrics.f1_score(labels, predicted, average="macro"))
    assert values["balanced_accuracy"] == pytest.approx(
        metrics.balanced_accuracy_score(labels, predicted)
    )
    assert values["loss"] == pytest.approx(metrics.log_loss(labels, probabilities), rel=1e-5)
    assert measured["confusion"] == metrics.confusion_matrix(labels, predicted).tolist()


def test_the_loss_is_what_keras_calls_so():
    import keras

    probabilities, labels = random_predictions()
    expected = keras.losses.SparseCategoricalCrossentropy()(labels, probabilities)
    measured = measure_predictions(probabilities, labels, NAMES)
    assert measured["metrics"]["loss"]["value"] == pytest.approx(float(expected), rel=1e-5)


def test_certain_mistakes_have_a_finite_loss():
    certain = np.array([[1, 0, 0]], np.float32)
    loss = measure_predictions(certain, np.array([2], np.int32), NAMES)["metrics"]["loss"]["value"]
    assert loss == pytest.approx(-np.log(1e-7))


def test_rows_are_the_truth_and_columns_the_predictions():
    probabilities = np.array([[0, 1, 0]], np.float32)
    measured = measure_predictions(probabilities, np.array([0], np.int32), NAMES)
    assert measured["confusion"] == [[0, 1, 0], [0, 0, 0], [0, 0, 0]]


def test_absent_classes_stay_in_the_tables_and_out_of_the_averages():
    probabilities, labels = random_predictions()
    labels[labels == 2] = 0
    probabilities = np.hstack([probabilities[:, :2], np.zeros((200, 1), np.float32)])
    measured = measure_predictions(probabilities, labels, NAMES)
    assert measured["per_class"]["owl"] == {"precision": 0, "recall": 0, "f1": 0, "support": 0}
    f1 = [measured["per_class"][name]["f1"] for name in ("cat", "dog")]
    assert measured["metrics"]["macro_f1"]["value"] == pytest.approx(np.mean(f1))


def test_intervals_are_null_until_they_are_measured():
    measured = measure_predictions(*random_predictions(), NAMES)
    assert all(
        figure["low"] is None and figure["high"] is None for figure in measured["metrics"].values()
    )

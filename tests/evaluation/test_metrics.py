from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from cnnzoo.errors import DataError, RunError
from cnnzoo.evaluation.metrics import measure_predictions


@st.composite
def predictions(draw, fewest=2, most=8):
    """Probabilities and labels; often with ties, absent classes and only one class."""
    count, width = draw(st.integers(1, 60)), draw(st.integers(fewest, most))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows = rng.dirichlet(np.full(width, draw(st.sampled_from([0.1, 1.0, 30.0]))), count)
    if draw(st.booleans()):  # coarse values have ties
        rows = np.floor(rows * 3) + 1
    probabilities = (rows / rows.sum(axis=1, keepdims=True)).astype(np.float32)
    present = rng.permutation(width)[: draw(st.integers(1, width))]
    return probabilities, rng.choice(present, count).astype(np.int32), tuple("abcdefgh"[:width])


def by_scikit_learn(probabilities, labels):
    predicted = probabilities.argmax(axis=1)
    everyone = list(range(probabilities.shape[1]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of classes that are only predicted
        expected = {
            "accuracy": sklearn_metrics.accuracy_score(labels, predicted),
            "macro_f1": sklearn_metrics.f1_score(labels, predicted, average="macro"),
            "weighted_f1": sklearn_metrics.f1_score(labels, predicted, average="weighted"),
            "balanced_accuracy": sklearn_metrics.balanced_accuracy_score(labels, predicted),
            "matthews_correlation": sklearn_metrics.matthews_corrcoef(labels, predicted),
            "brier": sklearn_metrics.brier_score_loss(
                labels, probabilities.astype(float), labels=everyone, scale_by_half=False
            ),
        }
    if len(everyone) > 5:
        expected["top5_accuracy"] = sklearn_metrics.top_k_accuracy_score(
            labels, probabilities, k=5, labels=everyone
        )
    if len(everyone) == 2:
        recalls = sklearn_metrics.recall_score(
            labels, predicted, labels=[0, 1], average=None, zero_division=np.nan
        )
        expected |= dict(zip(("specificity", "sensitivity"), recalls, strict=True))
        one_class = len(set(labels.tolist())) == 1
        scores = probabilities[:, 1]
        expected |= {
            "roc_auc": np.nan if one_class else sklearn_metrics.roc_auc_score(labels, scores),
            "pr_auc": np.nan
            if one_class
            else sklearn_metrics.average_precision_score(labels, scores),
        }
    return expected


@given(predictions() | predictions(2, 2))
@settings(max_examples=60)
def test_every_metric_is_scikit_learns(drawn):
    probabilities, labels, names = drawn
    measured = measure_predictions(probabilities, labels, names)
    figures = measured["metrics"]
    expected = by_scikit_learn(probabilities, labels)
    assert set(figures) == {*expected, "loss", "ece"}
    for name, value in expected.items():
        if np.isnan(value):
            assert figures[name]["value"] is None
            assert "class" in figures[name]["why"]
        else:
            assert figures[name]["value"] == pytest.approx(value, abs=1e-6), name
    predicted = probabilities.argmax(axis=1)
    confusion = sklearn_metrics.confusion_matrix(labels, predicted, labels=list(range(len(names))))
    assert measured["confusion"] == confusion.tolist()
    columns = sklearn_metrics.precision_recall_fscore_support(
        labels, predicted, labels=list(range(len(names))), zero_division=0
    )
    for title, column in zip(("precision", "recall", "f1", "support"), columns, strict=True):
        found = [measured["per_class"][name][title] for name in names]
        assert found == column.tolist(), title


@given(predictions())
@settings(max_examples=30)
def test_intervals_hold_their_figures_or_are_unknown(drawn):
    probabilities, labels, names = drawn
    figures = measure_predictions(probabilities, labels, names)["metrics"]
    for name, figure in figures.items():
        assert (figure["low"] is None) == (figure["high"] is None)
        if figure["low"] is not None:
            assert figure["low"] < figure["high"], name
    accuracy = figures["accuracy"]
    assert 0 <= accuracy["low"] <= accuracy["value"] <= accuracy["high"] <= 1
    assert figures == measure_predictions(probabilities, labels, names)["metrics"]


def test_the_loss_is_what_keras_calls_so():
    import keras

    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(3), 200).astype(np.float32)
    labels = rng.integers(0, 3, 200).astype(np.int32)
    probabilities[0], labels[0] = [1, 0, 0], 2  # certain, and wrong
    expected = keras.losses.SparseCategoricalCrossentropy()(labels, probabilities)
    measured = measure_predictions(probabilities, labels, ("cat", "dog", "owl"))
    assert measured["metrics"]["loss"]["value"] == pytest.approx(float(expected), rel=1e-5)


def test_rows_are_the_truth_and_columns_the_predictions():
    probabilities = np.array([[0, 1, 0]], np.float32)
    measured = measure_predictions(probabilities, np.array([0], np.int32), ("cat", "dog", "owl"))
    assert measured["confusion"] == [[0, 1, 0], [0, 0, 0], [0, 0, 0]]


def test_without_a_mistake_only_proportions_have_an_interval():
    probabilities = np.eye(3, dtype=np.float32).repeat(10, axis=0)
    labels = np.arange(3, dtype=np.int32).repeat(10)
    figures = measure_predictions(probabilities, labels, ("cat", "dog", "owl"))["metrics"]
    assert figures["accuracy"] == {"value": 1, "low": pytest.approx(0.8865, abs=1e-4), "high": 1}
    assert figures["macro_f1"] == {"value": 1, "low": None, "high": None}


@pytest.mark.parametrize("bad", [np.nan, np.inf, -0.5, 0.75])
def test_what_are_no_probabilities_is_refused_and_shown(bad):
    probabilities = np.array([[0.5, 0.5], [bad, 0.5]], np.float32)
    with pytest.raises(RunError, match=rf"gives no class probabilities, but \[{bad:.3g}"):
        measure_predictions(probabilities, np.array([0, 1], np.int32), ("cat", "dog"))


def test_nothing_is_not_measured():
    with pytest.raises(DataError, match="no example"):
        measure_predictions(np.zeros((0, 2), np.float32), np.zeros(0, np.int32), ("cat", "dog"))

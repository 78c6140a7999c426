from __future__ import annotations

import numpy as np
import pytest
from legible import assert_legible, texts_of
from sklearn.metrics import average_precision_score, roc_auc_score

from cnnzoo.evaluation.predictions import Predictions
from cnnzoo.reporting.threshold_curves import roc_and_precision_recall


def predictions(labels: np.ndarray, scores: np.ndarray, classes: int = 2) -> Predictions:
    values = np.zeros((len(labels), classes), np.float32)
    values[:, 1], values[:, 0] = scores, 1 - scores
    names = tuple("a very long class name of no use" for _ in range(classes))
    return Predictions(tuple(map(str, range(len(labels)))), labels, values, names)


@pytest.mark.parametrize("tuned", [None, 0.31])
def test_the_curves_have_the_areas_that_scikit_learn_measures(tuned):
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, 200).astype(np.int32)
    scores = np.round(np.clip(rng.normal(0.4 + 0.2 * labels, 0.2), 0, 1), 2)  # with ties
    figure = roc_and_precision_recall(predictions(labels, scores), tuned)
    assert_legible(figure)
    roc, precision_recall = (axes.lines for axes in figure.axes)
    x, y = roc[1].get_data()
    assert np.trapezoid(y, x) == pytest.approx(roc_auc_score(labels, scores))
    x, y = precision_recall[1].get_data()
    average = -np.sum(np.diff(x) * np.asarray(y)[:-1])
    assert average == pytest.approx(average_precision_score(labels, scores))
    assert len(roc) == (3 if tuned is None else 4)
    threshold = tuned or 0.5
    (false_rate,), (recall,) = roc[-1].get_data()
    assert recall == (scores[labels == 1] > threshold).mean()
    assert false_rate == (scores[labels == 0] > threshold).mean()
    (recall,), (precision,) = precision_recall[-1].get_data()
    assert precision == labels[scores > threshold].mean()


def test_steps_are_drawn_as_the_average_counts_them():
    labels = np.array([1, 0, 1, 0], np.int32)
    figure = roc_and_precision_recall(predictions(labels, np.array([0.9, 0.8, 0.7, 0.1])))
    line = figure.axes[1].lines[1]
    recalls, precisions = line.get_data()
    assert list(recalls) == sorted(recalls, reverse=True)
    assert line.get_drawstyle() == "steps-post"
    assert precisions[-1] == 1


def test_a_threshold_above_all_scores_has_no_precision():
    labels = np.array([1, 0], np.int32)
    figure = roc_and_precision_recall(predictions(labels, np.array([0.4, 0.1])))
    shown = " ".join(texts_of(figure))
    assert shown.count("threshold") == 1
    assert_legible(figure)


def test_only_two_classes_that_are_both_there_have_curves():
    scores = np.array([0.2, 0.7])
    assert roc_and_precision_recall(predictions(np.array([1, 1], np.int32), scores)) is None
    assert roc_and_precision_recall(predictions(np.array([0, 1], np.int32), scores, 3)) is None

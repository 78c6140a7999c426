from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnzoo.evaluation.predictions import Predictions
from cnnzoo.evaluation.thresholds import (
    binary_report,
    decide,
    tune_threshold,
    tuned_threshold,
)

SCORES = st.lists(
    st.tuples(st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.5000001, 0.9, 1.0]), st.booleans()),
    min_size=2,
    max_size=30,
)


def predictions(scores, labels):
    scores = np.array(scores, np.float32)
    names = tuple(map(str, range(len(scores))))
    probabilities = np.stack([1 - scores, scores], axis=1)
    return Predictions(names, np.array(labels, np.int32), probabilities, ("man", "woman"))


@given(SCORES)
def test_no_threshold_is_better_and_none_as_good_is_nearer_to_a_half(drawn):
    scores = np.array([score for score, _ in drawn], np.float32)
    labels = np.array([label for _, label in drawn], np.int32)
    threshold = tune_threshold(scores, labels)
    if len(set(labels.tolist())) == 1:
        assert threshold is None
        return

    def worth(value):
        called = decide(scores, value)
        return np.mean([(called == labels)[labels == label].mean() for label in (0, 1)])

    others = [*np.linspace(0, 1, 21), 0.50000005]
    assert all(worth(threshold) >= worth(other) - 1e-9 for other in others)
    if worth(0.5) == pytest.approx(worth(threshold)):
        assert threshold == 0.5
    assert threshold == 0.5 or threshold == 1 or threshold not in scores


def test_of_equal_thresholds_the_nearest_to_a_half_is_taken():
    assert tune_threshold(np.array([0.1, 0.2, 0.4, 0.9], np.float32), np.array([0, 1, 1, 1])) == (
        pytest.approx(0.15)
    )
    # 0.15 and 0.65 are worth the same.
    scores = np.array([0.1, 0.2, 0.6, 0.7], np.float32)
    assert tune_threshold(scores, np.array([0, 1, 0, 1])) == pytest.approx(0.65)


def test_the_report_is_of_the_positive_class_above_the_threshold():
    measured = predictions([0.2, 0.35, 0.4, 0.9], [0, 0, 1, 1])
    report = binary_report(measured, tuned_threshold(predictions([0.2, 0.4], [0, 1])))
    assert (report["positive"], report["negative"]) == ("woman", "man")
    threshold = report["threshold"]
    assert threshold["value"] == pytest.approx(0.3)
    assert (threshold["tuned_on"], threshold["examples"]) == ("validation", 2)
    figures = {name: figure["value"] for name, figure in threshold["metrics"].items()}
    assert figures == {"accuracy": 0.75, "sensitivity": 1, "specificity": 0.5}


def test_a_validation_split_of_one_class_tunes_nothing_and_says_so():
    threshold = tuned_threshold(predictions([0.2, 0.4], [1, 1]))
    assert threshold == {
        "value": None,
        "why": "all examples of the validation split are of one class",
    }
    assert "metrics" not in binary_report(predictions([0.2], [1]), threshold)["threshold"]

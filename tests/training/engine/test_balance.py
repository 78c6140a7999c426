from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_class_weight

from cnnzoo.training.engine.balance import class_weights, oversampled

LABELS = np.array([0] * 6 + [1] * 3 + [3] * 1, np.int32)
NAMES = ("a", "b", "c", "d")

labels_of_any_sizes = st.lists(st.integers(0, 5), min_size=1, max_size=60).map(
    lambda labels: np.array(labels, np.int32)
)


def test_without_a_wish_there_are_no_weights():
    assert class_weights(None, NAMES, LABELS) is None


def test_a_mapping_names_classes_and_the_rest_weighs_one():
    assert class_weights({"b": 2, "d": 0.5}, NAMES, LABELS).tolist() == [1.0, 2.0, 1.0, 0.5]


@given(labels_of_any_sizes)
def test_balanced_is_what_scikit_learn_calls_so(labels):
    weights = class_weights("balanced", tuple("abcdef"), labels)
    present = np.unique(labels)
    expected = compute_class_weight("balanced", classes=present, y=labels)
    assert [weights[label] for label in present] == pytest.approx(list(expected))
    assert len(weights) == 6, "a class without examples has a weight too"


@given(labels_of_any_sizes, st.integers(0, 2**32 - 1))
def test_oversampling_takes_every_example_and_makes_all_classes_as_frequent(labels, seed):
    rows = oversampled(labels, np.random.default_rng(seed))
    times = np.bincount(rows, minlength=len(labels))
    assert times.min() >= 1
    taken = np.bincount(labels[rows])
    assert set(taken[taken > 0]) == {np.bincount(labels).max()}
    for label in np.unique(labels):
        assert np.ptp(times[labels == label]) <= 1, "no example is preferred"

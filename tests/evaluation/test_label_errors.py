from __future__ import annotations

from fractions import Fraction
from statistics import fmean

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnzoo.evaluation.label_errors import (
    calibrated_joint,
    confident_joint,
    find_label_errors,
    thresholds,
)

# Two labels; the third example has a wrong one. The sums of these fractions are exact.
LABELS = np.array([0, 0, 0, 1, 1, 1])
FIRST = [0.875, 0.75, 0.125, 0.125, 0.25, 0.375]  # the probability of class 0
PREDICTED = np.array([[first, 1 - first] for first in FIRST], np.float32)


def test_an_example_by_hand():
    limits = thresholds(LABELS, PREDICTED.astype(float))
    assert limits.tolist() == [pytest.approx(1.75 / 3), 0.75]
    # 0.875 and 0.75 reach 1.75 / 3; of class 1 the probabilities 0.875 (twice) and 0.75 do.
    assert confident_joint(LABELS, PREDICTED.astype(float)).tolist() == [[2, 1], [0, 2]]
    found = find_label_errors(LABELS, PREDICTED)
    assert found.joint.tolist() == [[2, 1], [0, 3]]
    assert found.noise == pytest.approx(1 / 6)
    assert found.indices.tolist() == [2]
    assert found.suggested.tolist() == [1]
    assert found.margins.tolist() == [0.125 - 0.875]


def test_the_joint_of_the_paper():
    # Figure 1: dog, fox and cow; the estimated joint is the confident joint of 400 examples / 400.
    confident = np.array([[100, 40, 20], [56, 60, 0], [32, 12, 80]])
    labels = np.repeat([0, 1, 2], confident.sum(axis=1))
    shares = calibrated_joint(labels, confident) / len(labels)
    assert shares.round(2).tolist() == [[0.25, 0.1, 0.05], [0.14, 0.15, 0], [0.08, 0.03, 0.2]]
    # Twice as many foxes are labelled, of which half are not counted as confident.
    more = np.concatenate([labels, np.ones(116, int)])
    assert calibrated_joint(more, confident)[1].tolist() == [112, 120, 0]


def test_the_confident_class_need_not_be_the_most_probable_one():
    # The network is sure of class 0 and unsure of class 1.
    labels = np.array([0, 0, 1, 1])
    predicted = np.array([[1, 0], [0.55, 0.45], [0.6, 0.4], [0.65, 0.35]])
    assert confident_joint(labels, predicted).tolist() == [[1, 1], [0, 1]]
    # The label is the most probable class, so that no other one can be suggested.
    assert find_label_errors(labels, predicted).indices.tolist() == []


def test_the_most_certain_comes_first():
    labels = np.repeat([0, 1], 10)
    first = np.where(labels == 0, 0.99, 0.01)
    first[[3, 7, 12]] = 0.04, 0.02, 0.99
    found = find_label_errors(labels, np.column_stack([first, 1 - first]))
    assert found.indices.tolist() == [12, 7, 3]
    assert found.suggested.tolist() == [0, 1, 1]


def test_without_examples_nothing_is_found():
    found = find_label_errors(np.zeros(0, np.int32), np.zeros((0, 3), np.float32))
    assert (len(found.indices), found.noise) == (0, 0)


@st.composite
def predicted_labels(draw):
    """Labels and probabilities that favour them more or less, perhaps with a class missing."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    classes, count = draw(st.integers(2, 5)), draw(st.integers(1, 60))
    labels = rng.integers(0, draw(st.integers(1, classes)), count)
    scores = rng.gumbel(size=(count, classes))
    scores[np.arange(count), labels] += draw(st.floats(-1, 5))
    exponentials = np.exp(scores)
    return labels, (exponentials / exponentials.sum(axis=1, keepdims=True)).astype(np.float32)


@given(predicted_labels())
def test_perfect_predictions_find_nothing(case):
    labels, predicted = case
    perfect = np.eye(predicted.shape[1], dtype=np.float32)[labels]
    found = find_label_errors(labels, perfect)
    assert (len(found.indices), found.noise) == (0, 0)


@given(predicted_labels(), st.randoms(use_true_random=False))
def test_the_order_of_examples_and_classes_does_not_matter(case, dice):
    labels, predicted = case
    rows = np.array(dice.sample(range(len(labels)), len(labels)))
    names = np.array(dice.sample(range(predicted.shape[1]), predicted.shape[1]))
    renamed = np.empty_like(predicted)
    renamed[:, names] = predicted
    found = find_label_errors(labels, predicted)
    again = find_label_errors(names[labels][rows], renamed[rows])
    assert rows[again.indices].tolist() == found.indices.tolist()
    assert again.suggested.tolist() == names[found.suggested].tolist()
    assert np.allclose(again.joint[np.ix_(names, names)], found.joint)


@given(predicted_labels())
def test_the_result_is_that_of_the_formulas(case):
    labels, predicted = case
    rows = predicted.astype(float).tolist()
    classes = range(predicted.shape[1])
    members = {j: [x for x, label in enumerate(labels) if label == j] for j in classes}
    limits = {j: fmean(rows[x][j] for x in members[j]) for j in classes if members[j]}
    counts = [[0 for _ in classes] for _ in classes]
    for row, label in zip(rows, labels, strict=True):
        if confident := [j for j in limits if row[j] >= limits[j] - 1e-12]:
            counts[label][max(confident, key=lambda j: row[j])] += 1
    wanted = set()
    for i in limits:
        others = sum(counts[i][j] for j in classes if j != i)
        number = round(Fraction(others * len(members[i]), sum(counts[i])))
        lowest = sorted(members[i], key=lambda x: rows[x][i])[:number]
        wanted |= {x for x in lowest if max(rows[x]) > rows[x][i]}
    found = find_label_errors(labels, predicted)
    assert set(found.indices.tolist()) == wanted
    assert (np.diff(found.margins) >= 0).all()

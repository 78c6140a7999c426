from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix

from cnnzoo.evaluation.predictions import Predictions
from cnnzoo.reporting.page.matrix import MAX_CLASSES, MAX_IMAGES, PER_CELL, confusion, fill


def predictions(classes: int, count: int, seed: int = 0) -> Predictions:
    rng = np.random.default_rng(seed)
    values = rng.dirichlet(np.ones(classes), count).astype(np.float32)
    labels = rng.integers(0, classes, count).astype(np.int32)
    return Predictions(
        tuple(map(str, range(count))), labels, values, tuple(map(str, range(classes)))
    )


@given(st.integers(2, 40), st.integers(1, 200), st.integers(0, 99))
@settings(max_examples=30)
def test_the_counts_are_those_of_scikit_learn_and_nothing_is_lost(classes, count, seed):
    given_ = predictions(classes, count, seed)
    matrix = confusion(given_, "m")
    counts = np.array([[cell.count for cell in row] for row in matrix.cells])
    assert counts.sum() == count
    assert counts.sum(axis=1).tolist() == list(matrix.support)
    if classes <= MAX_CLASSES:
        expected = confusion_matrix(given_.labels, given_.predicted, labels=range(classes))
        assert (counts == expected).all()
        assert matrix.others == 0
    else:
        assert len(matrix.names) == MAX_CLASSES + 1
        assert matrix.others == classes - MAX_CLASSES


def test_of_many_classes_those_with_most_mistakes_have_a_row():
    classes, count = 50, 500
    labels = np.arange(count, dtype=np.int32) % classes
    predicted = np.where(labels == 33, 7, labels)
    values = np.eye(classes, dtype=np.float32)[predicted]
    names = tuple(f"c{number}" for number in range(classes))
    matrix = confusion(Predictions(("",) * count, labels, values, names), "m")
    assert {"c33", "c7"} <= set(matrix.names)
    (wrong,) = [cell for cell in matrix.filled if not cell.right]
    assert (wrong.truth, wrong.prediction, wrong.count) == ("c33", "c7", 10)


def test_every_cell_has_a_picture_before_one_has_two():
    given_ = predictions(10, 5000)
    images = np.random.default_rng(0).integers(0, 256, (5000, 8, 8, 1), np.uint8)
    matrix = confusion(given_, "m")
    fill(matrix, given_, images, 10_000_000)
    shown = [len(cell.shown) for cell in matrix.filled]
    assert sum(shown) == MAX_IMAGES
    assert max(shown) - min(shown) <= 1
    for cell in matrix.filled:
        assert {(s.truth, s.prediction) for s in cell.shown} == {(cell.truth, cell.prediction)}


def test_mistakes_are_the_surest_and_the_rest_the_least_sure():
    given_ = predictions(2, 300)
    images = np.zeros((300, 4, 4, 3), np.uint8)
    matrix = confusion(given_, "m")
    fill(matrix, given_, images, 10_000_000)
    for cell in matrix.filled:
        sureness = [s.probability for s in cell.shown]
        every = np.sort(given_.probabilities[cell.rows].max(axis=1))
        expected = every[:PER_CELL] if cell.right else every[::-1][:PER_CELL]
        np.testing.assert_allclose(sureness, expected)


def test_the_bytes_of_the_pictures_are_bounded():
    given_ = predictions(10, 2000)
    images = np.random.default_rng(0).integers(0, 256, (2000, 64, 64, 3), np.uint8)
    matrix = confusion(given_, "m")
    fill(matrix, given_, images, 100_000)
    size = sum(len(shown.picture.uri) for cell in matrix.filled for shown in cell.shown)
    assert 90_000 < size <= 100_000

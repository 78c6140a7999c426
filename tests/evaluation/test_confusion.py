from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnzoo.evaluation.confusion import MAX_DENSE, Confusion

PAIRS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=40)


@given(PAIRS, st.sampled_from([5, MAX_DENSE + 1]))
def test_the_cells_are_those_of_the_matrix(pairs, classes):
    labels, predicted = map(np.array, zip(*pairs, strict=True))
    matrix = np.zeros((classes, classes), int)
    np.add.at(matrix, (labels, predicted), 1)
    confusion = Confusion.from_labels(labels, predicted, classes)
    assert (confusion.matrix() == matrix).all()
    assert (confusion.support() == matrix.sum(axis=1)).all()
    assert (confusion.predictions() == matrix.sum(axis=0)).all()
    assert (confusion.hits() == matrix.diagonal()).all()
    again = Confusion.from_plain(json.loads(json.dumps(confusion.plain())))
    assert (again.matrix() == matrix).all()


def test_mistakes_are_ordered_by_their_count():
    confusion = Confusion.from_matrix([[5, 1, 0], [0, 2, 3], [0, 0, 4]])
    assert confusion.mistakes() == [(1, 2, 3, 5), (0, 1, 1, 6)]


@pytest.mark.parametrize(("classes", "kind"), [(MAX_DENSE, list), (MAX_DENSE + 1, dict)])
def test_a_large_matrix_is_written_by_its_cells(classes, kind):
    plain = Confusion.from_labels([0, 1], [1, 1], classes).plain()
    assert isinstance(plain, kind)
    if kind is dict:
        assert plain == {"classes": classes, "cells": [[0, 1, 1], [1, 1, 1]]}

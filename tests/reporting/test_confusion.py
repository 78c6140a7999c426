from __future__ import annotations

import numpy as np
import pytest
from legible import assert_legible, texts_of

from cnnzoo.reporting.confusion import confusion_matrix

LONG = "a class name that is much longer than any cell, and ends so"


@pytest.mark.parametrize(
    ("classes", "long"), [(2, True), (2, False), (12, True), (14, False), (100, True)]
)
def test_any_count_of_classes_can_be_read(classes, long):
    counts = np.random.default_rng(classes).integers(0, 9999, (classes, classes))
    names = [f"{LONG if long else ''}{number}" for number in range(classes)]
    figure = confusion_matrix(counts, names)
    assert_legible(figure)
    shown = texts_of(figure)
    assert sum(f"({count:,})" in text for text in shown for count in counts.sum(axis=1)) >= classes


def test_cells_hold_counts_and_shares_of_the_truth():
    figure = confusion_matrix([[3, 1], [0, 5]], ["Ü", "$x_1$"])
    shown = texts_of(figure)
    assert {"3\n75%", "1\n25%", "5\n100%"} <= set(shown)
    assert not any(text.startswith("0\n") for text in shown)
    assert "8 of 9 correct (88.9%)" in "\n".join(shown)
    image = figure.axes[0].images[0]
    assert np.allclose(image.get_array(), [[0.75, 0.25], [0, 1]])


def test_a_class_without_examples_is_crossed_out():
    figure = confusion_matrix([[2, 0], [0, 0]], ["a", "b"])
    assert len(figure.axes[0].lines) == 1
    assert_legible(figure)
    assert_legible(confusion_matrix([[0, 0], [0, 0]], ["a", "b"]))

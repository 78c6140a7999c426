from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cnnzoo.datasets.items import NO_PART, in_order, make_items

words = st.lists(st.text(max_size=4), min_size=1, max_size=20)


def test_numbers_are_in_the_order_of_their_size():
    assert in_order(["10", "9", "0", "9"]) == ("0", "9", "10")


def test_words_are_in_the_order_that_keras_gives_them():
    assert in_order(["b", "a", "B", "10", "9"]) == ("10", "9", "B", "a", "b")


@given(words)
def test_the_order_depends_on_the_set_alone(values):
    assert in_order(values) == in_order(reversed(values))
    assert set(in_order(values)) == set(values)


@given(words)
def test_codes_name_what_was_given(labels):
    items = make_items([str(n) for n in range(len(labels))], labels)
    assert [items.label_values[code] for code in items.labels] == labels
    assert [items.part_values[code] for code in items.parts] == [NO_PART] * len(labels)
    assert items.labels.dtype == items.parts.dtype == np.int32


def test_parts_are_kept():
    items = make_items(["a", "b", "c"], ["x", "y", "x"], ["train", "test", "train"])
    assert [items.part_values[code] for code in items.parts] == ["train", "test", "train"]
    assert items.unusable == {}

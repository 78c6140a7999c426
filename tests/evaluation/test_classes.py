from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnzoo.errors import DataError
from cnnzoo.evaluation.classes import labels_by_name


@given(st.permutations(["ape", "bat", "cat", "dog"]), st.integers(1, 4))
def test_a_label_keeps_its_name(names: list[str], count: int) -> None:
    of_data, known = tuple(names[:count]), ("ape", "bat", "cat", "dog")
    labels = np.arange(count, dtype=np.int32).repeat(2)
    mapped = labels_by_name(labels, of_data, known, "zoo")
    assert [known[label] for label in mapped] == [of_data[label] for label in labels]
    assert mapped.dtype == np.int32


def test_a_class_that_the_model_does_not_know_names_both_sides() -> None:
    with pytest.raises(DataError) as caught:
        labels_by_name(np.zeros(1, np.int32), ("cats", "dog"), ("dog", "cat"), "pets")
    assert "pets has the class 'cats', and the model does not; did you mean 'cat'?" in str(
        caught.value
    )
    assert "the model has dog, cat; pets has cats, dog" in str(caught.value)


def test_names_compare_in_every_form_of_unicode():
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    labels = labels_by_name(np.array([0, 1], np.int32), ("tea", composed), (decomposed, "tea"), "x")
    assert labels.tolist() == [1, 0]

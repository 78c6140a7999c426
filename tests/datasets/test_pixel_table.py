from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cnnzoo.datasets.pixel_table import RowNames, parse_pixels, pixel_count, pixel_texts


@given(st.text(st.sampled_from("17 \t\xa0"), max_size=9))
def test_pixels_are_counted_as_they_are_read(text):
    assert pixel_count(text) == len(pixel_texts(text))


@given(st.text(max_size=6))
def test_a_pixel_is_a_whole_number_or_refused(text):
    try:
        pixel = int(parse_pixels([text])[0])
    except ValueError:
        return
    assert 0 <= pixel <= 255
    assert float(text) == pixel


def test_names_of_rows_are_made_when_they_are_asked_for():
    names = RowNames(np.array([2, 5, 7]))
    assert list(names) == ["row 2", "row 5", "row 7"]
    assert list(names[1:]) == ["row 5", "row 7"]
    assert names[-1] == "row 7"
    assert "row 5" in names

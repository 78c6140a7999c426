from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnzoo.datasets.images import fit_images

RNG = np.random.default_rng(0)


@given(
    st.tuples(st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 3])),
    st.tuples(st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 3])),
)
def test_any_image_fits_any_shape(given_shape, wanted):
    images = RNG.integers(0, 256, (2, *given_shape), np.uint8)
    fitted = fit_images(images, wanted)
    assert fitted.shape == (2, *wanted)
    assert fitted.dtype == np.uint8


def test_images_of_the_right_shape_are_left_alone():
    images = RNG.integers(0, 256, (3, 8, 8, 1), np.uint8)
    assert fit_images(images, (8, 8, 1)) is images


@pytest.mark.parametrize("value", [0, 17, 255])
def test_a_flat_image_stays_flat(value):
    images = np.full((1, 7, 9, 1), value, np.uint8)
    assert (fit_images(images, (20, 5, 3)) == value).all()


def test_colour_from_gray_repeats_it():
    gray = RNG.integers(0, 256, (2, 6, 6, 1), np.uint8)
    assert np.array_equal(fit_images(gray, (6, 6, 3)), np.repeat(gray, 3, axis=-1))


def test_gray_from_colour_is_its_luma():
    colour = np.array([[[[255, 0, 0], [0, 255, 0], [0, 0, 255]]]], np.uint8)
    assert fit_images(colour, (1, 3, 1)).ravel().tolist() == [76, 150, 29]  # ITU-R 601


def test_shrinking_averages():
    stripes = np.tile(np.array([0, 255], np.uint8), (8, 4))[None, ..., None]
    assert abs(int(fit_images(stripes, (2, 2, 1)).mean()) - 127) < 20

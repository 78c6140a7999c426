"""Grad-CAM: the regions of the last feature maps that support a class.

Selvaraju, Cogswell, Das, Vedantam, Parikh and Batra, "Grad-CAM: Visual explanations from deep
networks via gradient-based localization", ICCV 2017, arXiv:1610.02391.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from cnnzoo.evaluation.explain.gradients import Floats, Gradient


def grad_cam(maps: Floats, gradient: Gradient, weights: Floats, size: tuple[int, int]) -> Floats:
    """Return the support of each place of feature maps for a class: float32 `size`, 0 to 1.

    `maps` are [height, width, channels], `gradient` is that of the scores by the maps, `weights`
    [outputs] select the score of the class, and `size` is the (height, width) of the image. Each
    map is weighted with the mean of its gradient over the image (the paper's equation 1); negative
    values of the sum become 0 (equation 2). The largest value is 1, or all are 0 without support.
    """
    _, gradients = gradient(maps[None], weights)
    positive = np.maximum(maps @ gradients[0].mean(axis=(0, 1)), 0)
    fitted = _resized(positive, size)
    largest = fitted.max()
    return fitted / largest if largest > 0 else fitted


def _resized(values: Floats, size: tuple[int, int]) -> Floats:
    image = Image.fromarray(np.asarray(values, np.float32))  # one float32 a pixel
    return np.asarray(image.resize(size[::-1], Image.Resampling.BILINEAR))

"""Integrated gradients: the contribution of each pixel to the score of a class.

Sundararajan, Taly and Yan, "Axiomatic attribution for deep networks", ICML 2017, arXiv:1703.01365.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from cnnzoo.evaluation.classifier import BATCH_VALUES
from cnnzoo.evaluation.explain.gradients import Floats, Gradient

STEPS = 32


@dataclass(frozen=True, slots=True)
class Attribution:
    """The contribution of each pixel to a score: float32 [height, width].

    By the paper's completeness axiom the values sum to `score - baseline_score`, the scores of the
    image and of a black image; the difference shows whether there were enough steps.
    """

    values: Floats
    score: float
    baseline_score: float


def integrated_gradients(
    image: NDArray[np.uint8], gradient: Gradient, weights: Floats, steps: int = STEPS
) -> Attribution:
    """Integrate the gradient of a score from black to an image [height, width, channels].

    `gradient` is that of the scores by the image, `weights` [outputs] select the score of a class.
    The integral is a sum over the midpoints of `steps` equal parts of the path; the channels of a
    pixel are added up. Black is the paper's baseline: black pixels contribute nothing.
    """
    picture = image.astype(np.float32)
    # The ends of the path, whose gradients do not count, and the midpoints of its parts.
    way = np.concatenate([[0, 1], (np.arange(steps) + 0.5) / steps]).astype(np.float32)
    counts = np.concatenate([[0, 0], np.full(steps, 1 / steps)])
    size = max(1, min(len(way), BATCH_VALUES // prod(image.shape)))
    scores = np.empty(len(way))
    mean = np.zeros(image.shape)
    for start in range(0, len(way), size):
        part = slice(start, start + size)
        points = np.resize(way[part], size)  # padded: a backend compiles once for each size
        found, gradients = gradient(points[:, None, None, None] * picture, weights)
        scores[part] = found[: len(way[part])]
        mean += np.tensordot(counts[part], gradients[: len(way[part])], 1)
    values = (picture * mean).sum(axis=2).astype(np.float32)
    return Attribution(values, score=float(scores[1]), baseline_score=float(scores[0]))

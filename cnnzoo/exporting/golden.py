"""Golden examples: a few test images with Keras' probabilities, to check any other runtime with."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnzoo.datasets.images.fit import as_image
from cnnzoo.evaluation.predictions import Predictions

COUNT = 10


def golden_examples(images: NDArray[np.uint8], predictions: Predictions) -> list[dict[str, Any]]:
    """Examples as JSON values: `name`, `label`, `png` (base64) and Keras' `probabilities`.

    `images` uint8 [n, height, width, channels] are those of the predictions, at the model's size.
    """
    return [
        {
            "name": predictions.names[row],
            "label": predictions.class_names[predictions.labels[row]],
            "png": base64.b64encode(_png(images[row])).decode("ascii"),
            "probabilities": predictions.probabilities[row].tolist(),
        }
        for row in range(len(predictions))
    ]


def golden_rows(count: int) -> NDArray[np.intp]:
    """The rows of the examples to keep, of so many: evenly spaced, as data are sorted by class."""
    return np.unique(np.linspace(0, count - 1, min(COUNT, count)).round().astype(np.intp))


def _png(pixels: NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    as_image(pixels).save(file, "PNG")
    return file.getvalue()

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

from cnnzoo.evaluation.predictions import Predictions
from cnnzoo.exporting.golden import golden_examples, golden_rows


def test_rows_are_spread_over_all():
    assert golden_rows(1000).tolist()[::9] == [0, 999]
    assert len(golden_rows(1000)) == 10
    assert golden_rows(3).tolist() == [0, 1, 2]
    assert golden_rows(1).tolist() == [0]


def test_the_pixels_and_probabilities_are_exact():
    images = np.random.default_rng(0).integers(0, 256, (2, 5, 4, 3)).astype(np.uint8)
    probabilities = np.array([[0.1, 0.9], [1 / 3, 2 / 3]], np.float32)
    predictions = Predictions(("a", "b"), np.array([1, 0], np.int32), probabilities, ("x", "y"))
    examples = golden_examples(images, predictions)
    assert [(each["name"], each["label"]) for each in examples] == [("a", "y"), ("b", "x")]
    for example, pixels, row in zip(examples, images, probabilities, strict=True):
        with Image.open(io.BytesIO(base64.b64decode(example["png"]))) as image:
            assert np.array_equal(np.asarray(image), pixels)
        assert np.array_equal(np.array(example["probabilities"], np.float32), row)

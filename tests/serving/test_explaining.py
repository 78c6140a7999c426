from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image
from served import picture

from cnnzoo.datasets.images.fit import Fit
from cnnzoo.evaluation.explain.explain import MapExplanation, Stage
from cnnzoo.serving.explaining import MAPS, decode_picture, explanation_json


def pixels_of(uri):
    with Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))) as image:
        return np.asarray(image)


@pytest.mark.parametrize(
    ("method", "size", "bright"),
    [
        ("stretch", (40, 80), (slice(20, 40), slice(40, 80))),
        ("crop", (40, 80), (slice(20, 40), slice(40, 60))),
        ("pad", (40, 80), (slice(20, 40), slice(40, 80))),
    ],
)
def test_the_heat_is_over_the_place_of_the_original_picture(method, size, bright):
    heat = np.zeros((20, 20), np.float32)
    heat[10:, 10:] = 1
    stage = Stage("conv", np.random.default_rng(0).random((5, 5, 20), np.float32))
    found = MapExplanation(np.array([0.25, 0.75], np.float32), 1, heat, (stage,))
    fit = Fit((20, 20, 1), method)
    values = explanation_json(decode_picture(picture(1, size), fit), fit, found, ("a", "b"))
    assert (values["class"], values["probability"]) == ("b", 0.75)
    alpha = pixels_of(values["heat"])[..., 3]
    assert alpha.shape == size
    inside = np.zeros(size, bool)
    inside[bright] = True
    assert alpha[inside].mean() > 150
    assert alpha[~inside].mean() < 20
    (shown,) = values["stages"]
    assert (shown["shape"], len(shown["maps"])) == ([5, 5, 20], MAPS)

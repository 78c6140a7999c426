from __future__ import annotations

import keras
import numpy as np
import pytest

from cnnzoo.datasets.dataset import Examples
from cnnzoo.datasets.images.fit import Fit
from cnnzoo.evaluation.classifier import Classifier
from cnnzoo.evaluation.explain import responses
from cnnzoo.evaluation.explain.responses import strongest_responses
from cnnzoo.models.backend import load_keras

SHAPE = (12, 10, 3)


@pytest.fixture(scope="module")
def classifier():
    layers = load_keras().layers
    model = keras.Sequential(
        [
            keras.Input(SHAPE),
            layers.Rescaling(1 / 255, offset=-0.5),
            layers.Conv2D(5, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(4, 2),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2, activation="softmax"),
        ]
    )
    return Classifier(model, ("a", "b"), Fit(SHAPE))


@pytest.fixture(scope="module")
def examples():
    images = np.random.default_rng(0).integers(0, 256, (25, *SHAPE), np.uint8)
    return Examples(images, np.zeros(25, np.int32))


def test_they_are_the_largest_of_all_examples(classifier, examples, monkeypatch):
    # The last batch is not full.
    monkeypatch.setattr(responses, "batch_size", lambda shape, model: 7)
    found = strongest_responses(classifier, examples, 6)
    assert [each.name for each in found] == [layer.name for layer in classifier.model.layers[1:4]]
    for each in found:
        layer = classifier.model.get_layer(each.name)
        maps = keras.Model(classifier.model.inputs, layer.output).predict(
            examples.images, verbose=0
        )
        largest = maps.max(axis=(1, 2)).T  # [channels, n]
        np.testing.assert_allclose(each.values, -np.sort(-largest, axis=1)[:, :6], rtol=1e-5)
        again = np.take_along_axis(largest, each.rows, axis=1)
        np.testing.assert_allclose(again, each.values, rtol=1e-5)


def test_the_region_alone_excites_the_filter_as_much(classifier, examples):
    """What lies outside the region does not matter: noise there leaves the response."""
    noise = np.random.default_rng(1).integers(0, 256, SHAPE, np.uint8)
    for each in strongest_responses(classifier, examples, 2):
        layer = classifier.model.get_layer(each.name)
        model = keras.Model(classifier.model.inputs, layer.output)
        pictures, values = [], []
        for channel, (rows, regions) in enumerate(zip(each.rows, each.regions, strict=True)):
            for row, (top, left, bottom, right) in zip(rows, regions, strict=True):
                picture = noise.copy()
                picture[top:bottom, left:right] = examples.images[row][top:bottom, left:right]
                pictures.append(picture)
            values += [channel] * len(rows)
        maps = model.predict(np.stack(pictures), verbose=0).max(axis=(1, 2))
        kept = maps[np.arange(len(values)), values].reshape(each.values.shape)
        assert (kept >= each.values - 1e-5).all()
        sizes = each.regions[..., 2:] - each.regions[..., :2]
        assert sizes.max() < 12, "the region would be the whole picture"


def test_a_limit_takes_examples_at_equal_distances(classifier, examples):
    (first, *_) = strongest_responses(classifier, examples, 3, limit=5)
    assert set(first.rows.ravel()) <= {0, 6, 12, 18, 24}
    (few, *_) = strongest_responses(classifier, examples, 9, limit=5)
    assert few.values.shape == (5, 5)  # no more than there are
    assert all(len(set(row)) == 5 for row in few.rows.tolist())

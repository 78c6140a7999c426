"""Grad-CAM and integrated gradients on a network that can only have learned one thing."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec

import keras
import numpy as np
import pytest
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from cnnzoo.datasets.images.fit import Fit
from cnnzoo.evaluation.classifier import Classifier
from cnnzoo.evaluation.explain.explain import explain_image, explainer
from cnnzoo.evaluation.explain.gradients import score_gradient
from cnnzoo.evaluation.explain.integrated_gradients import integrated_gradients
from cnnzoo.models.backend import load_keras

pytestmark = pytest.mark.slow

SIDE, PATCH = 24, 5
PATTERNS = np.array(
    [
        [[0, 0, 1, 0, 0], [0, 0, 1, 0, 0], [1, 1, 1, 1, 1], [0, 0, 1, 0, 0], [0, 0, 1, 0, 0]],
        [[1, 0, 0, 0, 1], [0, 1, 0, 1, 0], [0, 0, 1, 0, 0], [0, 1, 0, 1, 0], [1, 0, 0, 0, 1]],
    ]
)


def planted(count, seed):
    """Pictures of noise with one of two patterns in one half and its pixels shuffled in the other.

    Brightness says nothing: where the pattern is has to be seen. Gives pictures, labels, corners.
    """
    random = np.random.default_rng(seed)
    pictures = random.integers(0, 40, (count, SIDE, SIDE, 1), np.uint8)
    labels = random.integers(0, 2, count)
    corners = np.empty((count, 2), int)
    for picture, label, corner in zip(pictures, labels, corners, strict=True):
        left, right = random.permutation([0, SIDE // 2])
        rows = random.integers(0, SIDE - PATCH, 2)
        columns = random.integers(0, SIDE // 2 - PATCH, 2) + np.array([left, right])
        shuffled = random.permutation(PATTERNS[label].ravel()).reshape(PATCH, PATCH)
        for row, column, shape in zip(rows, columns, (PATTERNS[label], shuffled), strict=True):
            patch = picture[row : row + PATCH, column : column + PATCH, 0]
            patch += (200 * shape).astype(np.uint8)
        corner[:] = rows[0], columns[0]
    return pictures, labels, corners


@pytest.fixture(scope="module")
def trained():
    load_keras()
    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 1)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(12, 5, padding="same", activation="relu"),
            layers.Conv2D(12, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(12, 3, padding="same", activation="relu"),
            layers.GlobalMaxPooling2D(),
            layers.Dense(2, activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(5e-3), "sparse_categorical_crossentropy")
    pictures, labels, _ = planted(2000, 0)
    model.fit(pictures.astype("float32"), labels, batch_size=64, epochs=6, verbose=0)
    return Classifier(model, ("plus", "cross"), Fit((SIDE, SIDE, 1)))


def maps_of(classifier, pictures, labels):
    explain = explainer(classifier)
    explained = [explain(*pair) for pair in zip(pictures, labels.tolist(), strict=True)]
    return (
        np.stack([each.grad_cam for each in explained]),
        np.stack([each.attribution.values for each in explained]),
    )


def inside(corners, margin):
    """Whether a pixel lies in the planted pattern, or so near to it: [n, SIDE, SIDE]."""
    places = np.stack(np.meshgrid(np.arange(SIDE), np.arange(SIDE), indexing="ij"), -1)
    offsets = places[None] - corners[:, None, None]
    return ((offsets >= -margin) & (offsets < PATCH + margin)).all(-1)


def test_the_maps_point_to_the_planted_pattern(trained):
    pictures, labels, corners = planted(25, 1)
    predicted = trained.model.predict(pictures, verbose=0).argmax(1)
    assert (predicted == labels).mean() >= 0.95, "the network has not learned it"
    cams, attributions = maps_of(trained, pictures, labels)
    peaks = cams.reshape(len(cams), -1).argmax(1)
    # The maps are half as fine as the picture, so they may lie a pixel or two beside.
    hits = inside(corners, 2).reshape(len(cams), -1)[np.arange(len(cams)), peaks]
    assert hits.mean() >= 0.9
    strength = np.abs(attributions)
    share = (strength * inside(corners, 0)).sum((1, 2)) / strength.sum((1, 2))
    brightness = (pictures[..., 0] * inside(corners, 0)).sum((1, 2)) / pictures.sum((1, 2, 3))
    assert share.mean() >= 2 * brightness.mean()


def test_random_weights_change_the_maps(trained):
    """After Adebayo et al., "Sanity checks for saliency maps", NeurIPS 2018.

    Integrated gradients keep their sign here: their size follows the picture, whatever the weights.
    """
    random = keras.models.clone_model(trained.model)
    pictures, labels, _ = planted(12, 2)
    of_trained = maps_of(trained, pictures, labels)
    again = maps_of(trained, pictures, labels)
    of_random = maps_of(Classifier(random, trained.class_names, trained.fit), pictures, labels)
    for found, same, changed in zip(of_trained, again, of_random, strict=True):
        np.testing.assert_array_equal(found, same)
        ranks = [
            spearmanr(one.ravel(), two.ravel()).statistic if one.std() and two.std() else 0.0
            for one, two in zip(found, changed, strict=True)
        ]
        assert abs(np.mean(ranks)) < 0.5


def test_integrated_gradients_are_complete(trained):
    """They sum to the difference of the scores, as near as the steps allow."""
    pictures, _, _ = planted(2, 3)
    explain = explainer(trained, steps=100)
    for picture in pictures:
        found = explain(picture, None).attribution
        difference = found.score - found.baseline_score
        assert found.values.sum() == pytest.approx(difference, rel=0.03)


def test_the_scores_are_those_of_the_picture_and_of_black(trained):
    (picture,), _, _ = planted(1, 4)
    found = explain_image(trained, picture, label=1, steps=1).attribution
    before = keras.Model(trained.model.inputs, trained.model.layers[-1].input)
    weights, biases = trained.model.layers[-1].get_weights()
    for image, score in ((picture, found.score), (0 * picture, found.baseline_score)):
        expected = before.predict(image[None], verbose=0)[0] @ weights[:, 1] + biases[1]
        assert score == pytest.approx(expected, rel=1e-4)


@given(st.integers(0, 2**32 - 1), st.integers(1, 20))
def test_of_a_linear_score_they_are_weight_times_value(seed, steps):
    random = np.random.default_rng(seed)
    height, width, channels = random.integers(1, 9, 3)
    slope = random.normal(size=(height, width, channels))
    image = random.integers(0, 256, slope.shape, np.uint8)

    def gradient(inputs, weights):
        return (inputs * slope).sum((1, 2, 3)) * weights, np.broadcast_to(slope, inputs.shape)

    found = integrated_gradients(image, gradient, np.float32(1), steps)
    np.testing.assert_allclose(found.values, (slope * image).sum(2), rtol=1e-3, atol=1e-3)
    assert found.baseline_score == 0


def test_gradients_are_the_slopes_of_the_score(trained):
    model = keras.Model(trained.model.inputs, trained.model.layers[-2].output)
    weights = np.random.default_rng(0).normal(size=12).astype(np.float32)
    inputs = planted(2, 5)[0].astype(np.float32)
    gradient = score_gradient(model)
    scores, gradients = gradient(inputs, weights)
    np.testing.assert_allclose(scores, model.predict(inputs, verbose=0) @ weights, rtol=1e-4)
    # A ReLU network is linear near a point, so a small step along the gradient is exact.
    step = 1e-2 * gradients
    moved, _ = gradient(inputs + step, weights)
    expected = (step * gradients).sum((1, 2, 3))
    np.testing.assert_allclose(moved - scores, expected, rtol=0.05, atol=1e-4)


def test_the_two_sides_of_a_sigmoid_are_opposite():
    load_keras()
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((9, 9, 3)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    classifier = Classifier(model, ("no", "yes"), Fit((9, 9, 3)))
    image = np.random.default_rng(0).integers(0, 256, (9, 9, 3), np.uint8)
    no, yes = (explain_image(classifier, image, label=label, steps=4) for label in (0, 1))
    np.testing.assert_allclose(no.attribution.values, -yes.attribution.values, rtol=1e-6)
    assert no.attribution.score == -yes.attribution.score
    assert not (no.grad_cam * yes.grad_cam == 1).any()
    predicted = explain_image(classifier, image, steps=4)
    assert predicted.label == predicted.probabilities.argmax()
    np.testing.assert_array_equal(predicted.grad_cam, (no, yes)[predicted.label].grad_cam)


OTHER_BACKEND = """
import sys
import numpy as np
from cnnzoo.evaluation.classifier import open_classifier
from cnnzoo.evaluation.explain.explain import explain_image
found = explain_image(open_classifier(sys.argv[1]), np.load(sys.argv[2]), label=1)
np.savez(sys.argv[3], cam=found.grad_cam, values=found.attribution.values)
"""


@pytest.mark.skipif(find_spec("jax") is None, reason="JAX is not installed")
def test_jax_and_tensorflow_see_the_same(trained, tmp_path):
    (picture,), _, _ = planted(1, 6)
    trained.model.save(tmp_path / "model.keras")
    np.save(tmp_path / "picture.npy", picture)
    found = []
    for backend in ("tensorflow", "jax"):
        words = ("model.keras", "picture.npy", f"{backend}.npz")
        subprocess.run(
            [sys.executable, "-c", OTHER_BACKEND, *(str(tmp_path / word) for word in words)],
            env={**os.environ, "KERAS_BACKEND": backend},
            cwd=ROOT,
            check=True,
        )
        found.append(np.load(tmp_path / f"{backend}.npz"))
    for key in ("cam", "values"):
        scale = np.abs(found[0][key]).max()
        np.testing.assert_allclose(found[0][key], found[1][key], atol=1e-3 * scale)

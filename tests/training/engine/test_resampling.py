from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers, ops

from cnnzoo.training.engine.resampling import Resampling, resampled_once

SIZE = 64
FILL = {"fill_mode": "constant"}
LAYERS = {
    "flip": lambda: layers.RandomFlip(seed=1),
    "mirror": lambda: layers.RandomFlip("horizontal", seed=2),
    "turn": lambda: layers.RandomRotation(0.1, seed=3, **FILL),
    "shift": lambda: layers.RandomTranslation(0.1, (-0.2, 0.1), seed=4, **FILL),
    "zoom": lambda: layers.RandomZoom(0.2, seed=5, **FILL),
    "stretch": lambda: layers.RandomZoom((-0.3, 0), (0, 0.2), seed=6, **FILL),
    "shear": lambda: layers.RandomShear(0.1, 0.2, seed=7, **FILL),
}
ROWS = ["turn shift", "flip turn zoom", "shear mirror shift", "stretch shear", "turn shift zoom"]


@pytest.fixture(scope="module")
def images():
    """Blobs in the middle that interpolation changes little, float32 [8, height, width, 2]."""
    down, across = np.mgrid[:SIZE, :SIZE]
    centres = np.random.default_rng(0).uniform(24, 40, (8, 2, 2))
    distance = (down - centres[..., :1, None]) ** 2 + (across - centres[..., 1:, None]) ** 2
    return np.moveaxis(255 * np.exp(-distance / 60), 1, -1).astype(np.float32)


def made(row):
    return [LAYERS[word]() for word in row.split()]


@pytest.mark.parametrize("row", ROWS)
def test_it_equals_the_layers_one_after_the_other_up_to_interpolation(row, images):
    (once,) = resampled_once(made(row))
    assert isinstance(once, Resampling)
    one_by_one = images
    for layer in made(row):
        one_by_one = layer(one_by_one, training=True)
    found = ops.convert_to_numpy(once(images, training=True))
    expected = ops.convert_to_numpy(one_by_one)
    assert np.abs(expected - images).max() > 50  # something happens
    np.testing.assert_allclose(found, expected, atol=6)


def test_whole_pixels_are_moved_exactly(images):
    """Without fractions there is nothing to interpolate: both ways give the same values."""

    def row():
        right = layers.RandomTranslation((0, 0), (0.25, 0.25))
        return [layers.RandomFlip(seed=1), layers.RandomRotation([0.25, 0.25]), right]

    one_by_one = images
    for layer in row():
        one_by_one = layer(one_by_one, training=True)
    (once,) = resampled_once(row())
    found = ops.convert_to_numpy(once(images, training=True))
    np.testing.assert_allclose(found, ops.convert_to_numpy(one_by_one), atol=0.02)


def test_one_interpolation_blurs_less(images):
    noise = np.random.default_rng(0).uniform(0, 255, images.shape).astype(np.float32)
    one_by_one = noise
    for layer in made("turn shift zoom"):
        one_by_one = layer(one_by_one, training=True)
    (once,) = resampled_once(made("turn shift zoom"))
    sharp, blurred = (
        ops.convert_to_numpy(each) for each in (once(noise, training=True), one_by_one)
    )
    middle = slice(SIZE // 3, -SIZE // 3)  # nothing is filled in
    assert np.std(sharp[:, middle, middle]) > 1.2 * np.std(blurred[:, middle, middle])


def test_nothing_changes_outside_of_training(images):
    (once,) = resampled_once(made("turn shift"))
    np.testing.assert_array_equal(ops.convert_to_numpy(once(images, training=False)), images)


def test_the_same_state_draws_the_same_images(images):
    (once,) = resampled_once(made("flip turn zoom"))
    states = [ops.convert_to_numpy(state) for state in once.variables]
    assert len(states) == 3
    first = ops.convert_to_numpy(once(images, training=True))
    assert np.abs(ops.convert_to_numpy(once(images, training=True)) - first).max() > 1
    for variable, state in zip(once.variables, states, strict=True):
        variable.assign(state)
    np.testing.assert_array_equal(ops.convert_to_numpy(once(images, training=True)), first)


@pytest.mark.parametrize(
    ("row", "kinds"),
    [
        ("flip", "RandomFlip"),
        ("flip turn", "RandomFlip RandomRotation"),
        ("flip turn shift", "Resampling"),
        ("turn contrast shift", "RandomRotation RandomContrast RandomTranslation"),
        ("turn zoom contrast shift", "Resampling RandomContrast RandomTranslation"),
        ("turn zoom wrapped shift", "Resampling RandomTranslation RandomTranslation"),
    ],
)
def test_only_neighbours_that_agree_are_one_resampling(row, kinds):
    others = {
        "contrast": lambda: layers.RandomContrast(0.1),
        "wrapped": lambda: layers.RandomTranslation(0.1, 0.1, fill_mode="wrap"),
    }
    found = resampled_once([(LAYERS | others)[word]() for word in row.split()])
    assert [type(layer).__name__ for layer in found] == kinds.split()


def test_it_is_part_of_a_compiled_graph(images):
    model = keras.Sequential(
        [keras.Input(images.shape[1:]), *resampled_once(made("turn zoom")), layers.Conv2D(2, 1)]
    )
    model.compile(loss="mse")
    assert np.isfinite(model.evaluate(images, images, verbose=0))
    assert np.isfinite(model.train_on_batch(images, images))

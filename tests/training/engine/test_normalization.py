from __future__ import annotations

import numpy as np
import pytest

RNG = np.random.default_rng(0)
IMAGES = RNG.normal(3, 2, (6, 5, 4, 8)).astype(np.float32)


def layers(**arguments):
    """Two equal models of one batch normalization, the second one fused."""
    import keras

    from cnnzoo.training.engine.normalization import fuse_normalization

    made = []
    for _ in range(2):
        layer = keras.layers.BatchNormalization(**arguments)
        made.append(keras.Sequential([keras.Input(IMAGES.shape[1:]), layer]))
    weights = [RNG.uniform(0.5, 2, weight.shape) for weight in made[0].get_weights()]
    for model in made:
        model.set_weights(weights)
    fuse_normalization(made[1])
    return made


def step(model, images=IMAGES, training=True):
    """The outputs, the gradients and the weights after one call."""
    import tensorflow as tf

    inputs = tf.constant(images)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = model(inputs, training=training)
        loss = tf.reduce_sum(tf.cast(outputs, "float32") ** 3)
    gradients = tape.gradient(loss, [inputs, *(v.value for v in model.trainable_variables)])
    return [np.asarray(tf.cast(a, "float32")) for a in (outputs, *gradients)] + model.get_weights()


def is_fused(model):
    return "call" in vars(model.layers[0])


@pytest.mark.parametrize(
    "arguments",
    [{}, {"scale": False}, {"center": False}, {"momentum": 0.6, "epsilon": 0.1}],
    ids=str,
)
def test_equals_keras_up_to_rounding(arguments):
    plain, fused = layers(**arguments)
    assert is_fused(fused)
    assert not is_fused(plain)
    for before, now in zip(step(plain), step(fused), strict=True):
        np.testing.assert_allclose(now, before, rtol=2e-4, atol=2e-4 * np.abs(before).max())


def test_one_pixel_has_no_variance():
    plain, fused = layers()
    before, now = (step(model, IMAGES[:1, :1, :1]) for model in (plain, fused))
    np.testing.assert_allclose(now[-1], before[-1])
    np.testing.assert_allclose(now[0], before[0], rtol=1e-4)


def test_outside_of_training_nothing_changes():
    plain, fused = layers()
    for before, now in zip(step(plain, training=False), step(fused, training=False), strict=True):
        np.testing.assert_array_equal(now, before)


def test_a_frozen_layer_keeps_its_averages():
    plain, fused = layers()
    for model in (plain, fused):
        model.trainable = False
    for before, now in zip(step(plain), step(fused), strict=True):
        np.testing.assert_array_equal(now, before)


def test_bfloat16_is_as_exact_as_that_of_keras():
    exact, _ = layers()
    weights = exact.get_weights()
    plain, fused = layers(dtype="mixed_bfloat16")
    for model in (plain, fused):
        model.set_weights(weights)
    assert is_fused(fused)
    truth = step(exact)
    for wanted, before, now in zip(truth, step(plain), step(fused), strict=True):
        largest = np.abs(wanted).max()
        error, allowed = np.abs(now - wanted).max(), np.abs(before - wanted).max()
        assert error <= 2 * allowed + 4e-3 * largest


@pytest.mark.parametrize(
    "arguments",
    [{"axis": 1}, {"epsilon": 1e-6}, {"renorm": True}, {"dtype": "float16"}],
    ids=str,
)
def test_what_the_operation_cannot_compute_stays_with_keras(arguments):
    _, fused = layers(**arguments)
    assert not is_fused(fused)


def test_a_saved_model_is_one_of_keras(tmp_path):
    import keras

    plain, fused = layers()
    step(plain)
    step(fused)
    fused.save(tmp_path / "model.keras")
    opened = keras.saving.load_model(tmp_path / "model.keras")
    assert type(opened.layers[0]) is keras.layers.BatchNormalization
    np.testing.assert_allclose(opened.predict(IMAGES, verbose=0), plain(IMAGES), rtol=1e-4)

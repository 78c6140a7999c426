from __future__ import annotations

import pytest

from cnnzoo import limits
from cnnzoo.errors import RunError
from cnnzoo.models.activations import check_activations, images_at_once, largest_output


def network(size: int, factor: int = 1):
    import keras

    inner = keras.Sequential(
        [keras.Input((size, size, 3)), keras.layers.UpSampling2D(factor)], name="inner"
    )
    return keras.Sequential([keras.Input((size, size, 3)), inner, keras.layers.Flatten()])


def test_the_largest_output_is_found_in_models_within_models():
    name, size = largest_output(network(10, 4))
    assert size == 40 * 40 * 3 * 4
    assert name in ("inner/up_sampling2d", "inner", "flatten")


def test_operations_count_too():
    import keras

    inputs = keras.Input((100, 1))
    outer = inputs * keras.ops.reshape(inputs, (-1, 1, 100))
    model = keras.Model(inputs, keras.ops.mean(outer, axis=(1, 2)))
    assert largest_output(model)[1] == 100 * 100 * 4


def test_a_picture_that_becomes_too_large_is_refused_with_the_numbers():
    check_activations(network(32), "model.keras")
    with pytest.raises(RunError, match=r"model\.keras takes too much memory: one image is 11 GiB"):
        check_activations(network(32, 1000), "model.keras")


def test_fewer_large_pictures_come_at_once(monkeypatch):
    assert images_at_once(network(32), 256) == 256
    monkeypatch.setattr(limits, "BATCH_BYTES", 10 * 32 * 32 * 3 * 4)
    assert images_at_once(network(32), 256) == 8
    monkeypatch.setattr(limits, "BATCH_BYTES", 1)
    assert images_at_once(network(32), 256) == 1

from __future__ import annotations

import errno
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from exported_models import contract, export_small, images, small_model

from cnnzoo.errors import UserError
from cnnzoo.exporting import convert as convert_module
from cnnzoo.exporting.convert import convert
from cnnzoo.exporting.formats import FORMATS
from cnnzoo.exporting.job import Job
from cnnzoo.models.runtimes.open import open_exported


@pytest.fixture(scope="module")
def model():
    return small_model()


@pytest.mark.parametrize(
    ("form", "precision", "tolerance"),
    [
        ("onnx", "float16", 2e-3),
        ("onnx", "int8", 0.05),
        ("litert", "float16", 2e-3),
        ("litert", "int8", 0.05),
        ("openvino", "float16", 2e-3),
    ],
)
def test_lower_precisions_are_smaller_and_nearly_equal(form, precision, tolerance, model, tmp_path):
    path = export_small(tmp_path, form, precision, model=model)
    exported = open_exported(path)
    expected = model.predict_on_batch(images(7))
    difference = np.abs(exported.predict_on_batch(images(7)) - expected).max()
    assert 1e-7 < difference < tolerance
    assert exported.contract.precision == precision
    assert np.abs(exported.predict_on_batch(images(7)).sum(axis=1) - 1).max() < 1e-5


def test_the_model_is_not_changed(model, tmp_path):
    before = model.predict_on_batch(images(3))
    export_small(tmp_path, "onnx", model=model)
    assert type(model.layers[0].mean).__name__ == "EagerTensor"
    assert np.array_equal(model.predict_on_batch(images(3)), before)


def test_an_opset_can_be_chosen(model, tmp_path):
    import onnx

    target = tmp_path / "model.onnx"
    convert(model, Job(tmp_path, target, "onnx", contract(), opset=13))
    assert onnx.load(target).opset_import[0].version == 13
    assert np.ptp(open_exported(target).predict_on_batch(images(2))) > 0


@pytest.mark.parametrize("form", ["onnx", "litert"])
def test_a_layer_that_cannot_be_converted_is_named(form, tmp_path):
    import keras

    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(2, 3, name="fine"),
            Unusual(name="unusual"),
            keras.layers.Flatten(),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    with pytest.raises(UserError, match=rf"{form} cannot express the layer 'unusual' \(Unusual\)"):
        convert(model, Job(tmp_path, tmp_path / f"model{FORMATS[form].suffix}", form, contract()))
    assert not list(tmp_path.glob("model*"))


@pytest.mark.parametrize(
    ("failure", "free"),
    [(ValueError("model.pb; No space left on device"), 1 << 40), (ValueError("stream error"), 9)],
)
def test_a_full_disk_is_not_blamed_on_a_layer(failure, free, model, tmp_path, monkeypatch):
    def fail(*arguments):
        raise failure

    monkeypatch.setattr(convert_module, "keras_export", fail)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=free))
    with pytest.raises(OSError, match="No space left on device") as full:
        convert(model, Job(tmp_path, tmp_path / "model.onnx", "onnx", contract()))
    assert full.value.errno == errno.ENOSPC
    assert not list(tmp_path.iterdir())


def test_the_exact_gelu_is_converted(tmp_path):
    import keras

    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Rescaling(1 / 64, offset=-2),
            keras.layers.Conv2D(4, 3, activation="gelu"),
            keras.layers.Flatten(),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    path = export_small(tmp_path, "onnx", model=model)
    expected = model.predict_on_batch(images(7))
    assert np.abs(open_exported(path).predict_on_batch(images(7)) - expected).max() < 1e-5


@pytest.mark.parametrize("form", ["onnx", "litert"])
def test_a_grouped_convolution_is_converted(form, tmp_path):
    import keras

    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Rescaling(1 / 64, offset=-2),
            keras.layers.Conv2D(8, 3),
            keras.layers.Conv2D(8, 3, groups=4, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    path = export_small(tmp_path, form, model=model)
    expected = model.predict_on_batch(images(7))
    assert np.abs(open_exported(path).predict_on_batch(images(7)) - expected).max() < 1e-5


def unusual_layer():
    import keras

    class Unusual(keras.layers.Layer):
        """Computes what neither ONNX nor LiteRT has an operator for."""

        def call(self, inputs):
            import tensorflow as tf

            return tf.math.bessel_i0e(inputs)

    return Unusual


def Unusual(**arguments):  # noqa: N802 - it makes a layer
    return unusual_layer()(**arguments)

from __future__ import annotations

import numpy as np
import pytest

import cnnzoo
from cnnzoo.architecture.layers import walk
from cnnzoo.architecture.pooling import pooled_first, sampled_first
from cnnzoo.architecture.resolve import resolve
from cnnzoo.config.schema import ModelConfig
from cnnzoo.models.build import build_architecture


def architecture(*layers):
    model = {"input_shape": [12, 12, 3], "layers": [*layers, "Flatten", {"Dense": 3}]}
    return resolve(ModelConfig(**model), 3)


def names(changed):
    return [layer.name for layer in walk(changed.layers)][:-2]


CONV = {"Conv2D": {"filters": 4, "kernel_size": 3, "activation": "relu"}}
LINEAR = {"Conv2D": {"filters": 4, "kernel_size": 3}}
POOL = {"MaxPooling2D": {"pool_size": 3, "strides": 2, "padding": "same"}}


@pytest.mark.parametrize(
    ("layers", "becomes"),
    [
        ([CONV, POOL], ["Conv2D", "MaxPooling2D", "Activation"]),
        ([LINEAR, "ReLU", POOL], ["Conv2D", "MaxPooling2D", "ReLU"]),
        ([LINEAR, {"Activation": "relu"}, POOL], ["Conv2D", "MaxPooling2D", "Activation"]),
        ([CONV, POOL, POOL], ["Conv2D", "MaxPooling2D", "MaxPooling2D", "Activation"]),
        ([{"Residual": {"layers": [CONV, {"MaxPooling2D": 2}], "shortcut": [
            {"Conv2D": {"filters": 4, "kernel_size": 4, "strides": 2}}]}}],
         ["Residual", "Conv2D", "MaxPooling2D", "Activation", "Conv2D"]),
    ],
)  # fmt: skip
def test_the_largest_value_is_taken_first_and_nothing_else_changes(layers, becomes):
    assert_same_function(pooled_first, layers, becomes)


def assert_same_function(change, layers, becomes):
    """Other layers with the same weights from one seed, and the same outputs to the last bit."""
    import keras

    before = architecture(*layers)
    after = change(before)
    assert names(after) == becomes
    assert after.output_shape == before.output_shape
    models = []
    for each in (before, after):
        keras.utils.set_random_seed(0)
        models.append(build_architecture(each))
    images = np.random.default_rng(0).normal(size=(5, 12, 12, 3)).astype(np.float32)
    for one, other in zip(models[0].get_weights(), models[1].get_weights(), strict=True):
        assert (one == other).all()
    outputs = [model(images).numpy() for model in models]
    assert (outputs[0] == outputs[1]).all()


@pytest.mark.parametrize(
    "layers",
    [
        [CONV, {"AveragePooling2D": 2}],
        [{"Conv2D": {"filters": 4, "kernel_size": 3, "activation": "tanh"}}, POOL],
        [{"Conv2D": {**CONV["Conv2D"], "activity_regularizer": "l2"}}, POOL],
        [LINEAR, {"ReLU": {"max_value": 6}}, POOL],
        [CONV, "BatchNormalization", POOL],
    ],
)
def test_what_would_be_another_function_stays_as_it_is(layers):
    before = architecture(*layers)
    assert pooled_first(before) == before


STRIDED = {"Conv2D": {"filters": 8, "kernel_size": 1, "strides": [1, 2], "activation": "relu"}}


@pytest.mark.parametrize(
    ("layers", "becomes"),
    [
        ([STRIDED], ["MaxPooling2D", "Conv2D"]),
        ([{"Conv2D": {**STRIDED["Conv2D"], "padding": "same"}}], ["MaxPooling2D", "Conv2D"]),
        ([{"Residual": {"layers": [{"Conv2D": {"filters": 8, "kernel_size": 3, "strides": 2,
            "padding": "same"}}], "shortcut": [{"Conv2D": [8, 1, 2]}]}}],
         ["Residual", "Conv2D", "MaxPooling2D", "Conv2D"]),
    ],
)  # fmt: skip
def test_a_convolution_of_single_values_sees_only_those_that_it_needs(layers, becomes):
    assert_same_function(sampled_first, layers, becomes)


@pytest.mark.parametrize(
    "layers",
    [
        [{"Conv2D": {"filters": 8, "kernel_size": 1}}],
        [{"Conv2D": {"filters": 8, "kernel_size": 3, "strides": 2}}],
        [{"Conv2D": {"filters": 16, "kernel_size": 1}}, STRIDED],
    ],
)
def test_a_convolution_that_is_safe_stays_as_it_is(layers):
    before = architecture(*layers)
    assert sampled_first(before) == before


def test_a_strided_convolution_of_few_channels_trains(tiny, tmp_path):
    """It ended in a segmentation fault, or in weights that no gradient gave."""
    layers = "[{Resizing: [48, 48]}, {Conv2D: [8, 1, 2]}, Flatten, {Dense: $classes}, Softmax]"
    words = [f"model.layers={layers}", "data.limit=16"]
    run = cnnzoo.train(cnnzoo.load_config(tiny, words), tmp_path / "run")
    assert run.model_path.is_file()


@pytest.mark.slow
def test_a_training_ends_in_the_same_bits(tmp_path, monkeypatch):
    from cnnzoo.models.saved import load_model
    from cnnzoo.training.engine import training_model

    words = ["data=digits", "model.input_shape=[28,28,1]", "data.limit=20", "training.epochs=2"]
    config = cnnzoo.load_config("lenet", words)
    trained = [cnnzoo.train(config, tmp_path / "pooled")]
    monkeypatch.setattr(training_model, "pooled_first", lambda architecture: architecture)
    trained.append(cnnzoo.train(config, tmp_path / "plain"))
    pooled, plain = (load_model(run.model_path) for run in trained)
    assert [layer.name for layer in pooled.layers] == [layer.name for layer in plain.layers]
    for one, other in zip(pooled.get_weights(), plain.get_weights(), strict=True):
        assert (one == other).all()

from __future__ import annotations

import keras
import numpy as np
import pytest
from conftest import ROOT
from outlines import outline

from cnnzoo import build_model, load_config
from cnnzoo.errors import UserError
from cnnzoo.evaluation.explain.explain import first_filters
from cnnzoo.evaluation.explain.graph import trace
from cnnzoo.evaluation.explain.parts import find_parts
from cnnzoo.models.backend import load_keras

load_keras()
layers = keras.layers


def zoo_model(name, *overrides):
    config = load_config(name, list(overrides))
    return build_model(config.model, classes=config.model.classes or 7)


def outputs(model, images):
    return keras.ops.convert_to_numpy(model(images, training=False))


def sizes(parts):
    return [tuple(part.tensor.shape[1:]) for part in parts.stages]


def test_a_stage_is_the_last_layer_of_each_size():
    parts = find_parts(zoo_model("lenet"))
    assert sizes(parts) == [(28, 28, 6), (14, 14, 6), (10, 10, 16), (5, 5, 16)]
    names = [part.name for part in parts.stages]
    assert names == ["conv2d", "max_pooling2d", "conv2d_1", "max_pooling2d_1"]


def test_stages_of_composites_are_what_everything_goes_through():
    """The size that padding makes before the first pooling of a ResNet is none."""
    parts = find_parts(zoo_model("resnet18", "model.input_shape=[64, 64, 3]"))
    assert [(side, channels) for side, _, channels in sizes(parts)] == [
        (32, 64),
        (16, 64),
        (8, 128),
        (4, 256),
        (2, 512),
    ]
    # Behind the sum of the last residual connection of a size, in no branch of the next.
    names = [part.name for part in parts.stages]
    assert names == ["re_lu", "re_lu_4", "re_lu_8", "re_lu_12", "re_lu_16"]


def test_grad_cam_looks_at_the_last_convolution_and_not_at_what_pools_it():
    assert find_parts(zoo_model("lenet")).last_maps.name == "conv2d_1"
    squeezenet = find_parts(zoo_model("squeezenet", "model.input_shape=[64, 64, 3]"))
    assert squeezenet.last_maps.tensor.shape[-1] == 1000


def test_a_model_inside_a_model_is_taken_apart_and_left_as_it_was():
    inputs = keras.Input((16, 16, 4))
    first = layers.Conv2D(4, 3, padding="same", activation="relu", name="inner")(inputs)
    smaller = layers.MaxPooling2D(2)(layers.Add(name="sum")([inputs, first]))
    backbone = keras.Model(inputs, layers.Conv2D(6, 3, name="last")(smaller))
    model = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(4, 3, 2, padding="same"),
            backbone,
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    before = outline(model)
    parts = find_parts(model)
    assert sizes(parts) == [(16, 16, 4), (8, 8, 4), (6, 6, 6)]
    assert [part.name for part in parts.stages][::2] == ["sum", "last"]
    assert parts.last_maps.name == "last"
    assert outline(model) == before
    assert_scores_give(parts, model, keras.ops.softmax)


def test_a_functional_model_is_taken_apart_too():
    config = load_config(ROOT / "tests" / "fixtures" / "gated_resnet.yaml")
    model = build_model(config.model, classes=10)
    functional = keras.Model(model.inputs, model.outputs)
    assert sizes(find_parts(functional)) == sizes(find_parts(model))
    graph = trace(functional)
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype(np.float32)
    taken_apart = keras.Model(graph.image, graph.steps[-1].output)
    np.testing.assert_allclose(outputs(taken_apart, images), outputs(model, images), atol=1e-6)


HEADS = {
    "dense": [layers.Flatten(), layers.Dense(3, activation="softmax")],
    "sigmoid": [layers.Flatten(), layers.Dense(1, activation="sigmoid")],
    "activation": [layers.Flatten(), layers.Dense(3), layers.Activation("softmax")],
    "softmax": [layers.Conv2D(3, 1), layers.GlobalAveragePooling2D(), layers.Softmax()],
    "last": [layers.GlobalMaxPooling2D(), layers.Dense(3, activation="softmax"), layers.Identity()],
    "image": [
        layers.Conv2D(3, 8, activation="softmax"),
        layers.Flatten(),
    ],
}


@pytest.mark.parametrize("head", HEADS)
def test_scores_are_what_comes_before_the_last_softmax_or_sigmoid(head):
    body = [keras.Input((8, 8, 2)), layers.Conv2D(4, 3, padding="same", activation="relu")]
    model = keras.Sequential([*body, *HEADS[head]])
    activation = keras.ops.sigmoid if head == "sigmoid" else keras.ops.softmax
    assert_scores_give(find_parts(model), model, activation)


def assert_scores_give(parts, model, activation):
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (4, *model.input_shape[1:])).astype(np.float32)
    scores = outputs(keras.Model(parts.image, parts.scores), images)
    probabilities = outputs(model, images)
    np.testing.assert_allclose(activation(scores), probabilities, rtol=1e-3, atol=1e-6)
    assert scores.min() < 0 or scores.max() > 1, "these may be the probabilities themselves"


def test_the_first_filters_are_those_of_the_first_convolution():
    model = zoo_model("alexnet_lite")
    filters = first_filters(model)
    assert filters.shape == (5, 5, 3, 48)
    np.testing.assert_array_equal(filters, model.get_layer("conv2d").get_weights()[0])


def test_without_a_convolution_there_is_nothing_to_see():
    model = keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(2)])
    with pytest.raises(UserError, match="no convolution"):
        find_parts(model)

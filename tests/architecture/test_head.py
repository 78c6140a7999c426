"""The last layer must give the probabilities of the classes."""

from __future__ import annotations

from typing import Any

import pytest

from cnnzoo.architecture.head import BINARY, CATEGORICAL, head_of
from cnnzoo.architecture.resolve import resolve
from cnnzoo.config.schema import ModelConfig
from cnnzoo.errors import ConfigError

TWO, THREE = ("no", "yes"), ("a", "b", "c")
SOFTMAX = {"Dense": {"units": "$classes", "activation": "softmax"}}
SIGMOID = {"Dense": {"units": 1, "activation": "sigmoid"}}


def head(classes: tuple[str, ...], *layers: Any) -> str:
    model = ModelConfig(input_shape=(4, 4, 1), layers=layers)
    return head_of(resolve(model, len(classes)), classes)


@pytest.mark.parametrize(
    ("classes", "layers", "kind"),
    [
        (TWO, ["Flatten", SIGMOID], BINARY),
        (TWO, ["Flatten", SOFTMAX], CATEGORICAL),
        (THREE, ["Flatten", SOFTMAX], CATEGORICAL),
        (THREE, ["Flatten", {"Dense": 3}, "Softmax"], CATEGORICAL),
        (THREE, ["Flatten", {"Dense": 3}, {"Activation": "softmax"}], CATEGORICAL),
        (THREE, ["Flatten", {"Dense": {"units": 3, "activation": "Softmax"}}], CATEGORICAL),
        (TWO, ["Flatten", {"Dense": 1}, {"Activation": "sigmoid"}], BINARY),
        (
            THREE,
            [{"Conv2D": [3, 1]}, "GlobalAveragePooling2D", {"Activation": "softmax"}],
            CATEGORICAL,
        ),
        # The mean of probabilities is a probability.
        (
            THREE,
            [
                {"Conv2D": {"filters": 3, "kernel_size": 1, "activation": "softmax"}},
                "GlobalAveragePooling2D",
                {"Dropout": 0.1},
                {"Reshape": {"target_shape": [3]}},
            ],
            CATEGORICAL,
        ),
        # What a composite ends with cannot be told.
        (THREE, ["Flatten", {"Dense": 3}, {"Residual": {"layers": ["ReLU"]}}], CATEGORICAL),
    ],
)
def test_heads(classes, layers, kind):
    assert head(classes, *layers) == kind


@pytest.mark.parametrize(
    ("classes", "layers", "said", "hint"),
    [
        (THREE, [{"Conv2D": [3, 1]}], "the model ends in 4x4x3", "put Flatten or Global"),
        (THREE, ["Flatten", SIGMOID], "ends in 1 value, but the data have 3 classes", "$classes"),
        (THREE, ["Flatten", {"Dense": 4}], "4 values, but the data have 3 classes: a, b, c", "$c"),
        (TWO, ["Flatten", {"Dense": 3}], "3 values, but the data have 2 classes", "$classes"),
        (THREE, ["Flatten", {"Dense": 3}], "the last activation is linear", "softmax"),
        (THREE, ["Flatten", {"Dense": 3}, "ReLU"], "the last activation is ReLU", "softmax"),
        (
            THREE,
            ["Flatten", {"Dense": {"units": 3, "activation": "softmax"}}, "BatchNormalization"],
            "the last activation is linear",
            "softmax",
        ),
        (TWO, ["Flatten", {"Dense": 1}], "a probability from one unit needs sigmoid", "units: 1"),
        (
            TWO,
            ["Flatten", {"Dense": {"units": 1, "activation": "softmax"}}],
            "the last activation is softmax, but a probability from one unit needs sigmoid",
            "units: 1, activation: sigmoid",
        ),
        (
            THREE,
            ["Flatten", {"Dense": {"units": 3, "activation": "sigmoid"}}],
            "the last activation is sigmoid, but probabilities need softmax",
            "softmax",
        ),
        (
            THREE,
            ["Flatten", {"Dense": {"units": 3, "activation": {"LeakyReLU": 0.1}}}],
            "the last activation is LeakyReLU",
            "softmax",
        ),
    ],
)
def test_heads_that_are_refused(classes, layers, said, hint):
    with pytest.raises(ConfigError) as caught:
        head(classes, *layers)
    mistake = caught.value.mistakes[0]
    assert said in mistake.message
    assert hint in (mistake.hint or "")


def test_many_classes_are_not_all_listed():
    with pytest.raises(ConfigError) as caught:
        head(tuple(f"class{i}" for i in range(1000)), "Flatten", {"Dense": 3})
    assert "class9, …" in str(caught.value)
    assert "class10" not in str(caught.value)

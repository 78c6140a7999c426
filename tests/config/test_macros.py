from __future__ import annotations

import numpy as np
import pytest

import cnnzoo
from cnnzoo.architecture.resolve import evaluate_call
from cnnzoo.config.expressions import Expression, evaluate
from cnnzoo.config.layer_lists import parse_call
from cnnzoo.config.macros import spelled_out
from cnnzoo.errors import ConfigError

IMAGES = np.arange(2 * 6 * 6 * 3, dtype=np.float32).reshape(2, 6, 6, 3)


def build(*layers, **settings):
    return cnnzoo.build_model(
        cnnzoo.ModelConfig(input_shape=(6, 6, 3), layers=list(layers), **settings)
    )


def windows(size, stride):
    """The sum of each window, by NumPy."""
    views = np.lib.stride_tricks.sliding_window_view(IMAGES, (size, size), axis=(1, 2))
    return views.sum(axis=(-2, -1))[:, ::stride, ::stride]


@pytest.mark.parametrize(
    ("written", "size", "stride"),
    [
        ("SumPooling2D", 2, 2),
        ({"SumPooling2D": 3}, 3, 3),
        ({"SumPooling2D": [[2, 2], 1]}, 2, 1),
        ({"SumPooling2D": {"pool_size": 3, "strides": 2}}, 3, 2),
        ({"SumPooling2D": {"pool_size": "$size"}}, 2, 2),
        ({"SumPooling2D": {"pool_size": ["${size + 1}", 3], "strides": 1}}, 3, 1),
    ],
)
def test_a_sum_pooling_sums_each_window(written, size, stride):
    output = build(written, params={"size": 2}).predict(IMAGES, verbose=0)
    assert output == pytest.approx(windows(size, stride), rel=1e-6)


def test_it_is_plain_keras_layers():
    names = [type(layer).__name__ for layer in build("SumPooling2D").layers]
    assert names == ["AveragePooling2D", "Rescaling"]


def test_the_product_of_expressions_keeps_their_precedence():
    call = parse_call("layers", {"SumPooling2D": ["${a + 1}"]})
    scale = spelled_out(call)[1].arguments["scale"]
    assert isinstance(scale, Expression)
    assert evaluate(scale, {"a": 2}) == 9


@pytest.mark.parametrize("steps", [1, 7, 1000])
@pytest.mark.parametrize(
    ("written", "rate", "initial", "alpha", "warmup"),
    [
        ({"one_cycle": 0.5}, 0.5, 0.04, 4e-6, 0.3),
        ({"warmup_cosine": 0.5}, 0.5, 0, 0, 0.05),
        ({"warmup_cosine": {"learning_rate": "$peak", "alpha": 0.1}}, 2, 0, 0.1, 0.05),
        ({"one_cycle": ["${peak / 2}", 0, "${1 / peak}"]}, 1, 0.5, 4e-6, 0),
    ],
)
def test_a_schedule_is_a_cosine_decay_over_all_steps(written, rate, initial, alpha, warmup, steps):
    call = evaluate_call(parse_call("schedules", written), {"peak": 2, "steps": steps})
    assert call.name == "CosineDecay"
    assert call.arguments["warmup_target"] == rate
    assert call.arguments["initial_learning_rate"] == pytest.approx(rate * initial)
    assert call.arguments["alpha"] == alpha
    assert call.arguments["warmup_steps"] == round(steps * warmup)
    assert call.arguments["warmup_steps"] + call.arguments["decay_steps"] == steps


def test_every_other_layer_stands_for_itself():
    call = parse_call("layers", {"MaxPooling2D": 2})
    assert spelled_out(call) == (call,)


def test_what_cannot_be_had_says_what_took_its_place():
    with pytest.raises(ConfigError, match="use BatchNormalization"):
        parse_call("layers", "LocalResponseNormalization")

from __future__ import annotations

import re

import pytest

import cnnzoo
from cnnzoo.architecture.resolve import resolve
from cnnzoo.architecture.trained import trained_facts, trained_layers
from cnnzoo.config import zoo
from cnnzoo.errors import ConfigError
from cnnzoo.runs.trained import trained_run

POOLED = """
name: pooled
model:
  input_shape: [32, 32, 3]
  classes: 10
  layers:
    - Rescaling: 1/255
    - Conv2D: {filters: 4, kernel_size: 3}
    - GlobalAveragePooling2D
    - Dropout: 0.5
    - Dense: {units: $classes, use_bias: false}
    - Softmax
"""


@pytest.fixture
def pooled(tmp_path, monkeypatch):
    """A trained network with global pooling."""
    (tmp_path / "config.yaml").write_text(POOLED)
    monkeypatch.setattr(zoo, "trained", lambda name: tmp_path)


def test_the_head_and_the_dropout_before_it_are_not_in_the_layer(pooled):
    layers = trained_layers("pooled", {}, (32, 32, 3), resolve)
    assert [layer.name for layer in layers] == ["Rescaling", "Conv2D", "GlobalAveragePooling2D"]


def test_with_global_pooling_other_sizes_fit(pooled):
    facts = trained_facts("pooled", {"trainable": False}, (64, 20, 3), resolve)
    assert (facts.output_shape, facts.trainable, facts.non_trainable) == ((4,), 0, 112)
    assert facts.macs == 62 * 18 * 4 * 27


@pytest.mark.parametrize("name", zoo.trained_names())
def test_the_layer_and_its_head_are_the_network(name):
    run = trained_run(name)
    config = run.config()
    whole = resolve(config.model, len(run.record()["class_names"]))
    facts = trained_facts(name, {}, config.model.input_shape, resolve)
    heads = [layer for layer in whole.layers if layer.parameters][-1:]
    assert facts.trainable + facts.non_trainable + heads[0].parameters == whole.parameters
    assert facts.macs + heads[0].macs == whole.macs
    assert facts.output_shape == heads[0].input_shape


MODEL = """
name: small
model:
  input_shape: SHAPE
  layers: [lenet_mnist: {weights: WEIGHTS}, Dense: {units: 10, activation: softmax}]
"""


def load(tmp_path, shape, weights="trained"):
    text = MODEL.replace("SHAPE", str(shape)).replace("WEIGHTS", weights)
    (tmp_path / "small.yaml").write_text(text)
    return resolve(cnnzoo.load_config(tmp_path / "small.yaml").model, 10)


@pytest.mark.parametrize(
    ("shape", "problem"),
    [
        ([28, 28, 3], "lenet_mnist takes gray images, but its input is 28x28x3"),
        ([32, 32, 1], "lenet_mnist takes images of 28x28, but its input is 32x32x1: without"),
        ([4, 4, 1], "lenet_mnist does not fit its input 4x4x1: Conv2D 5x5 does not fit its 2x2"),
    ],
)
def test_an_input_that_does_not_fit_the_weights_is_refused_with_a_size_that_does(
    tmp_path, shape, problem
):
    with pytest.raises(ConfigError, match=re.escape(problem)) as failed:
        load(tmp_path, shape)
    assert "set model.input_shape to [28, 28, 1]" in (failed.value.mistakes[0].hint or "")


def test_weights_after_flatten_are_for_one_size_even_if_another_has_as_many(tmp_path):
    with pytest.raises(ConfigError, match="takes images of 28x28, but its input is 12x108"):
        load(tmp_path, [12, 108, 1])  # Flatten takes 1x25x16, not 5x5x16


def test_without_trained_weights_every_input_that_fits_the_layers_is_taken(tmp_path):
    assert load(tmp_path, [32, 32, 3], "null").layers[0].parameters > 60_856
    assert load(tmp_path, [28, 28, 1], "null").layers[0].parameters == 60_856

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cnnzoo.evaluation.assumptions import names_note, order_note, scaling_note

PATH = Path("model.keras")


@pytest.fixture(scope="module")
def keras():
    return pytest.importorskip("keras")


def model_of(keras, *layers):
    head = [keras.layers.Flatten(), keras.layers.Dense(3, activation="softmax")]
    return keras.Sequential([keras.Input((8, 8, 3)), *layers, *head])


@pytest.mark.parametrize("name", ["Rescaling", "Normalization", "BatchNormalization"])
def test_a_model_that_scales_its_input_has_no_note(keras, name):
    arguments = {"Rescaling": {"scale": 1 / 255}, "Normalization": {"mean": 127, "variance": 1}}
    layer = getattr(keras.layers, name)(**arguments.get(name, {}))
    assert scaling_note(model_of(keras, layer), PATH) == ""
    nested = keras.Sequential([keras.Input((8, 8, 3)), layer])
    assert scaling_note(model_of(keras, nested), PATH) == ""


def test_a_model_that_scales_nothing_before_its_weights_has_a_note(keras):
    convolution = keras.layers.Conv2D(2, 3)
    for layers in ((), (convolution, keras.layers.BatchNormalization())):
        note = scaling_note(model_of(keras, *layers), PATH)
        assert "pixels from 0 to 255" in note
        assert "keras.Input((8, 8, 3))" in note
        assert "Rescaling(1 / 255)" in note


def test_a_model_without_names_says_how_they_are_called():
    assert names_note(PATH) == "model.keras does not name its classes; they are called 0, 1, …"


def test_the_note_on_the_order_renames_each_class_to_its_output():
    names = tuple(map(str, range(12)))
    note = order_note(names)
    _, _, words = note.partition("classes=")
    renamed = json.loads(words.rstrip("'"))
    # Keras' third folder is 10, so its images are of output 2.
    assert [renamed[name] for name in ("0", "1", "10", "11", "2", "9")] == [
        "0",
        "1",
        "2",
        "3",
        "4",
        "11",
    ]


@pytest.mark.parametrize("names", [tuple("0123"), ("cat", "dog"), ("1", "10", "a")])
def test_an_order_that_cannot_differ_has_no_note(names):
    assert order_note(names) == ""

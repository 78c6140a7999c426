"""What a resolved architecture is."""

from __future__ import annotations

import pytest

from cnnzoo.architecture.layers import Architecture, Layer, ReceptiveField, title, walk

INNER = Layer("Conv2D", {}, (4, 4, 1), (4, 4, 2), trainable=3, non_trainable=1, macs=5)
OUTER = Layer("Residual", {}, (4, 4, 1), (4, 4, 2), 6, 2, 10, branches=((INNER, INNER), ()))
DENSE = Layer("Dense", {}, (32,), (10,), trainable=7, macs=9)


def test_an_architecture_sums_its_layers_and_counts_composites_once():
    architecture = Architecture((4, 4, 1), (OUTER, DENSE))
    assert architecture.output_shape == (10,)
    assert architecture.parameters == 8 + 7
    assert architecture.trainable == 6 + 7
    assert architecture.macs == 19
    assert architecture.activations == 16 + 32 + 32 + 32 + 10
    assert Architecture((4, 4, 1), ()).output_shape == (4, 4, 1)


def test_walk_goes_into_composites_behind_them():
    assert list(walk((OUTER, DENSE))) == [OUTER, INNER, INNER, DENSE]
    deep = Layer("Branches", {}, (1,), (1,), branches=((OUTER,), (DENSE,)))
    assert [layer.name for layer in walk((deep,))] == [
        "Branches",
        "Residual",
        "Conv2D",
        "Conv2D",
        "Dense",
    ]


def test_a_receptive_field_begins_with_one_pixel():
    assert ReceptiveField() == ReceptiveField((1, 1), (1, 1))
    assert INNER.receptive_field == ReceptiveField()


@pytest.mark.parametrize(
    ("name", "arguments", "wanted"),
    [
        ("Conv2D", {"filters": 6, "kernel_size": 5}, "Conv2D 5x5"),
        ("Conv2D", {"kernel_size": (5, 3)}, "Conv2D 5x3"),
        ("Conv2DTranspose", {"kernel_size": 3}, "Conv2DTranspose 3x3"),
        ("Conv1D", {"kernel_size": 3}, "Conv1D 3"),
        ("Conv1D", {"kernel_size": (3,)}, "Conv1D 3"),
        ("Conv3D", {"kernel_size": 3}, "Conv3D 3x3x3"),
        ("MaxPooling2D", {}, "MaxPooling2D 2x2"),
        ("MaxPooling2D", {"pool_size": 3}, "MaxPooling2D 3x3"),
        ("GlobalMaxPooling2D", {}, "GlobalMaxPooling2D"),
        ("AdaptiveMaxPooling2D", {"output_size": 3}, "AdaptiveMaxPooling2D"),
        ("Dense", {"units": 120, "activation": "relu"}, "Dense 120"),
        ("Dropout", {"rate": 0.5}, "Dropout 0.5"),
        ("Activation", {"activation": "relu"}, "Activation relu"),
        ("UpSampling2D", {"size": 2}, "UpSampling2D 2"),
        ("UpSampling2D", {"size": (2, 2)}, "UpSampling2D"),
        ("Flatten", {}, "Flatten"),
    ],
)
def test_title(name, arguments, wanted):
    assert title(name, arguments) == wanted

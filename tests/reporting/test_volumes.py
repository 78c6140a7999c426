from __future__ import annotations

import pytest
from legible import assert_legible, texts_of

from cnnzoo.architecture.resolve import resolve
from cnnzoo.config.loader import load_config
from cnnzoo.reporting.volumes import draw_volumes, volumes


def test_lenet_is_labelled_as_in_its_own_figure():
    found = volumes(resolve(load_config("lenet").model, 10))
    labels = [volume.label.replace("\N{MULTIPLICATION SIGN}", "x") for volume in found]
    assert labels == [
        *("1@28x28", "6@28x28", "6@14x14", "16@10x10", "16@5x5"),
        *("400", "120", "84", "10"),
    ]
    assert found[0].window == (5 / 28, 5 / 28)
    assert found[1].window == (2 / 28, 2 / 28)
    assert [volume.window for volume in found[4:]] == [None] * 5


def test_width_stands_before_height():
    config = load_config("lenet", ["model.input_shape=[20,40,1]"])
    found = volumes(resolve(config.model, 10))
    assert found[1].label == "6@40\N{MULTIPLICATION SIGN}20"
    width, height = found[1].side
    assert width > height
    assert found[0].window == (5 / 40, 5 / 20)


@pytest.mark.parametrize(
    "name", ["lenet", "emotion", "squeezenet", "resnet152", "densenet201", "mobilenet_v2", "vgg19"]
)
def test_drawings_can_be_read(name):
    architecture = resolve(load_config(name).model, 1000)
    figure = draw_volumes(architecture, name)
    assert_legible(figure)
    shown = " ".join(texts_of(figure))
    assert f"{architecture.parameters:,} parameters" in shown
    width, height = figure.get_size_inches()
    assert width < 17
    assert height < 9


def test_a_long_name_is_not_cut():
    architecture = resolve(load_config("lenet", ["data=digits"]).model, 10)
    assert_legible(draw_volumes(architecture, "a_configuration_of_a_very_long_name" * 3))

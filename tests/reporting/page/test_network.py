from __future__ import annotations

import pytest

from cnnzoo.architecture.layers import walk
from cnnzoo.config.loader import load_config
from cnnzoo.reporting.page.network import draw, rows
from cnnzoo.training.checks import check_config


def test_lenet_s_volumes_say_what_they_are():
    drawn = draw(check_config(load_config("lenet")).architecture)
    assert [volume.label.replace("\N{MULTIPLICATION SIGN}", "x") for volume in drawn[:3]] == [
        "1@28x28",
        "6@28x28",
        "6@14x14",
    ]
    facts = dict(drawn[3].facts)
    assert facts["layers"].startswith("Conv2D 5x5")
    assert facts["parameters"] == "2,416"
    assert facts["MACs"] == "240,000"
    assert facts["receptive field"].replace("\N{MULTIPLICATION SIGN}", "x") == "14x14 pixels"


@pytest.mark.parametrize("name", ["resnet50", "densenet121", "squeezenet", "vgg16"])
def test_every_layer_has_a_row_and_every_parameter_a_volume(name):
    architecture = check_config(load_config(name)).architecture
    assert len(rows(architecture)) == len(list(walk(architecture.layers)))
    counted = [dict(volume.facts).get("parameters", "0") for volume in draw(architecture)]
    assert sum(int(count.replace(",", "")) for count in counted) == architecture.parameters

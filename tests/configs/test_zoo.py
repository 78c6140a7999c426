from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import cnnzoo
from cnnzoo.architecture.arithmetic import shape_text
from cnnzoo.config import zoo
from cnnzoo.training.checks import check_config

# What the literature, or the listing that a network comes from, states.
PARAMETERS = {
    "lenet": 61_706,
    "emotion": 442_023,
    "gender": 1_480_577,
    "alexnet": 62_378_344,
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_network_has_the_stated_parameters(name):
    planned = check_config(cnnzoo.load_config(name))
    assert planned.architecture.parameters == PARAMETERS[name]
    classes = len(planned.class_names) or planned.config.model.classes
    model = cnnzoo.build_model(planned.config.model, classes=classes)
    assert model.count_params() == PARAMETERS[name]


def test_the_feature_maps_of_simple_cnn_are_the_stated_ones():
    shapes = [
        layer.output_shape
        for layer in check_config(cnnzoo.load_config("simple_cnn")).architecture.layers
    ]
    assert (24, 24, 32) in shapes
    assert (4, 4, 64) in shapes


def test_gender_gives_one_probability():
    planned = check_config(cnnzoo.load_config("gender"))
    assert planned.head == "binary"
    assert planned.architecture.output_shape == (1,)


def test_alexnet_lite_has_a_few_million_parameters():
    assert 2e6 < check_config(cnnzoo.load_config("alexnet_lite")).architecture.parameters < 5e6


@pytest.mark.parametrize("name", zoo.names())
def test_a_header_says_where_a_network_comes_from_and_how_to_train_it(name):
    lines = (zoo.directory() / f"{name}.yaml").read_text().splitlines()
    header = "\n".join(line for line in lines[: lines.index(f"name: {name}")] if line[:1] == "#")
    assert re.search(rf"^# cnnzoo train --config {name}\b", header, re.MULTILINE), header
    assert len(header) > 100


def test_each_network_shares_its_purpose_with_others():
    purposes = Counter(cnnzoo.load_config(name).purpose for name in zoo.names())
    assert min(purposes.values()) > 1, purposes
    assert None not in purposes


@pytest.mark.parametrize("name", zoo.names())
def test_a_figure_in_the_list_stands_in_the_header_with_its_seeds(name):
    config = cnnzoo.load_config(name)
    if config.reference:
        header = (zoo.directory() / f"{name}.yaml").read_text()
        figure = config.reference.split()[0]
        assert re.search(rf"^# {figure} .*\bseeds?\b", header, re.MULTILINE), header


@pytest.mark.parametrize("name", zoo.names())
def test_every_network_ends_in_probabilities_of_its_classes(name):
    planned = check_config(cnnzoo.load_config(name))
    assert planned.head in ("binary", "categorical")
    assert shape_text(planned.architecture.input_shape).count("x") == 2


@pytest.mark.skipif("CNNZOO_TEST_DATA" not in os.environ, reason="CNNZOO_TEST_DATA is not set")
def test_the_first_layer_of_cifar10_fast_whitens_the_pictures_of_cifar10():
    files = sorted(Path(os.environ["CNNZOO_TEST_DATA"], "cifar10", "train").glob("*/*.jpg"))
    pictures = np.stack([np.asarray(Image.open(file).convert("RGB")) for file in files[::100]])
    model = cnnzoo.build_model(cnnzoo.load_config("cifar10_fast").model)
    output = pictures
    for layer in model.layers[:3]:
        output = layer(output)
    values = np.asarray(output).reshape(-1, 12)
    covariance = values.T @ values / len(values)
    variances = np.diag(covariance)
    # The eigenvalues fall to 0.0001, far below the 0.01 that is added to them.
    assert np.all(variances[:6] > 0.8)
    assert np.all(variances < 1.2)
    assert np.all(np.abs(covariance - np.diag(variances)) < 0.1)

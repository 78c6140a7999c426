"""A sample of the zoo, exported as `scripts/export-zoo` exports all of it."""

from __future__ import annotations

import runpy

import numpy as np
import pytest
from conftest import ROOT


@pytest.fixture(scope="module")
def script():
    return runpy.run_path(str(ROOT / "scripts" / "export-zoo"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "formats"),
    [
        ("lenet", ("onnx", "litert", "openvino", "saved_model")),
        ("cifar10_fast", ("onnx",)),
        ("resnet20", ("litert",)),
    ],
)
def test_a_network_of_the_zoo_is_the_same_outside_keras(name, formats, script):
    model, images = script["random_model"](name)
    assert np.ptp(model.predict_on_batch(images), axis=0).max() > 1e-3
    for form in formats:
        exported = script["export"](name, form, model, images)
        assert exported.equal, (form, exported.differences)
        assert len(exported.differences) == 2

from __future__ import annotations

import pytest
from exported_models import CLASSES, small_model
from served import serving

from cnnzoo.models.saved import described, save_model
from cnnzoo.serving.served import load


@pytest.fixture(scope="session")
def model_file(tmp_path_factory):
    """The file of a small network for images of 8x8 gray pixels."""
    path = tmp_path_factory.mktemp("served") / "small.keras"
    save_model(small_model(), path, described({"class_names": list(CLASSES)}, "small"))
    return path


@pytest.fixture(scope="session")
def small(model_file):
    """The network in memory."""
    return load(model_file)


@pytest.fixture(scope="session")
def server(small):
    """A server of the network."""
    with serving({"small": small}) as served:
        yield served

from __future__ import annotations

import importlib
from typing import Any

import pytest

from cnnzoo.config.composites import APPLICATIONS
from cnnzoo.models.weight_files import kept_file, weights_url

# One of each form that a name has.
NETWORKS = [
    ("ConvNeXtTiny", {}, 64),
    ("EfficientNetB0", {}, 64),
    ("EfficientNetV2B0", {}, 64),
    ("MobileNet", {"alpha": 0.25}, 160),
    ("MobileNet", {"alpha": 0.75}, 96),
    ("MobileNetV2", {"alpha": 0.35}, 96),
    ("MobileNetV2", {"alpha": 1.0}, 64),
    ("MobileNetV3Small", {"minimalistic": True}, 64),
    ("VGG16", {}, 64),
]


class AskedError(Exception):
    """What Keras would download, and what it would call it."""


@pytest.mark.filterwarnings("ignore:`input_shape` is undefined")
@pytest.mark.parametrize(("name", "arguments", "size"), NETWORKS)
def test_keras_would_ask_for_this_file(name, arguments, size, monkeypatch, tmp_path):
    keras = importlib.import_module("keras")

    def get_file(fname: str, origin: str, **_: Any) -> str:
        raise AskedError(fname, origin)

    monkeypatch.setattr("keras.src.utils.file_utils.get_file", get_file)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    shape = (size, size, 3)
    make = getattr(keras.applications, name)
    with pytest.raises(AskedError) as asked:
        make(include_top=False, weights="imagenet", input_shape=shape, **arguments)
    kept = kept_file(name, arguments, shape)
    assert asked.value.args == (kept.name, weights_url(name, arguments, shape))
    assert kept.parent == tmp_path / "models"


@pytest.mark.parametrize("name", APPLICATIONS)
def test_every_network_has_a_file(name, tmp_path):
    assert weights_url(name, {}, (224, 224, 3)).endswith(".h5")


def test_a_home_that_cannot_be_written_is_not_used(monkeypatch, tmp_path):
    monkeypatch.setattr("os.access", lambda *_: False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert kept_file("VGG16", {}, (64, 64, 3)).parts[-3:-1] == (".keras", "models")

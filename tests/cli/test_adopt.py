from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from cnnzoo.cli import cli
from cnnzoo.config.loader import load_config
from cnnzoo.errors import UserError

DENSE = {"name": "dense", "units": 3, "activation": "softmax"}
SHAPE = {"batch_shape": [None, 8, 8, 1]}
LAYERS = [
    {"module": "keras.layers", "class_name": "InputLayer", "config": SHAPE},
    {"module": "keras.layers", "class_name": "Flatten", "config": {"name": "flatten"}},
    {"module": "keras.layers", "class_name": "Dense", "config": DENSE},
]
MODEL = {"module": "keras", "class_name": "Sequential", "config": {"name": "a", "layers": LAYERS}}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
        archive.writestr("config.json", json.dumps(MODEL))
    return tmp_path / "m.keras"


def adopt(*words: str) -> str:
    return CliRunner().invoke(cli, ["adopt", *words], catch_exceptions=False).output


def test_it_writes_a_configuration_that_loads(model: Path) -> None:
    file = model.with_name("a.yaml")
    assert adopt(str(model), "--output", str(file)) == f"written to {file}\n"
    assert file.read_text("utf-8") == adopt(str(model))
    assert load_config(file).model.classes == 3


def test_it_overwrites_nothing(model: Path) -> None:
    with pytest.raises(UserError, match="already exists"):
        adopt(str(model), "--output", str(model))

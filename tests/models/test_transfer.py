from __future__ import annotations

import shutil
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import cnnzoo
from cnnzoo.errors import CnnzooError, ConfigError
from cnnzoo.models.transfer import initialise

NETWORK = """
name: net
model:
  input_shape: [8, 8, 1]
  classes: 7
  layers:
    - Rescaling: 1/255
    - Conv2D: {filters: 4, kernel_size: 3, padding: same}
    - Residual: {layers: [Conv2D: {filters: 4, kernel_size: 1}, BatchNormalization]}
    - Flatten
    - Dense: 8
    - Dense: {units: $classes, activation: softmax}
"""


def model_of(text: str, folder: Path, seed: int) -> Any:
    import keras

    keras.utils.set_random_seed(seed)
    (folder / "net.yaml").write_text(text)
    return cnnzoo.build_model(cnnzoo.load_config(folder / "net.yaml").model)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("source")
    model = model_of(NETWORK, folder, 1)
    model.save(folder / "source.keras")
    model.save_weights(folder / "source.weights.h5")
    return folder / "source.keras"


def layer_weights(model: Any, path: str) -> list[np.ndarray]:
    for name in path.split("/"):
        model = model.get_layer(name)
    return model.get_weights()


LAYERS = ["conv2d", "residual/conv2d_1", "residual/batch_normalization", "dense", "dense_1"]


@pytest.mark.parametrize("suffix", [".keras", ".weights.h5"])
def test_the_same_architecture_takes_all(suffix, source, tmp_path):
    import keras

    model = model_of(NETWORK, tmp_path, 2)
    report = initialise(model, str(source.with_suffix("")) + suffix)
    assert (list(report.taken), report.left, report.unused) == (LAYERS, (), ())
    given = keras.saving.load_model(source)
    for one, other in zip(model.get_weights(), given.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_head_for_other_classes_begins_anew(source, tmp_path):
    import keras

    model = model_of(NETWORK.replace("classes: 7", "classes: 3"), tmp_path, 2)
    head = layer_weights(model, "dense_1")
    report = initialise(model, str(source))
    given = keras.saving.load_model(source)
    assert list(report.taken) == LAYERS[:-1]
    for path in report.taken:
        for one, other in zip(layer_weights(model, path), layer_weights(given, path), strict=True):
            np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(layer_weights(model, "dense_1")[0], head[0])
    assert report.lines() == [
        f"weights of 4 of 5 layers from {source}",
        "  new: dense_1, 8x7 + 7 there and 8x3 + 3 here",
    ]
    assert report.record() == {
        "source": str(source),
        "taken": 4,
        "left": [{"layer": "dense_1", "why": "8x7 + 7 there and 8x3 + 3 here"}],
        "unused": [],
    }


def test_a_layer_under_a_name_of_its_own_begins_anew(source, tmp_path):
    text = NETWORK.replace("- Dense: 8", "- Dense: {units: 9, name: mine}")
    text = text.replace("{units: $classes, ", "{units: $classes, name: head, ")
    report = initialise(model_of(text, tmp_path, 2), str(source))
    why = "not in the source"
    assert report.left == (("mine", why), ("head", why))
    assert report.unused == ("dense", "dense_1")
    assert report.lines()[-1] == "  not used: dense, dense_1"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[8, 8, 1]", "[8, 8, 3]", "conv2d has 3x3x1x4 + 4 in"),
        ("- Dense: 8", "- Dense: 9", "dense has 256x8 + 8 in"),
        ("    - Conv2D", "    - Conv2D: [4, 1]\n    - Conv2D", "conv2d has 3x3x1x4 + 4 in"),
    ],
)
def test_more_than_another_head_is_an_error_and_changes_nothing(old, new, said, source, tmp_path):
    model = model_of(NETWORK.replace(old, new), tmp_path, 2)
    before = model.get_weights()
    with pytest.raises(ConfigError) as error:
        initialise(model, str(source))
    assert said in str(error.value)
    assert "name: my_conv" in str(error.value)
    for one, other in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)


def test_nothing_in_common_is_an_error(source, tmp_path):
    text = """
name: other
model:
  input_shape: [8, 8, 1]
  classes: 7
  layers: [Flatten, Dense: {units: $classes, activation: softmax, name: last}]
"""
    with pytest.raises(ConfigError, match="no layer of this model has the name and the shapes of"):
        initialise(model_of(text, tmp_path, 2), str(source))


def test_files_that_are_damaged_or_of_others_are_refused(source, tmp_path):
    model = model_of(NETWORK, tmp_path, 2)
    (tmp_path / "cut.keras").write_bytes(source.read_bytes()[:5000])
    (tmp_path / "cut.weights.h5").write_bytes(source.with_suffix(".weights.h5").read_bytes()[:5000])
    (tmp_path / "text.keras").write_text("no archive")
    shutil.copy(source, tmp_path / "model.zip")
    wider = model_of(NETWORK.replace("- Dense: 8", "- Dense: 9"), tmp_path, 3)
    wider.save_weights(tmp_path / "wider.weights.h5")
    for name in ("cut.keras", "cut.weights.h5", "text.keras", "model.zip", "wider.weights.h5"):
        with pytest.raises(CnnzooError) as error:
            initialise(model, str(tmp_path / name))
        assert name in str(error.value)
        assert error.value.exit_code == 2


def test_the_name_of_a_trained_network_is_a_source(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = cnnzoo.load_config("lenet", ["init_from=lenet_mnist"])
    assert config.init_from == "lenet_mnist"
    model = cnnzoo.build_model(config.model, classes=3)
    report = initialise(model, config.init_from)
    assert len(report.taken) == 4
    assert [layer for layer, _ in report.left] == ["dense_2"]
    (tmp_path / "lenet_mnist").mkdir()  # a run of that name wins
    own = cnnzoo.load_config("lenet", ["init_from=lenet_mnist"])
    assert own.init_from == str(tmp_path / "lenet_mnist")


def test_code_in_a_file_is_not_run(tmp_path, monkeypatch):
    import keras

    monkeypatch.chdir(tmp_path)
    ran = tmp_path / "ran"
    code = keras.layers.Lambda(lambda x: __import__("pathlib").Path("ran").touch() or x)
    hostile = keras.Sequential([keras.Input((8, 8, 1)), code])
    ran.unlink()
    hostile.save(tmp_path / "hostile.keras")
    with zipfile.ZipFile(tmp_path / "hostile.keras") as archive:
        assert b"__lambda__" in archive.read("config.json")
    model = model_of(NETWORK, tmp_path, 2)
    with pytest.raises(CnnzooError, match="Lambda"):
        initialise(model, str(tmp_path / "hostile.keras"))
    assert not ran.exists()


def test_weights_that_declare_more_than_they_store_are_refused(source, tmp_path):
    path = tmp_path / "bomb.weights.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("layers/dense/vars/0", (1 << 20, 1 << 20), "float32")
    with pytest.raises(ConfigError, match="its weights take"):
        initialise(model_of(NETWORK, tmp_path, 2), str(path))

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnzoo
from cnnzoo.architecture.resolve import resolve
from cnnzoo.config import zoo
from cnnzoo.config.calls import Call
from cnnzoo.errors import ConfigError
from cnnzoo.models.convert.adopt import adopt
from cnnzoo.models.convert.eject import eject
from cnnzoo.models.pretrained import make_application
from cnnzoo.training.checks import check_config, check_initial_weights
from cnnzoo.training.engine.initial_weights import freeze

SHAPE = (32, 32, 3)

NETWORK = """
name: small
model:
  input_shape: [32, 32, 3]
  classes: 4
  layers:
    - Rescaling: {scale: 2/255, offset: -1}
    - MobileNet: {weights: WEIGHTS, alpha: 0.25, pooling: avg}
    - Dense: {units: $classes, activation: softmax}
"""


def mobilenet(**arguments: Any) -> Call:
    return Call("layers", "MobileNet", {"alpha": 0.25, **arguments})


def keras_mobilenet(**arguments: Any) -> Any:
    import keras

    given = {"weights": None, "include_top": False, "input_shape": SHAPE, "alpha": 0.25}
    return keras.applications.MobileNet(**given | arguments)


def same_weights(one: Any, other: Any) -> bool:
    pairs = zip(one.get_weights(), other.get_weights(), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The weights of one network in the three forms of file that Keras writes."""
    folder = tmp_path_factory.mktemp("weights")
    model = keras_mobilenet()
    model.save_weights(folder / "mine.weights.h5")
    model.save(folder / "mine.keras")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("absl.logging.warning", lambda *_: None)  # that .h5 is of the past
        model.save(folder / "mine.h5")
    keras_mobilenet(include_top=True).save_weights(folder / "top.weights.h5")
    keras_mobilenet(alpha=0.5).save_weights(folder / "wide.weights.h5")
    (folder / "cut.weights.h5").write_bytes((folder / "mine.weights.h5").read_bytes()[:50_000])
    (folder / "none.keras").write_text("no archive")
    return folder


@pytest.mark.parametrize("name", ["mine.weights.h5", "mine.keras", "mine.h5"])
def test_every_form_of_file_is_read(name, files):
    made = make_application(mobilenet(weights=str(files / name)), SHAPE, "network")
    given = keras_mobilenet()
    given.load_weights(files / "mine.weights.h5")
    assert same_weights(made, given)
    assert made.trainable


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("wide.weights.h5", "does not hold the weights of MobileNet without its head"),
        ("cut.weights.h5", "does not hold the weights of MobileNet without its head"),
        ("none.keras", "does not hold the weights of MobileNet without its head"),
        ("gone.keras", "does not exist"),
    ],
)
def test_a_file_that_does_not_fit_is_a_mistake(name, said, files):
    with pytest.raises(ConfigError, match=said):
        make_application(mobilenet(weights=str(files / name)), SHAPE, "network")


def test_a_file_with_a_head_lends_all_below_it(files):
    made = make_application(mobilenet(weights=str(files / "top.weights.h5")), SHAPE, "network")
    given = keras_mobilenet(include_top=True)
    given.load_weights(files / "top.weights.h5")
    pairs = zip(made.get_weights(), given.get_weights(), strict=False)
    assert all(np.array_equal(a, b) for a, b in pairs)


def test_a_file_can_run_no_code(files, tmp_path):
    """The layers that a .keras file describes are never made."""
    hostile = tmp_path / "hostile.keras"
    with zipfile.ZipFile(files / "mine.keras") as good, zipfile.ZipFile(hostile, "w") as bad:
        bad.writestr("model.weights.h5", good.read("model.weights.h5"))
        bad.writestr("metadata.json", good.read("metadata.json"))
        lambda_layer = {"module": "os", "class_name": "system", "config": "touch PWNED"}
        bad.writestr("config.json", json.dumps(lambda_layer))
    make_application(mobilenet(weights=str(hostile)), SHAPE, "network")


def test_efficientnet_is_given_files_by_keras_only(files):
    """ImageNet's EfficientNet has a layer that only weights: imagenet makes."""
    call = Call("layers", "EfficientNetB0", {"weights": str(files / "mine.keras")})
    with pytest.raises(ConfigError, match="cannot load weights from a file: Keras adds a layer"):
        make_application(call, SHAPE, "network")


def test_names_do_not_depend_on_what_was_made_before():
    import keras

    names = []
    for _ in range(2):
        call = Call("layers", "Xception", {})
        names.append([it.name for it in make_application(call, (71, 71, 3), "xception").layers])
        keras.layers.Conv2D(1, 1)
    assert names[0] == names[1]
    assert len(set(names[0])) == len(names[0])
    assert {"conv2d", "conv2d_3", "block1_conv1"} <= set(names[0])


def test_a_policy_is_for_this_network_only():
    import keras

    made = make_application(mobilenet(), SHAPE, "network", policy="mixed_bfloat16")
    assert made.get_layer("conv1").compute_dtype == "bfloat16"
    assert made.get_layer("conv1").variable_dtype == "float32"
    assert keras.config.dtype_policy().name == "float32"


def test_the_saved_model_opens_in_plain_keras_and_can_be_adopted(files, tmp_path):
    import keras

    (tmp_path / "small.yaml").write_text(NETWORK.replace("WEIGHTS", str(files / "mine.h5")))
    model = cnnzoo.build_model(cnnzoo.load_config(tmp_path / "small.yaml").model)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert [layer.name for layer in loaded.layers] == ["rescaling", "mobilenet", "dense"]
    assert same_weights(loaded, model)
    (tmp_path / "adopted.yaml").write_text(adopt(tmp_path / "model.keras"))
    adopted = cnnzoo.build_model(cnnzoo.load_config(tmp_path / "adopted.yaml").model)
    assert adopted.count_params() == model.count_params()


# ── ImageNet's weights ─────────────────────────────────────────────────────────────────────────

NO_NETWORK = {f"{kind}_proxy": "http://127.0.0.1:9" for kind in ("http", "https")}


@pytest.fixture
def imagenet(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(NETWORK.replace("WEIGHTS", "imagenet") + "data: {name: digits, limit: 4}\n")
    return path


def test_without_a_network_a_training_ends_at_once_with_the_way_out(cnnzoo, imagenet):
    """Before any framework is loaded, and any data."""
    home = str(imagenet.parent / "keras")
    done = cnnzoo("train", "--config", "small.yaml", KERAS_HOME=home, **NO_NETWORK)
    assert done.returncode == 2
    file = "mobilenet_2_5_224_tf_no_top.h5"
    assert "the ImageNet weights of MobileNet are not in" in done.stderr
    assert f"storage.googleapis.com/tensorflow/keras-applications/mobilenet/{file}" in done.stderr
    assert "weights: null" in done.stderr
    assert not (imagenet.parent / "runs").exists()


def no_file(fname: str, origin: str, **_: Any) -> str:
    raise AssertionError(f"Keras would download {origin}")


@pytest.mark.parametrize("name", ["MobileNet", "EfficientNetB0"])
def test_what_only_looks_downloads_nothing(name, imagenet, monkeypatch):
    """The one is known, the other measured by Keras."""
    monkeypatch.setattr("keras.src.utils.file_utils.get_file", no_file)
    layer = f"{{{name}: {{weights: imagenet, pooling: avg}}}}"
    config = cnnzoo.load_config(imagenet, [f"model.layers.1={layer}"])
    planned = check_config(config)
    assert planned.architecture.layers[1].measured == (name != "MobileNet")
    check_initial_weights(planned, downloads=False)


def test_a_file_in_keras_folder_is_taken_without_a_network(files, imagenet, monkeypatch, tmp_path):
    for name, value in NO_NETWORK.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr("keras.src.backend.config._KERAS_DIR", str(tmp_path))
    (tmp_path / "models").mkdir()
    kept = tmp_path / "models" / "mobilenet_2_5_224_tf_no_top.h5"
    kept.write_bytes((files / "mine.h5").read_bytes())
    model = cnnzoo.build_model(cnnzoo.load_config(imagenet).model)
    given = keras_mobilenet()
    given.load_weights(files / "mine.h5")
    assert same_weights(model.get_layer("mobilenet"), given)


# ── trained networks of the zoo ────────────────────────────────────────────────────────────────

TRAINED = """
name: small
model:
  input_shape: [28, 28, 1]
  classes: 4
  layers:
    - lenet_mnist: {include_top: false, trainable: false}
    - Dense: {units: $classes, activation: softmax}
"""


def test_a_trained_network_is_a_layer_with_its_weights_that_plain_keras_opens(tmp_path):
    import keras

    (tmp_path / "small.yaml").write_text(TRAINED)
    config = cnnzoo.load_config(tmp_path / "small.yaml")
    model = cnnzoo.build_model(config.model)
    assert model.count_params() == resolve(config.model, 4).parameters
    assert len(model.trainable_weights) == 2
    trained = keras.saving.load_model(zoo.trained_directory() / "lenet_mnist" / "model.keras")
    without_head = keras.Sequential([keras.Input((28, 28, 1)), *trained.layers[:-1]])
    images = np.random.default_rng(0).integers(0, 256, (2, 28, 28, 1), np.uint8)
    wanted = without_head.predict_on_batch(images)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded) is keras.Sequential
    for each in (model, loaded):
        assert each.layers[0].name == "lenet_mnist"
        np.testing.assert_allclose(each.layers[0].predict_on_batch(images), wanted, rtol=1e-5)
    (tmp_path / "adopted.yaml").write_text(adopt(tmp_path / "model.keras"))
    adopted = cnnzoo.build_model(cnnzoo.load_config(tmp_path / "adopted.yaml").model)
    assert [w.shape for w in adopted.get_weights()] == [w.shape for w in model.get_weights()]


def test_a_trained_network_may_have_random_weights(tmp_path):
    (tmp_path / "small.yaml").write_text(TRAINED.replace("include_top: false", "weights: null"))
    config = cnnzoo.load_config(tmp_path / "small.yaml")
    one, other = (cnnzoo.build_model(config.model) for _ in range(2))
    assert not same_weights(one, other)


def test_the_names_of_its_layers_can_be_frozen(tmp_path):
    text = TRAINED.replace(", trainable: false", "") + "training: {freeze: 'lenet_mnist/conv2d*'}\n"
    (tmp_path / "small.yaml").write_text(text)
    config = cnnzoo.load_config(tmp_path / "small.yaml")
    check_config(config)
    model = cnnzoo.build_model(config.model)
    assert freeze(model, config)
    assert len(model.trainable_weights) == 6


def test_a_trained_network_cannot_be_ejected_with_a_way_out(tmp_path):
    (tmp_path / "small.yaml").write_text(TRAINED)
    with pytest.raises(ConfigError, match="cannot be written as Python") as failed:
        eject(cnnzoo.load_config(tmp_path / "small.yaml"))
    assert "cnnzoo adopt" in (failed.value.mistakes[0].hint or "")


def test_a_network_without_trained_weights_is_not_a_layer(tmp_path):
    (tmp_path / "small.yaml").write_text(TRAINED.replace("lenet_mnist", "vgg16"))
    with pytest.raises(ConfigError, match="vgg16 is a network of the zoo without trained") as found:
        cnnzoo.load_config(tmp_path / "small.yaml")
    assert found.value.mistakes[0].place.line == 7
    assert "trained networks: cifar10_fast, emotion_fer2013, " in (
        found.value.mistakes[0].hint or ""
    )

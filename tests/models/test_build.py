from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT

import cnnzoo
from cnnzoo.architecture.resolve import resolve
from cnnzoo.config import zoo
from cnnzoo.config.calls import Call
from cnnzoo.config.layer_lists import parse_call
from cnnzoo.errors import ConfigError
from cnnzoo.models.build import measure

FIXTURE = ROOT / "tests" / "fixtures" / "gated_resnet.yaml"


def images(shape, count=2):
    return np.random.default_rng(0).integers(0, 256, (count, *shape), np.uint8)


def model_config(layers, shape=(8, 8, 3)):
    return cnnzoo.ModelConfig(input_shape=shape, layers=layers)


def test_a_model_is_a_plain_sequential_with_the_same_names_every_time():
    import keras

    config = cnnzoo.load_config(FIXTURE).model
    first, second = (cnnzoo.build_model(config) for _ in range(2))
    assert type(first) is keras.Sequential
    assert [layer.name for layer in first.layers] == [layer.name for layer in second.layers]
    assert first.layers[0].name == "rescaling"
    assert first.get_config() == second.get_config()


def test_the_output_is_a_probability_for_each_class():
    config = cnnzoo.load_config("lenet").model
    output = cnnzoo.build_model(config, classes=7).predict(images((28, 28, 1)), verbose=0)
    assert output.shape == (2, 7)
    assert output.sum(axis=1) == pytest.approx([1, 1], abs=1e-5)


def test_an_initializer_may_list_all_weights():
    numbers = [[[[1, 0.5], [2, 3], [-4, 0]]]]
    layer = {"kernel_initializer": {"Constant": [numbers]}, "filters": 2, "kernel_size": 1}
    model = cnnzoo.build_model(model_config([{"Conv2D": layer}, "Flatten"]))
    assert model.layers[0].get_weights()[0].tolist() == numbers
    given = images((8, 8, 3))
    expected = given @ np.array(numbers[0][0])
    assert model.predict(given, verbose=0) == pytest.approx(expected.reshape(2, -1))


def test_a_residual_adds_its_input():
    model = cnnzoo.build_model(
        model_config([{"Residual": {"layers": [{"Rescaling": 2}]}}, "Flatten"])
    )
    given = images((8, 8, 3))
    assert model.predict(given, verbose=0) == pytest.approx(3.0 * given.reshape(2, -1))


@pytest.mark.parametrize(
    ("merge", "expected"),
    [
        ("add", lambda x: 6 * x),
        ("multiply", lambda x: 8 * x * x),
        ("average", lambda x: 3 * x),
        ("maximum", lambda x: 4 * x),
        ("concatenate", lambda x: np.concatenate([2 * x, 4 * x], axis=-1)),
    ],
)
def test_branches_merge(merge, expected):
    branches = {"merge": merge, "branches": [[{"Rescaling": 2}], [{"Rescaling": 4}]]}
    model = cnnzoo.build_model(model_config([{"Branches": branches}]))
    given = images((8, 8, 3)).astype(np.float32)
    assert model.predict(given, verbose=0) == pytest.approx(expected(given))


def test_an_empty_branch_is_the_identity():
    branches = {"merge": "add", "branches": [[], [{"Rescaling": 4}]]}
    model = cnnzoo.build_model(model_config([{"Branches": branches}]))
    given = images((8, 8, 3)).astype(np.float32)
    assert model.predict(given, verbose=0) == pytest.approx(5 * given)


def test_layers_without_a_rule_are_measured_by_keras():
    facts = measure(parse_call("layers", {"Conv1D": [5, 1]}), (48, 3))
    assert (facts.output_shape, facts.trainable) == ((48, 5), 20)
    config = model_config([{"Reshape": [[-1, 3]]}, {"Conv1D": [5, 1]}, "Flatten"])
    with pytest.raises(ConfigError, match="only Keras can compute"):
        resolve(config, None)
    assert resolve(config, None, measure).parameters == 20


def test_a_layer_that_keras_refuses_on_this_input_has_its_place():
    with pytest.raises(ConfigError, match="EinsumDense does not fit its input"):
        measure(parse_call("layers", {"EinsumDense": ["ab,bc->ac", [5]]}), (8, 6, 3))


def test_a_model_that_no_memory_holds_is_refused_before_it_is_built():
    config = model_config(["Flatten", {"Dense": 10**9}, {"Dense": 2}])
    with pytest.raises(ConfigError, match=r"parameters; the limit is 2,147,483,648") as failed:
        cnnzoo.build_model(config)
    assert "this Dense alone has 193,000,000,000" in str(failed.value)


READ_BACK = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "cnnzoo":
            raise ImportError("cnnzoo is not here")
sys.meta_path.insert(0, Refuse())
import keras, numpy
for folder in sys.argv[1:]:
    model = keras.saving.load_model(f"{folder}/model.keras")
    images, expected = (numpy.load(f"{folder}/{name}.npy") for name in ("images", "output"))
    difference = abs(model.predict(images, verbose=0) - expected).max()
    assert difference < 1e-6, (folder, difference)
    assert model.count_params() > 0 and type(model) is keras.Sequential
try:
    import cnnzoo
except ImportError:
    print("read without cnnzoo")
"""


def of_bearable_size(name):
    """A configuration's model; what takes much computing takes smaller images."""
    model = cnnzoo.load_config(name).model
    if resolve(model, 10).macs < 1.2e9:
        return model
    return cnnzoo.load_config(name, ["model.input_shape=[96, 96, 3]"]).model


# Deeper siblings of a network, which have no layer that it does not have.
DEEPER = {"resnet34", "resnet56", "resnet110", "resnet101", "resnet152", "vgg16", "vgg19"}
DEEPER |= {"densenet169", "densenet201"}
DEEPER |= {"resnet50_transfer"}  # it would download weights


@pytest.mark.slow
def test_models_open_in_plain_keras_where_cnnzoo_is_not_installed(tmp_path):
    import keras

    folders = []
    for name in (*sorted({*zoo.names()} - DEEPER), FIXTURE):
        config = of_bearable_size(name)
        model = cnnzoo.build_model(config, classes=10)
        given = images(config.input_shape)
        folder = tmp_path / Path(name).stem
        folder.mkdir()
        model.save(folder / "model.keras")
        np.save(folder / "images.npy", given)
        np.save(folder / "output.npy", model.predict(given, verbose=0))
        folders.append(str(folder))
        keras.backend.clear_session()
    done = subprocess.run(
        [sys.executable, "-c", READ_BACK, *folders],
        cwd=tmp_path,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip().endswith("read without cnnzoo"), done.stderr


def test_channels_are_sliced_split_and_shuffled():
    given = images((2, 2, 6)).astype(np.float32)

    def output(*layers):
        model = cnnzoo.build_model(model_config(list(layers), (2, 2, 6)))
        return model.predict(given, verbose=0)

    assert np.array_equal(output({"SliceChannels": [2, 1]}), given[..., 2:5])
    assert np.array_equal(output({"SliceChannels": 4}), given[..., 4:])
    split = {"branches": [[], [{"Rescaling": 2}], []]}
    expected = given * [1, 1, 2, 2, 1, 1]
    assert np.array_equal(output({"SplitChannels": split}), expected)
    uneven = {"branches": [[], [{"Rescaling": 2}]], "sizes": [1, 5]}
    assert np.array_equal(output({"SplitChannels": uneven}), given * [1, 2, 2, 2, 2, 2])
    assert np.array_equal(output({"ShuffleChannels": 2}), given[..., [0, 3, 1, 4, 2, 5]])


@pytest.mark.parametrize(
    ("item", "attends"),
    [
        ({"MultiHeadAttention": {"num_heads": 2, "key_dim": 3}}, lambda layer, x: layer(x, x)),
        ({"GroupQueryAttention": [2, 2, 1]}, lambda layer, x: layer(x, x)),
        ("Attention", lambda layer, x: layer([x, x])),
        ("AdditiveAttention", lambda layer, x: layer([x, x])),
    ],
    ids=["MultiHeadAttention", "GroupQueryAttention", "Attention", "AdditiveAttention"],
)
def test_attention_is_from_the_input_to_itself(item, attends, tmp_path):
    import keras

    model = cnnzoo.build_model(model_config([{"Reshape": [[4, 6]]}, item], (2, 2, 6)))
    given = images((2, 2, 6)).astype(np.float32) / 255
    expected = np.asarray(attends(model.layers[-1].layers[-1], given.reshape(2, 4, 6)))
    assert model.predict(given, verbose=0) == pytest.approx(expected, abs=1e-6)
    model.save(tmp_path / "model.keras")
    opened = keras.saving.load_model(tmp_path / "model.keras")
    assert opened.predict(given, verbose=0) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("call", "shape", "expected"),
    [
        (Call("layers", "RepeatVector", {"n": 300_000_000}), (3,), (300_000_000, 3)),
        (Call("layers", "UpSampling1D", {"size": 10**6}), (1000, 4), (10**9, 4)),
        (Call("layers", "LSTM", {"units": 10**6}), (10, 4), (10**6,)),
    ],
)
def test_a_large_layer_is_measured_without_memory(call, shape, expected):
    import resource

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert measure(call, shape).output_shape == expected
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000  # KiB


def test_a_large_layer_of_unknown_shape_is_refused():
    arguments = {"equation": "abc,cd->abd", "output_shape": (None, 10**8)}
    with pytest.raises(ConfigError, match=r"EinsumDense takes 1\.5 GiB or more for one image"):
        measure(Call("layers", "EinsumDense", arguments), (4, 3))


def test_an_image_that_becomes_too_large_is_refused():
    layers = ({"UpSampling2D": 100_000}, "GlobalAveragePooling2D", {"Dense": 2})
    config = cnnzoo.ModelConfig(input_shape=(8, 8, 3), layers=layers)
    with pytest.raises(ConfigError, match=r"UpSampling2D takes .* the limit is 2\.0 GiB"):
        cnnzoo.build_model(config)


def test_more_classes_than_memory_holds_are_refused():
    with pytest.raises(ConfigError, match="1000000"):
        cnnzoo.ModelConfig(input_shape=(8, 8, 3), classes=10**9, layers=("Flatten",))

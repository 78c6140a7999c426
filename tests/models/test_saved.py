from __future__ import annotations

import io
import json
import subprocess
import sys
import warnings
import zipfile

import numpy as np
import pytest

import cnnzoo
from cnnzoo import limits
from cnnzoo.config.data import Resize
from cnnzoo.errors import RunError, UserError
from cnnzoo.models.saved import Description, load_model, read_description, save_model

DESCRIPTION = Description(
    class_names=("cat", "größer", "0"), resize=Resize(method="crop", interpolation="nearest")
)


@pytest.fixture
def model():
    config = cnnzoo.ModelConfig(input_shape=(4, 4, 1), layers=["Flatten", {"Dense": 3}])
    return cnnzoo.build_model(config)


@pytest.fixture
def saved(model, tmp_path):
    path = tmp_path / "model.keras"
    save_model(model, path, DESCRIPTION)
    return path


def with_metadata(path, **metadata):
    with zipfile.ZipFile(path) as old:
        members = {name: old.read(name) for name in old.namelist()}
    members["metadata.json"] = json.dumps(metadata).encode()
    with zipfile.ZipFile(path, "w") as new:
        for name, content in members.items():
            new.writestr(name, content)


def test_a_saved_model_is_read_back(saved):
    assert load_model(saved).count_params() == 51


def test_a_missing_model_says_what_it_means(tmp_path):
    with pytest.raises(RunError, match="did not finish an epoch"):
        load_model(tmp_path / "model.keras")


@pytest.mark.parametrize("keep", [0, 10, 0.5, 0.99])
def test_a_truncated_model_is_damaged(saved, keep):
    content = saved.read_bytes()
    saved.write_bytes(content[: int(keep * len(content)) if keep < 1 else keep])
    with pytest.raises(RunError, match=r"model\.keras is damaged"):
        load_model(saved)


# Models of strangers.


def layers():
    import keras

    return keras.layers


def sequential(*added, shape=(8, 8, 3)):
    import keras

    return keras.Sequential(
        [keras.Input(shape), *added, layers().GlobalAveragePooling2D(), layers().Dense(2)]
    )


def hostile(tmp_path, change, *added):
    """A saved model whose layers in `config.json` were changed."""
    path = tmp_path / "model.keras"
    sequential(*added).save(path)
    config = json.loads(read_member(path, "config.json"))
    change(config["config"]["layers"])
    with_member(path, "config.json", json.dumps(config))
    return path


def read_member(path, name):
    with zipfile.ZipFile(path) as archive:
        return archive.read(name)


def with_member(path, member, content, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path) as old:
        members = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(path, "w", compression) as new:
        for name, text in {**members, member: content}.items():
            new.writestr(name, text)


def test_python_code_is_not_run_and_the_layer_is_named(tmp_path, capsys):
    sequential(layers().Lambda(lambda x: print("ran") or x, name="mine")).save(
        tmp_path / "model.keras"
    )
    capsys.readouterr()
    with pytest.raises(RunError, match=r"Lambda \(mine\): it carries Python code") as caught:
        load_model(tmp_path / "model.keras")
    assert "--trust" in str(caught.value)
    assert capsys.readouterr().out == ""


def test_trust_loads_more_and_tells_what(tmp_path):
    path = tmp_path / "model.keras"
    sequential(layers().Lambda(lambda x: x * 2, name="twice", output_shape=(8, 8, 3))).save(path)
    told = []
    model = load_model(path, trust=told.append)
    assert model.layers[0].name == "twice"
    assert told[0] == "Lambda (twice): it carries Python code"


def test_trust_tells_nothing_of_a_plain_model(saved):
    told = []
    assert load_model(saved, trust=told.append).count_params() == 51
    assert told == []


def test_a_function_of_keras_is_not_called(tmp_path, monkeypatch):
    """The arguments of a function are plain values, and some write files."""
    monkeypatch.chdir(tmp_path)
    function = {"class_name": "function", "module": "keras.utils", "config": "plot_model"}

    def call(entries):
        entries.append(
            {
                "module": "keras.src.ops.core",
                "class_name": "Switch",
                "config": {"name": "call"},
                "registered_name": "Switch",
                "inbound_nodes": [{"args": [0, [function], "x.png"], "kwargs": {}}],
            }
        )

    with pytest.raises(RunError, match="Switch"):
        load_model(hostile(tmp_path, call))
    assert [path.name for path in tmp_path.iterdir()] == ["model.keras"]


def test_custom_layers_are_named(tmp_path):
    def rename(entries):
        entries[1] |= {"module": "mine", "class_name": "Twice", "registered_name": "mine>Twice"}

    path = hostile(tmp_path, rename, layers().Rescaling(1 / 255, name="first"))
    with pytest.raises(RunError, match=r"does not load: Twice \(first\): it is a custom class"):
        load_model(path)


def half(truth, output):
    return (truth - output) / 2


def test_a_custom_loss_does_not_matter(tmp_path):
    model = sequential()
    model.compile(loss=half)
    model.save(tmp_path / "model.keras")
    assert load_model(tmp_path / "model.keras").count_params() == model.count_params()


def test_a_compiled_model_in_a_model_is_loaded_without_its_loss(tmp_path):
    inner = sequential()
    inner.compile("adam", half, metrics=["accuracy"])
    import keras

    outer = keras.Sequential([keras.Input((8, 8, 3)), inner, layers().Softmax()])
    outer.save(tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras")
    assert not loaded.layers[0].compiled
    for one, other in zip(loaded.get_weights(), outer.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_more_members_than_keras_writes_are_refused(saved):
    with_member(saved, "assets/vocabulary.txt", "x")
    with pytest.raises(UserError, match=r"holds more than a model: assets/vocabulary\.txt"):
        load_model(saved)


def test_an_hdf5_file_is_recognised(tmp_path):
    sequential().save(tmp_path / "model.h5")
    (tmp_path / "model.h5").rename(tmp_path / "model.keras")
    with pytest.raises(RunError, match=r"is an HDF5 file \(\.h5\), not a \.keras file") as caught:
        load_model(tmp_path / "model.keras")
    assert "keras.saving.load_model('model.h5')" in str(caught.value)


def test_a_file_of_keras_2_is_recognised(tmp_path):
    def older(entries):
        entries[0]["config"] = {"batch_input_shape": [None, 8, 8, 3], "name": "input"}
        entries[1]["module"] = "keras.src.layers.pooling"

    path = hostile(tmp_path, older)
    with_member(path, "metadata.json", json.dumps({"keras_version": "2.15.0"}))
    with pytest.raises(RunError, match=r"was written by Keras 2\.15\.0") as caught:
        load_model(path)
    assert "model.save('model.h5')" in str(caught.value)


def preprocessed():
    """A functional model with arithmetic, as keras.applications preprocesses its input."""
    import keras

    inputs = keras.Input((8, 8, 3))
    tensor = -(((inputs / 127.5 - 1.0) * 2)[..., ::-1] ** 2)
    tensor = keras.applications.resnet50.preprocess_input(tensor)
    tensor = keras.ops.mean(layers().Conv2D(3, 3, dtype="mixed_bfloat16")(tensor), axis=(1, 2))
    return keras.Model(inputs, layers().Dense(2)(keras.ops.relu(tensor)))


def preprocessing():
    return sequential(
        layers().Normalization(mean=[1.0, 2.0, 3.0], variance=[1.0, 1.0, 1.0]),
        layers().RandomFlip(seed=4),
        layers().RandAugment(),
        layers().SpectralNormalization(layers().Conv2D(3, 3)),
    )


def quantized(mode):
    model = sequential(layers().Conv2D(4, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # layers that cannot be quantized
        model.quantize(mode)
    return model


@pytest.mark.parametrize(
    "make",
    [preprocessed, preprocessing, lambda: quantized("int8"), lambda: quantized("int4")],
    ids=["arithmetic", "preprocessing", "int8", "int4"],
)
def test_models_of_plain_keras_predict_the_same(make, tmp_path):
    model = make()
    model.save(tmp_path / "model.keras")
    images = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3)).astype(np.uint8)
    expected = model.predict(images, verbose=0)
    given = load_model(tmp_path / "model.keras").predict(images, verbose=0)
    np.testing.assert_array_equal(given, expected)


def test_a_refused_model_leaves_nothing_for_the_next(tmp_path, saved, monkeypatch):
    path = tmp_path / "other.keras"
    sequential(layers().Conv2D(8, 3)).save(path)
    monkeypatch.setattr(limits, "SMALL_BYTES", 0)
    monkeypatch.setattr(limits, "EXPANSION", 0.01)
    with pytest.raises(UserError, match="the limit is"):
        load_model(path)
    monkeypatch.undo()
    import keras

    uninitialized = keras.src.backend.common.global_state.get_global_attribute
    assert not uninitialized("uninitialized_variables")
    assert load_model(saved).count_params() == 51


BOMBS = """
import copy, json, resource, sys, zipfile
from pathlib import Path
gib = 2**30
resource.setrlimit(resource.RLIMIT_AS, (12 * gib, 12 * gib))
from cnnzoo.errors import UserError
from cnnzoo.models.saved import load_model
import cnnzoo
load_model(Path("model.keras"))  # TensorFlow itself takes memory
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in sys.argv[1:]:
    try:
        load_model(Path(path))
        print(path, "LOADED")
    except UserError as error:
        print(path, error.mistakes[0].message)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_what_asks_for_gigabytes_is_refused_before_it_gets_them(tmp_path):
    """Files of kilobytes: a large network, weights, members and images."""
    import h5py

    base = tmp_path / "model.keras"
    sequential(layers().Conv2D(4, 3, name="conv")).save(base)
    config = json.loads(read_member(base, "config.json"))

    def bomb(name, change):
        path = tmp_path / f"{name}.keras"
        path.write_bytes(base.read_bytes())
        described = json.loads(json.dumps(config))
        change(described["config"]["layers"])
        with_member(path, "config.json", json.dumps(described))

    bomb("filters", lambda entries: entries[1]["config"].update(filters=200_000_000))
    dense = config["config"]["layers"][-1]
    wide = {**dense, "config": {**dense["config"], "units": 30_000}, "build_config": None}

    def many(entries):
        named = [{**wide, "config": {**wide["config"], "name": f"d{n}"}} for n in range(20)]
        entries[-1:] = named

    bomb("dense", many)
    upsample = {
        "module": "keras.layers",
        "class_name": "UpSampling2D",
        "config": {"name": "up", "size": [20_000, 20_000]},
        "registered_name": None,
    }
    bomb("activations", lambda entries: entries.insert(1, upsample))
    weights = tmp_path / "weights.keras"
    weights.write_bytes(base.read_bytes())
    stored = io.BytesIO(read_member(base, "model.weights.h5"))
    with h5py.File(stored, "r+") as file:
        del file["layers/dense/vars/0"]
        options = {"chunks": (1000, 1000), "compression": "gzip"}
        file.create_dataset("layers/dense/vars/0", (25_000, 25_000), "f4", **options)
    with_member(weights, "model.weights.h5", stored.getvalue())
    for member in ("config.json", "metadata.json", "model.weights.h5"):
        path = tmp_path / f"{member}.keras"
        path.write_bytes(base.read_bytes())
        content = read_member(base, member) + b" " * (200 << 20)
        with_member(path, member, content, zipfile.ZIP_DEFLATED)
    names = [path.name for path in tmp_path.glob("*.keras") if path != base]
    assert all((tmp_path / name).stat().st_size < 500_000 for name in names)
    done = subprocess.run(
        [sys.executable, "-c", BOMBS, *sorted(names)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    *messages, more_mib = done.stdout.splitlines()
    assert len(messages) == len(names) == 7
    assert not [line for line in messages if "limit is" not in line and "larger than" not in line]
    assert int(more_mib) < 300


# What a model says of itself.


def test_a_description_is_read_back(saved):
    assert read_description(saved) == DESCRIPTION


def test_plain_keras_opens_a_described_model(model, saved):
    code = (
        "import sys; sys.modules['cnnzoo'] = None\n"
        "import keras, numpy\n"
        "model = keras.saving.load_model(sys.argv[1])\n"
        "print(model.predict(numpy.ones((1, 4, 4, 1)), verbose=0).tobytes().hex())"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, str(saved)],
        cwd=saved.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    expected = model.predict(np.ones((1, 4, 4, 1)), verbose=0).tobytes().hex()
    assert done.stdout.split()[-1] == expected


def test_nothing_but_one_key_of_the_metadata_is_new(model, saved, tmp_path):
    model.save(tmp_path / "plain.keras")
    with zipfile.ZipFile(tmp_path / "plain.keras") as plain, zipfile.ZipFile(saved) as described:
        # More members than these, and Keras unpacks the whole archive to the disk to open it.
        assert described.namelist() == plain.namelist()
        assert described.testzip() is None
        assert described.read("config.json") == plain.read("config.json")
        before, after = (
            json.loads(archive.read("metadata.json")) for archive in (plain, described)
        )
        assert after.keys() - before.keys() == {"cnnzoo"}
        assert after["keras_version"] == before["keras_version"]


def test_a_described_model_has_the_same_weights(model, saved):
    for kept, written in zip(load_model(saved).get_weights(), model.get_weights(), strict=True):
        assert (kept == written).all()


def test_saving_leaves_nothing_beside_and_replaces_what_was_there(model, saved):
    save_model(model, saved, Description(class_names=("a", "b", "c")))
    assert read_description(saved).class_names == ("a", "b", "c")
    assert [path.name for path in saved.parent.iterdir()] == ["model.keras"]


def test_a_failed_save_keeps_the_model_that_was_there(saved):
    class Full:
        def save(self, path):
            path.write_bytes(b"half")
            raise OSError(28, "No space left on device")

    before = saved.read_bytes()
    with pytest.raises(OSError, match="No space left"):
        save_model(Full(), saved, DESCRIPTION)
    assert saved.read_bytes() == before
    assert [path.name for path in saved.parent.iterdir()] == ["model.keras"]


def test_a_model_from_elsewhere_has_no_description(model, tmp_path):
    model.save(tmp_path / "plain.keras")
    assert read_description(tmp_path / "plain.keras") is None


@pytest.mark.parametrize(
    "said",
    [
        [],
        3,
        {},
        {"class_names": "cat"},
        {"class_names": ["cat"]},
        {"class_names": ["cat", "cat"]},
        {"class_names": ["cat", 3]},
        {"class_names": ["cat", ""]},
        {"class_names": ["cat", "dog"], "resize": "squeeze"},
        {"class_names": ["cat", "dog"], "resize": {"method": "crop", "code": "rm"}},
        {"class_names": ["cat", "dog"], "more": 1},
    ],
)
def test_a_damaged_description_is_refused(saved, said):
    with_metadata(saved, cnnzoo=said)
    with pytest.raises(RunError, match=r"the metadata\.json in .*model\.keras is damaged"):
        read_description(saved)


def test_metadata_that_are_not_an_object_are_refused(saved):
    with zipfile.ZipFile(saved, "w") as file:
        file.writestr("metadata.json", "[" * 100_000)
    with pytest.raises(UserError, match=r"its metadata\.json is not a JSON object"):
        read_description(saved)


def test_metadata_that_unpack_beyond_all_bounds_are_refused(saved, monkeypatch):
    monkeypatch.setattr(limits, "JSON_BYTES", 1 << 16)
    with_metadata(saved, cnnzoo={"class_names": ["x" * (1 << 17), "y"]})
    with pytest.raises(UserError, match="is larger than 64 KiB"):
        read_description(saved)

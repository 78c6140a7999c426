from __future__ import annotations

import json
import subprocess
import sys
import zipfile

import numpy as np
import pytest

import cnnzoo
from cnnzoo.config.data import Resize
from cnnzoo.errors import RunError, UserError
from cnnzoo.models import archive
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
    with pytest.raises(RunError, match=r"model\.keras is damaged or no Keras model"):
        load_model(saved)


def test_a_model_that_carries_code_is_refused(tmp_path):
    import keras

    model = keras.Sequential([keras.Input((2,)), keras.layers.Lambda(lambda x: x + 1)])
    model.save(tmp_path / "model.keras")
    with pytest.raises(RunError):
        load_model(tmp_path / "model.keras")


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


def test_metadata_that_are_no_object_are_refused(saved):
    with zipfile.ZipFile(saved, "w") as file:
        file.writestr("metadata.json", "[" * 100_000)
    with pytest.raises(UserError, match=r"its metadata\.json is no JSON object"):
        read_description(saved)


def test_metadata_that_unpack_beyond_all_bounds_are_refused(saved, monkeypatch):
    monkeypatch.setattr(archive, "MAX_BYTES", 1 << 16)
    with_metadata(saved, cnnzoo={"class_names": ["x" * (1 << 17), "y"]})
    with pytest.raises(UserError, match="is larger than"):
        read_description(saved)

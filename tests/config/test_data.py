from __future__ import annotations

from pathlib import Path

import pytest

from cnnzoo.config import zoo
from cnnzoo.config.data import AUGMENTATIONS, MIXING, DataConfig
from cnnzoo.config.data_sources import BELONGS_TO, SOURCES
from cnnzoo.config.loader import load_config, make_config
from cnnzoo.config.reader import read_yaml
from cnnzoo.config.writer import dump_config
from cnnzoo.errors import ConfigError

MODEL = """
model:
  input_shape: [8, 8, 1]
  layers: [Flatten, Dense: {units: $classes, activation: softmax}]
"""


@pytest.fixture
def write(tmp_path):
    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return write


# ── one source ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("source", SOURCES)
def test_each_source_is_known_by_its_key(source):
    data = DataConfig.model_validate({source: "photos"})
    assert data.source == source
    assert data.title == "photos"


def test_a_bare_string_is_a_name():
    assert DataConfig.model_validate("digits") == DataConfig(name="digits")


@pytest.mark.parametrize("key", BELONGS_TO)
@pytest.mark.parametrize("source", SOURCES)
def test_a_key_of_one_source_is_refused_beside_another(key, source):
    others = {
        "labels": ["a", "b"],
        "classes": ["a", "b"],
        "follow_links": True,
        "pixel_range": [0, 1],
        "layout": "channels_first",
    }
    values = {source: "photos", key: others.get(key, "a(?P<label>b)")}
    if source in BELONGS_TO[key]:
        DataConfig.model_validate(values)
    else:
        with pytest.raises(ConfigError, match=f"has {key!r}, which belongs to") as refused:
            DataConfig(**values)
        assert f"not to {source}" in str(refused.value)


# ── another source in the place of the first ───────────────────────────────────────────────────

FACES = """
data:
  name: cartoon_faces
  label: smile
  limit: 5
  splits: {test: 0.3}
"""


@pytest.mark.parametrize("override", ["data.folder=photos", "data.csv=photos", "data.tfds=photos"])
def test_an_override_replaces_the_source_and_what_belongs_to_it(write, override):
    path = write("it.yaml", f"{MODEL}{FACES}")
    data = load_config(path, [override]).data
    assert data.source == override[5:].split("=")[0]
    assert data.name is None
    assert data.label is None
    assert (data.limit, data.splits.test) == (5, 0.3)


def test_an_override_of_the_same_source_keeps_what_belongs_to_it(write):
    path = write("it.yaml", f"{MODEL}{FACES}")
    assert load_config(path, ["data.name=cartoon_faces"]).data.label == "smile"
    assert load_config(path, ["data.name=digits"]).data.label is None


def test_what_belongs_to_a_new_source_can_be_set_after_it(write):
    path = write("it.yaml", f"{MODEL}{FACES}")
    data = load_config(path, ["data.tfds=celeb_a", "data.label=attributes/Male"]).data
    assert (data.tfds, data.label) == ("celeb_a", "attributes/Male")


def test_a_file_replaces_the_source_of_the_one_that_it_extends(write):
    write("base.yaml", f"{MODEL}{FACES}")
    path = write("it.yaml", "extends: base.yaml\ndata: {folder: photos, limit: 7}\n")
    data = load_config(path).data
    assert (data.source, data.name, data.label, data.limit) == ("folder", None, None, 7)
    assert data.splits.test == 0.3


# ── paths ──────────────────────────────────────────────────────────────────────────────────────


def test_a_path_is_looked_up_beside_the_file_that_says_it(write, tmp_path, monkeypatch):
    monkeypatch.chdir("/")
    path = write("here/it.yaml", f"{MODEL}data: {{folder: ../photos, exclude: bad.csv}}\n")
    data = load_config(path).data
    assert Path(data.folder).resolve() == tmp_path / "photos"
    assert Path(data.exclude) == tmp_path / "here" / "bad.csv"


def test_a_path_on_the_command_line_is_looked_up_in_the_working_directory(
    write, tmp_path, monkeypatch
):
    path = write("here/it.yaml", f"{MODEL}data: {{folder: photos}}\n")
    monkeypatch.chdir(tmp_path)
    assert load_config(path, ["data.folder=other"]).data.folder == str(tmp_path / "other")
    assert load_config("lenet", ["data={csv: table.csv}"]).data.csv == str(tmp_path / "table.csv")


def test_a_path_in_the_zoo_is_looked_up_in_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    raw = read_yaml(f"name: x\n{MODEL}data: {{folder: photos}}\n", str(zoo.directory() / "x.yaml"))
    assert make_config(raw).data.folder == str(tmp_path / "photos")


def test_the_arrays_of_a_mapping_are_paths_too(write, tmp_path):
    path = write("it.yaml", f"{MODEL}data: {{arrays: {{images: x.npy, labels: y.npy}}}}\n")
    arrays = load_config(path).data.arrays
    assert arrays == {"images": str(tmp_path / "x.npy"), "labels": str(tmp_path / "y.npy")}


def test_a_written_configuration_means_the_same_from_anywhere(write, monkeypatch):
    config = load_config(write("it.yaml", f"{MODEL}data: {{folder: photos, resize: pad}}\n"))
    monkeypatch.chdir("/")
    assert load_config(write("runs/config.yaml", dump_config(config))) == config


# ── classes and augmentation ───────────────────────────────────────────────────────────────────


def test_classes_are_names_in_order_whatever_their_form():
    assert DataConfig(folder="x", classes=["b", "a"]).class_names == ("b", "a")
    assert DataConfig(folder="x", classes=[1, 0]).class_names == ("1", "0")
    merged = {"cat": "pet", "dog": "pet", "cow": "farm"}
    assert DataConfig(folder="x", classes=merged).class_names == ("pet", "farm")
    assert DataConfig(folder="x").class_names is None


def test_every_augmentation_is_a_layer_of_keras():
    from cnnzoo.config import catalogue

    assert set(AUGMENTATIONS) <= set(catalogue.names("layers"))
    assert set(MIXING) <= set(AUGMENTATIONS)


@pytest.mark.parametrize(
    ("name", "hint"),
    [("AugMix", "use RandAugment"), ("AutoContrast", "put it among model.layers")],
)
def test_what_is_no_augmentation_says_why(write, name, hint):
    path = write("it.yaml", f"{MODEL}data: {{name: digits, augment: [{name}: {{}}]}}\n")
    with pytest.raises(ConfigError, match=f"{name} is not an augmentation\n   hint: .*{hint}"):
        load_config(path)


def test_an_augmentation_knows_only_known_variables(write):
    path = write("it.yaml", f"{MODEL}data: {{name: digits, augment: [RandomRotation: $turn]}}\n")
    with pytest.raises(ConfigError, match=r"turn"):
        load_config(path)

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT

import cnnzoo
from cnnzoo.config.data_names import TFDS_NAMES
from cnnzoo.datasets.class_names import class_names_of
from cnnzoo.datasets.load import load_dataset
from cnnzoo.datasets.source import open_source
from cnnzoo.datasets.sources import tfds as tfds_module
from cnnzoo.errors import DataError

pytestmark = pytest.mark.slow  # each data set starts a process with TensorFlow

SHAPE = (5, 4, 3)
UNREACHABLE = "http://127.0.0.1:9"  # a proxy that is not there: no network, for this process


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    """A data_dir with the data sets of tiny_tfds.py, as tensorflow-datasets writes them."""
    directory = tmp_path_factory.mktemp("tensorflow_datasets")
    script = Path(__file__).parent / "tiny_tfds.py"
    subprocess.run([sys.executable, script, directory], check=True, capture_output=True)
    return directory


@pytest.fixture
def offline(monkeypatch):
    for scheme in ("http", "https"):
        monkeypatch.setenv(f"{scheme}_proxy", UNREACHABLE)
        monkeypatch.setenv(f"{scheme.upper()}_PROXY", UNREACHABLE)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def real(tmp_path):
    """A data_dir, and the folder of real data."""
    if not os.environ.get("CNNZOO_TEST_DATA"):
        pytest.skip("CNNZOO_TEST_DATA names no folder with real data")
    return tmp_path / "data_dir", Path(os.environ["CNNZOO_TEST_DATA"])


def config(name, data_dir, **values):
    return cnnzoo.DataConfig(tfds=name, data_dir=str(data_dir), **values)


def sizes(dataset):
    return [len(dataset.splits[split]) for split in ("train", "validation", "test")]


def numbers(examples):
    """Which examples of the tiny data sets these are, by their names; their pixels must agree."""
    found = [int(name.partition("[")[2][:-1]) for name in examples.names]
    expected = 4 * np.array(found)[:, None, None, None] * np.ones(SHAPE, np.uint8)
    assert np.array_equal(examples.images[:], expected)
    return found


def test_its_own_splits_are_used_and_the_rest_held_out(prepared, capfd):
    dataset = load_dataset(config("tiny", prepared), image_shape=SHAPE)
    assert dataset.name == "tiny"
    assert dataset.class_names == ("dark", "light")
    assert sizes(dataset) == [18, 2, 10]
    for split, part in (("train", "train"), ("validation", "train"), ("test", "test")):
        examples = dataset.splits[split]
        assert all(name.startswith(f"{part}[") for name in examples.names)
        assert examples.labels.tolist() == [int(n >= 10) for n in numbers(examples)]
    assert capfd.readouterr() == ("", "")  # nothing of what TensorFlow says


def test_splits_are_read_as_tensorflow_datasets_reads_them(prepared):
    splits = {"train": "train[:50%]+extra[2:]", "validation": "train[-4:]"}
    dataset = load_dataset(config("tiny", prepared, splits=splits), image_shape=SHAPE)
    assert dataset.splits["train"].names == (
        *(f"train[{n}]" for n in range(10)),
        *(f"extra[{n}]" for n in range(2, 6)),
    )
    assert dataset.splits["validation"].names == tuple(f"train[{n}]" for n in range(16, 20))
    assert sizes(dataset) == [14, 4, 10]


def test_a_fraction_leaves_the_own_split_aside(prepared):
    source = open_source(config("tiny", prepared, splits={"test": 0.25}))
    assert source.items().part_values == ("train",)


def test_a_path_leads_to_the_label_and_pixels_may_be_an_array(prepared):
    data = config("tiny_configs/one", prepared, label="attributes/even", image="pixels")
    dataset = load_dataset(data, image_shape=SHAPE)
    assert dataset.class_names == ("False", "True")
    for examples in dataset.splits.values():
        assert examples.labels.tolist() == [int(n % 2 == 0) for n in numbers(examples)]


def test_whole_numbers_are_classes_by_size_and_labels_names_them(prepared):
    values = {"label": "attributes/third", "labels": {"0": "zero", "5": "one", "10": "two"}}
    data = config("tiny_configs", prepared, **values)
    assert class_names_of(data, SHAPE) == ("zero", "one", "two")


def test_what_cannot_be_used_is_named(prepared):
    with pytest.raises(DataError, match=r"train\[7\] has no label: it is -1"):
        load_dataset(config("tiny_damaged", prepared), image_shape=SHAPE)
    dataset = load_dataset(config("tiny_damaged", prepared, on_error="skip"), image_shape=SHAPE)
    assert dataset.skipped.keys() == {"train[4]", "train[7]"}
    assert "is not an image" in dataset.skipped["train[4]"]
    assert sum(sizes(dataset)) == 7


def test_only_another_process_imports_tensorflow_and_a_later_run_starts_none(prepared, tmp_path):
    for package in ("tensorflow", "tensorflow_datasets"):
        (tmp_path / f"{package}.py").write_text("raise ImportError('not for this test')")
    code = f"""
import cnnzoo, sys
data = cnnzoo.DataConfig(tfds="tiny", data_dir={str(prepared)!r})
print(cnnzoo.load_dataset(data, image_shape={SHAPE}).fingerprint)
assert "tensorflow" not in sys.modules and "tensorflow_datasets" not in sys.modules
"""

    def run(cache, *path):
        return subprocess.run(
            [sys.executable, "-c", code],
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(map(str, [*path, ROOT])),
                "CNNZOO_CACHE": str(tmp_path / cache),
            },
            capture_output=True,
            text=True,
            check=False,
        )

    first = run("cache")
    assert first.returncode == 0, first.stderr
    assert run("cache", tmp_path).stdout == first.stdout
    assert "not for this test" in run("empty", tmp_path).stderr


def test_a_changed_file_is_another_identity(prepared, tmp_path):
    shutil.copytree(prepared / "tiny", tmp_path / "tiny")
    before = open_source(config("tiny", tmp_path)).identity
    assert open_source(config("tiny", tmp_path, seed=1)).identity == before
    os.utime(next((tmp_path / "tiny").rglob("*train*")), (0, 0))
    assert open_source(config("tiny", tmp_path)).identity != before


def test_the_parts_that_are_read_are_of_the_identity(prepared):
    one = open_source(config("tiny", prepared, splits={"train": "train[:5]"})).identity
    other = open_source(config("tiny", prepared, splits={"train": "train[:6]"})).identity
    assert one != other


def test_the_newest_prepared_version_is_taken(tmp_path):
    for version in ("1.9.0", "1.10.0", "1.2.0", "incomplete.XY_2.0.0"):
        (tmp_path / "some" / version).mkdir(parents=True)
        (tmp_path / "some" / version / "dataset_info.json").touch()
    (tmp_path / "some" / "3.0.0").mkdir()  # with nothing in it
    assert open_source(config("some", tmp_path)).directory.name == "1.10.0"
    assert open_source(config("some:1.9.0", tmp_path)).directory.name == "1.9.0"
    assert open_source(config("some:1.*.*", tmp_path)).directory.name == "1.10.0"


def test_the_default_configuration_is_the_one_that_was_noted(prepared):
    directory = open_source(config("tiny_configs", prepared)).directory
    assert directory.relative_to(prepared) == Path("tiny_configs/two/1.0.0")


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("minst", {}, r"has no data set 'minst'; did you mean 'mnist'\?"),
        ("mnist:x", {}, "must be NAME, NAME/CONFIG or NAME:VERSION, not 'mnist:x'"),
        ("mnist/fog", {}, "mnist has no configuration 'fog'"),
        ("cifar10_corrupted/fog_9", {}, r"no configuration 'fog_9'; did you mean 'fog_\d'\?"),
        ("mnist:1.0.0", {}, r"cannot be loaded at version 1\.0\.0"),
        ("imagenet2012", {}, "files of imagenet2012 are not downloaded by tensorflow-datasets"),
        ("tiny_texts", {}, r"tiny_texts has no image: .*"),
        ("celeb_a", {}, "celeb_a does not say which feature is its label"),
        ("tiny", {"label": "attributes/evn"}, "no feature 'attributes/evn'; did you mean"),
        ("tiny", {"label": "caption"}, "caption of tiny is Text, not a ClassLabel"),
        ("tiny", {"label": "attributes/share"}, "attributes/share of tiny is Tensor, not a Class"),
        ("tiny", {"image": "label"}, "label of tiny is ClassLabel, not an image"),
        ("tiny", {"splits": {"train": "trian"}}, "data.splits.train: Unknown split 'trian'"),
        ("tiny", {"splits": {"train": "train[5:5]"}}, r"'train\[5:5\]' holds no example of tiny"),
        ("tiny", {"splits": {"validation": "train[18:]"}}, r"'train' and 'train\[18:\]' share"),
    ],
)
def test_what_cannot_be_is_refused(prepared, name, values, message):
    with pytest.raises(DataError, match=message):
        load_dataset(config(name, prepared, **values), image_shape=SHAPE)


def test_a_manual_directory_must_be_there_to_prepare_from(prepared, tmp_path):
    gone = str(tmp_path / "gone")
    with pytest.raises(DataError, match=f"{gone} is not a directory"):
        load_dataset(config("mnist", tmp_path, manual_dir=gone), image_shape=(28, 28, 1))
    assert open_source(config("tiny", prepared, manual_dir=gone)).identity


def test_without_a_network_the_ways_out_are_named(offline, tmp_path):
    with pytest.raises(DataError, match=r"storage\.googleapis\.com.* cannot be reached") as failed:
        load_dataset(config("mnist", tmp_path), image_shape=(28, 28, 1))
    for way in ("data.data_dir", "data.manual_dir", "data=mnist5k"):
        assert way in str(failed.value)


def test_a_short_name_is_the_same_data_set(offline, tmp_path):
    data = cnnzoo.DataConfig(name="mnist", data_dir=str(tmp_path))
    assert class_names_of(data, SHAPE) == tuple("0123456789")  # known without a download
    with pytest.raises(DataError, match="mnist is not prepared"):
        load_dataset(data, image_shape=SHAPE)


def test_every_short_name_is_one_of_images_with_one_label(tmp_path):
    code = f"""
from cnnzoo.datasets import tfds_process
for name in {TFDS_NAMES!r}:
    job = dict.fromkeys(("directory", "config", "version", "label", "image"))
    job |= {{"name": name, "data_dir": {str(tmp_path)!r}}}
    assert len(tfds_process.label_values(job, print)["values"]) > 1, name
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True)


@pytest.mark.parametrize("harm", ["cut", "remove", "empty"])
def test_a_damaged_prepared_directory_is_named(prepared, tmp_path, harm):
    shutil.copytree(prepared / "tiny", tmp_path / "tiny")
    shard = next((tmp_path / "tiny").rglob("*train*"))
    if harm == "remove":
        shard.unlink()
    else:
        shard.write_bytes(shard.read_bytes()[: 0 if harm == "empty" else -100])
    with pytest.raises(DataError, match=rf"{tmp_path}/tiny/1\.2\.0 is damaged: .") as failed:
        load_dataset(config("tiny", tmp_path), image_shape=SHAPE)
    assert "remove that directory" in str(failed.value)


@pytest.mark.parametrize("module", ["queue", "json", "tensorflow_datasets_extra"])
def test_modules_of_the_working_directory_are_not_imported(prepared, tmp_path, monkeypatch, module):
    (tmp_path / f"{module}.py").write_text('open("ran", "w")\nraise SystemExit(3)\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend("")
    monkeypatch.syspath_prepend(str(tmp_path))  # as `python -m cnnzoo` has it
    assert open_source(config("tiny", prepared)).label_values() == ("dark", "light")
    assert not (tmp_path / "ran").exists()


def test_the_search_path_has_no_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to(".")
    for path in ("", ".", str(tmp_path), str(tmp_path / "link")):
        monkeypatch.syspath_prepend(path)
    monkeypatch.syspath_prepend("/elsewhere")
    found = tfds_module.search_path()
    assert found[0] == "/elsewhere"
    assert all(Path(path).resolve() != tmp_path.resolve() for path in found)
    assert str(ROOT) in found


@pytest.mark.parametrize("key", ["pythonClassName", "type"])
def test_features_of_other_modules_are_refused(prepared, tmp_path, key, monkeypatch):
    shutil.copytree(prepared / "tiny", tmp_path / "tiny")
    (path,) = tmp_path.glob("tiny/*/features.json")
    features = json.loads(path.read_text())
    features["featuresDict"]["features"]["label"] = {key: "evil.Label", "content": {}}
    path.write_text(json.dumps(features))
    (tmp_path / "evil.py").write_text(f'open("{tmp_path}/ran", "w")')
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(DataError, match=r"not one of tensorflow-datasets: 'evil\.Label'"):
        load_dataset(config("tiny", tmp_path), image_shape=SHAPE)
    assert not (tmp_path / "ran").exists()


def test_special_files_in_a_prepared_directory_are_refused(prepared, tmp_path):
    shutil.copytree(prepared / "tiny", tmp_path / "tiny")
    (path,) = tmp_path.glob("tiny/*/features.json")
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(DataError, match=r"features\.json is not a regular file"):
        load_dataset(config("tiny", tmp_path), image_shape=SHAPE)


def test_missing_packages_are_named(prepared, monkeypatch):
    monkeypatch.setattr(tfds_module, "find_spec", lambda package: None)
    with pytest.raises(DataError, match="tensorflow and tensorflow-datasets are not installed"):
        open_source(config("tiny", prepared)).items()


def test_a_process_that_dies_is_an_error_not_a_traceback(prepared, monkeypatch):
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    with pytest.raises(DataError, match="ended unexpectedly"):
        open_source(config("tiny", prepared)).items()


def idx(path, offset):
    return np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8, offset=offset)


@pytest.mark.parametrize("names", [("mnist", "fashion_mnist")], ids=["one data_dir"])
def test_the_canonical_files_are_taken_by_hand(offline, real, names):
    data_dir, folder = real
    for name in names:  # their files have the same names
        data = cnnzoo.DataConfig(
            name=name,
            data_dir=str(data_dir),
            manual_dir=str(folder / name),
            splits={"test": "test"},
        )
        test = load_dataset(data, image_shape=(28, 28, 1)).splits["test"]
        assert len(test) == 10_000
        # The same pictures in another order: tensorflow-datasets shuffles what it writes.
        pictures = idx(folder / name / "t10k-images-idx3-ubyte.gz", 16).reshape(-1, 784)
        labels = idx(folder / name / "t10k-labels-idx1-ubyte.gz", 8)
        written = {(row.tobytes(), int(label)) for row, label in zip(pictures, labels, strict=True)}
        rows = test.images[:].reshape(-1, 784)
        assert {(r.tobytes(), int(n)) for r, n in zip(rows, test.labels, strict=True)} == written


def test_a_manual_file_that_is_another_is_refused(offline, real, tmp_path):
    data_dir, folder = real
    shutil.copytree(folder / "mnist", tmp_path / "manual")
    path = tmp_path / "manual" / "train-labels-idx1-ubyte.gz"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    data = config("mnist", data_dir, manual_dir=str(tmp_path / "manual"))
    with pytest.raises(DataError, match=f"{path} is not the file that mnist is made from"):
        load_dataset(data, image_shape=(28, 28, 1))
    assert not list(data_dir.glob("mnist/*/dataset_info.json"))

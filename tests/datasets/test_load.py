from __future__ import annotations

import os
import shutil
import tracemalloc

import numpy as np
import pytest
from conftest import loaded_modules
from PIL import Image

import cnnzoo
from cnnzoo.config.data import DataConfig
from cnnzoo.datasets import cache
from cnnzoo.datasets.dataset import SPLITS, MappedImages
from cnnzoo.datasets.load import entry_key, fit_of, load_dataset
from cnnzoo.datasets.source import open_source
from cnnzoo.errors import DataError

SHAPE = (6, 5, 3)
CLASSES = ("bird", "cat", "dog")


@pytest.fixture(autouse=True)
def directory(tmp_path, monkeypatch):
    """A cache of its own."""
    monkeypatch.setenv("CNNZOO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def pictures(tmp_path):
    """A folder of 45 pictures in three classes, 30 of them to train."""
    return write_pictures(tmp_path / "pictures")


def write_pictures(root):
    rng = np.random.default_rng(0)
    for part, count in (("train", 10), ("test", 5)):
        for name in CLASSES:
            folder = root / part / name
            folder.mkdir(parents=True)
            for index in range(count):
                write_picture(folder / f"{index}.png", rng)
    return root


def write_picture(path, rng):
    Image.fromarray(rng.integers(0, 256, (*SHAPE[:2], 3), np.uint8)).save(path)


def data(folder, **settings):
    return DataConfig(folder=str(folder), **settings)


def load(folder, **settings):
    return load_dataset(data(folder, **settings), image_shape=SHAPE)


def key_of(folder, shape=SHAPE, **settings):
    config = data(folder, **settings)
    source = open_source(config)
    return entry_key(source, config, fit_of(source, config, shape))


def entries(directory):
    return sorted(path.name for path in directory.iterdir() if path.name != "locks")


def everything(dataset):
    """Each example as (split, name, class name, pixels)."""
    return [
        (split, name, dataset.class_names[label], pixels.tobytes())
        for split, examples in dataset.splits.items()
        for name, label, pixels in zip(
            examples.names, examples.labels, examples.images[:], strict=True
        )
    ]


def decode_nothing(monkeypatch):
    """From here on, whoever opens a file of the source or lists its items fails."""
    for name in ("items", "read"):
        monkeypatch.setattr(f"cnnzoo.datasets.sources.folder.Folder.{name}", None)


def test_every_example_is_its_file(pictures):
    dataset = load(pictures)
    found = everything(dataset)
    assert len(found) == 45
    assert tuple(dataset.splits) == SPLITS
    for split, name, class_name, pixels in found:
        part, folder, _ = name.split("/")
        assert folder == class_name
        assert (part == "test") == (split == "test")
        assert np.asarray(Image.open(pictures / name)).tobytes() == pixels
    assert dataset.class_names == CLASSES
    assert dataset.name == "pictures"
    assert dict(dataset.skipped) == {}
    for examples in dataset.splits.values():
        assert len(examples) == len(examples.names) == examples.images.shape[0]
        assert examples.labels.dtype == np.int32


def test_a_second_run_does_not_touch_the_pictures(pictures, monkeypatch):
    first = load(pictures)
    decode_nothing(monkeypatch)
    second = load(pictures)
    assert everything(second) == everything(first)
    assert second.fingerprint == first.fingerprint


def test_what_does_not_decide_the_images_does_not_decode_again(pictures, monkeypatch):
    load(pictures)
    decode_nothing(monkeypatch)
    for settings in (
        {"seed": 3},
        {"splits": {"validation": 0.3}},
        {"splits": {"validation": "test", "test": 0}},
        {"on_error": "skip"},
        {"balance": "oversample"},
        {"augment": ["RandomFlip"]},
    ):
        assert len(everything(load(pictures, **settings))) == 45


def change_in_place(folder):
    path = folder / "train/cat/3.png"
    before = path.stat()
    write_picture(path, np.random.default_rng(1))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))


def change_size_only(folder):
    path = folder / "train/cat/3.png"
    before = path.stat()
    path.write_bytes(path.read_bytes() + b"\0")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


CHANGES = {
    "changed in place": change_in_place,
    "changed in size": change_size_only,
    "added": lambda folder: shutil.copy2(
        folder / "train/cat/3.png", folder / "train/cat/extra.png"
    ),
    "removed": lambda folder: (folder / "train/cat/3.png").unlink(),
    "renamed": lambda folder: (folder / "train/cat/3.png").rename(folder / "train/cat/33.png"),
    "moved to another class": lambda folder: (folder / "train/cat/3.png").rename(
        folder / "train/dog/33.png"
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_the_pictures_is_noticed(pictures, change):
    before = everything(load(pictures))
    CHANGES[change](pictures)
    dataset = load(pictures)
    after = everything(dataset)
    for _, name, class_name, pixels in after:
        assert name.split("/")[1] == class_name
        assert np.asarray(Image.open(pictures / name)).tobytes() == pixels
    if change != "changed in size":  # what follows the end of a PNG is no part of it
        assert {(name, pixels) for _, name, _, pixels in after} != {
            (name, pixels) for _, name, _, pixels in before
        }
    assert len(after) == len(list(pictures.glob("*/*/*.png")))


def test_a_changed_picture_is_decoded_again(pictures, directory):
    load(pictures)
    change_in_place(pictures)
    load(pictures)
    assert len(entries(directory)) == 2


@pytest.mark.parametrize(
    "settings",
    [
        {"classes": ["cat", "dog"]},
        {"classes": ["dog", "cat", "bird"]},
        {"classes": {"cat": "pet", "dog": "pet", "bird": "bird"}},
        {"limit": 3},
        {"limit": 3, "seed": 1},
        {"resize": {"interpolation": "nearest"}},
        {"resize": "pad"},
        {"shape": (6, 5, 1)},
        {"label_pattern": "(?P<label>.)"},
    ],
)
def test_whatever_decides_the_images_decides_the_key(pictures, settings):
    assert key_of(pictures, **settings) != key_of(pictures)
    assert key_of(pictures, **settings) == key_of(pictures, **settings)


def test_the_seed_decides_the_key_with_a_limit_only(pictures):
    assert key_of(pictures, seed=1) == key_of(pictures)
    assert key_of(pictures, seed=1, limit=3) != key_of(pictures, limit=3)


def test_every_key_of_data_is_in_the_key_or_known_not_to_matter(pictures, tmp_path):
    """A new key of `data` must be thought of here."""
    from cnnzoo.datasets.load import _NOT_IN_KEY

    in_key = {"name", "folder", "csv", "arrays", "tfds", "label", "image", "label_pattern"}
    in_key |= {"labels", "data_dir", "manual_dir", "classes", "limit", "follow_links"}
    in_key |= {"image_dir", "image_suffix", "pixel_range", "layout"}
    assert set(DataConfig.model_fields) == in_key | set(_NOT_IN_KEY)


def test_the_fingerprint_is_that_of_the_examples_wherever_they_lie(pictures, tmp_path):
    elsewhere = tmp_path / "elsewhere" / "copies"
    shutil.copytree(pictures, elsewhere)
    (elsewhere / "train/cat/3.png").touch()
    assert load(elsewhere).fingerprint == load(pictures).fingerprint


def test_the_fingerprint_is_the_same_with_a_bad_file_skipped_or_removed(pictures):
    bad = pictures / "train/cat/bad.png"
    bad.write_bytes(b"no picture")
    skipped = load(pictures, on_error="skip")
    bad.unlink()
    clean = load(pictures)
    assert everything(skipped) == everything(clean)
    assert skipped.fingerprint == clean.fingerprint
    assert list(skipped.skipped) == ["train/cat/bad.png"]


def test_the_fingerprint_tells_data_sets_apart(pictures):
    settings = [
        {},
        {"seed": 1},
        {"splits": {"validation": 0.3}},
        {"classes": ["dog", "cat", "bird"]},
        {"classes": {"bird": "b", "cat": "c", "dog": "d"}},
        {"limit": 7},
        {"resize": "pad", "label_pattern": None},
    ]
    prints = [load(pictures, **some).fingerprint for some in settings[:-1]]
    prints.append(load_dataset(data(pictures), image_shape=(6, 5, 1)).fingerprint)
    change_in_place(pictures)
    prints.append(load(pictures).fingerprint)
    assert len(set(prints)) == len(prints)
    assert all(len(one) == 16 for one in prints)


def test_a_thousand_digits_are_held_out():
    splits = load_dataset(DataConfig(name="mnist5k"), image_shape=(28, 28, 1)).splits
    assert {name: len(examples) for name, examples in splits.items()} == {
        "train": 3546,
        "validation": 469,
        "test": 985,
    }


def test_images_have_one_channel_or_three():
    with pytest.raises(DataError, match="the model takes 2"):
        load_dataset(DataConfig(name="digits"), image_shape=(8, 8, 2))


def test_a_bad_file_stops_with_its_name_and_leaves_nothing(pictures, directory):
    for number in range(12):
        (pictures / f"train/cat/bad{number}.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match="12 items of pictures cannot be used") as failed:
        load(pictures)
    message = str(failed.value)
    assert "\n   train/cat/bad0.png is not an image" in message
    assert "… and 2 more" in message
    assert "data.on_error=skip" in message
    assert entries(directory) == []


def test_what_is_skipped_is_told_every_time(pictures, monkeypatch):
    (pictures / "train/cat/bad.png").write_bytes(b"")
    first = load(pictures, on_error="skip")
    assert dict(first.skipped) == {"train/cat/bad.png": "is empty"}
    decode_nothing(monkeypatch)
    second = load(pictures, on_error="skip")
    assert second.skipped == first.skipped
    assert len(everything(second)) == 45


def test_what_was_skipped_stops_a_run_that_does_not_skip(pictures, directory):
    (pictures / "train/cat/bad.png").write_bytes(b"")
    load(pictures, on_error="skip")
    with pytest.raises(DataError, match="1 item of pictures cannot be used"):
        load(pictures)
    assert len(entries(directory)) == 1


def test_what_can_be_read_again_is_not_reported_from_memory(pictures, monkeypatch):
    """As where its owner allowed it to be read: that changes neither its time nor its size."""
    read = cnnzoo.datasets.sources.folder.Folder.read

    def forbidden(self, items, indices, out, fit, on_progress):
        return read(self, items, indices, out, fit, on_progress) | {3: "Permission denied"}

    with monkeypatch.context() as patch:
        patch.setattr("cnnzoo.datasets.sources.folder.Folder.read", forbidden)
        assert len(load(pictures, on_error="skip").skipped) == 1
    assert len(everything(load(pictures))) == 45
    assert dict(load(pictures, on_error="skip").skipped) == {}


def test_files_without_a_class_are_told_too(pictures):
    write_picture(pictures / "train" / "lost.png", np.random.default_rng(2))
    with pytest.raises(DataError, match=r"1 item of pictures cannot be used\n   train/lost.png is"):
        load(pictures)
    assert "train/lost.png" in load(pictures, on_error="skip").skipped


def exclude(path, *names):
    path.write_text("\n".join(["name", *names]) + "\n")
    return str(path)


def test_what_is_excluded_is_not_there(pictures, tmp_path):
    (pictures / "train/cat/bad.png").write_bytes(b"")
    path = tmp_path / "exclusions.csv"
    dataset = load(pictures, exclude=exclude(path, "train/cat/bad.png", "train/dog/0.png"))
    assert len(everything(dataset)) == 44
    assert dict(dataset.skipped) == {}
    again = load(pictures, exclude=exclude(path, "train/cat/bad.png", "test/dog/0.png"))
    assert "train/dog/0.png" in again.splits["train"].names + again.splits["validation"].names
    assert "test/dog/0.png" not in again.splits["test"].names


def test_exclusions_that_are_gone_are_an_error_though_the_cache_has_the_rest(pictures, tmp_path):
    path = tmp_path / "exclusions.csv"
    settings = {"exclude": exclude(path, "train/dog/0.png")}
    load(pictures, **settings)
    path.unlink()
    with pytest.raises(DataError, match="cannot be read: No such file"):
        load(pictures, **settings)


def test_no_image_left_is_refused(pictures, tmp_path):
    names = [str(path.relative_to(pictures)) for path in pictures.glob("*/*/*.png")]
    with pytest.raises(DataError, match="no image of pictures is left"):
        load(pictures, exclude=exclude(tmp_path / "all.csv", *names))
    for path in pictures.glob("*/*/*.png"):
        path.write_bytes(b"")
    with pytest.raises(DataError, match=r"no image of pictures is left, as .*0.png is empty"):
        load(pictures, on_error="skip")


def test_progress_is_told_while_decoding_only(pictures):
    told = []
    for _ in range(2):
        load_dataset(
            data(pictures), image_shape=SHAPE, on_progress=lambda *progress: told.append(progress)
        )
    assert told[-1] == (45, 45)
    assert sorted(told) == told
    assert len(set(told)) == len(told)


@pytest.mark.parametrize("limit", [0, 2**30])
def test_images_are_the_same_in_memory_and_on_disk(pictures, limit, monkeypatch):
    expected = load(pictures)
    monkeypatch.setattr("cnnzoo.datasets.load.MAX_IN_MEMORY", limit)
    dataset = load(pictures)
    assert everything(dataset) == everything(expected)
    assert dataset.fingerprint == expected.fingerprint
    images = dataset.splits["train"].images
    assert isinstance(images, np.ndarray if limit else MappedImages)
    assert images.shape == expected.splits["train"].images.shape
    rows = np.array([5, 0, 5, 3])
    assert np.array_equal(images[rows], expected.splits["train"].images[rows])
    assert np.array_equal(images[2:5], expected.splits["train"].images[2:5])
    rows = np.array([[7, 8, 9], [10, 8, 20]])  # of two steps, before any image was compared
    again = load(pictures).splits["train"].images
    assert np.array_equal(again[rows], expected.splits["train"].images[rows])
    assert type(images[rows]) is np.ndarray


def test_large_data_are_decoded_and_opened_with_little_memory(monkeypatch):
    monkeypatch.setattr("cnnzoo.datasets.load.MAX_IN_MEMORY", 0)
    shape = (150, 150, 3)
    load_dataset(DataConfig(name="digits", limit=2), image_shape=(8, 8, 1))  # what is imported
    tracemalloc.start()
    try:
        dataset = load_dataset(DataConfig(name="digits"), image_shape=shape)
        dataset.splits["train"].images[np.arange(32)]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1797 * np.prod(shape) / 4


def test_loading_a_folder_loads_no_framework(pictures):
    statement = (
        "import cnnzoo\n"
        "from cnnzoo.datasets.load import load_dataset\n"
        f"load_dataset(cnnzoo.DataConfig(folder={str(pictures)!r}), image_shape=(6, 5, 3))"
    )
    frameworks = ("keras", "tensorflow", "tensorflow_datasets", "jax", "sklearn")
    assert loaded_modules(statement, frameworks) == []


def test_an_entry_that_vanishes_at_once_is_said(pictures, monkeypatch):
    monkeypatch.setattr(cache, "open_entry", lambda key: None)
    with pytest.raises(DataError, match="cannot be read back"):
        load(pictures)


@pytest.mark.skipif("CNNZOO_TEST_DATA" not in os.environ, reason="CNNZOO_TEST_DATA is not set")
def test_fer2013_is_the_same_however_it_is_opened():
    folder = f"{os.environ['CNNZOO_TEST_DATA']}/fer2013"
    first = load_dataset(data(folder), image_shape=(48, 48, 1))
    counts = {name: len(examples) for name, examples in first.splits.items()}
    assert counts["validation"] == 3589
    assert counts["train"] + counts["test"] == 28709
    assert len(first.class_names) == 7
    assert load_dataset(data(folder), image_shape=(48, 48, 1)).fingerprint == first.fingerprint

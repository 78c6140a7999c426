from __future__ import annotations

import gzip
import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import cnnzoo
from cnnzoo.datasets.array_files import BLOCK_BYTES
from cnnzoo.datasets.images.fit import Fit
from cnnzoo.datasets.load import load_dataset
from cnnzoo.datasets.sources.arrays import open_source, role_of
from cnnzoo.errors import DataError

IDX_HEADER = {1: b"\0\0\x08\x01", 3: b"\0\0\x08\x03"}


def data_of(arrays, **settings):
    return cnnzoo.DataConfig(arrays=arrays, **settings)


def npz(tmp_path, **arrays):
    np.savez(tmp_path / "data.npz", **arrays)
    return str(tmp_path / "data.npz")


def read(source, shape, indices=None):
    """The images of all items, or of some."""
    items = source.items()
    indices = np.arange(len(items.names)) if indices is None else np.array(indices)
    out = np.zeros((len(indices), *shape), np.uint8)
    told = []
    failed = source.read(items, indices, out, Fit(shape), lambda done, of: told.append((done, of)))
    assert not failed
    assert told[-1] == (len(indices), len(indices))
    return out


def labels_of(items):
    return [items.label_values[label] for label in items.labels]


def pixels(n, *shape):
    return np.random.default_rng(n).integers(0, 256, (n, *shape), np.uint8)


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("x_train", ("train", "images")),
        ("X_test", ("test", "images")),
        ("y_val", ("validation", "labels")),
        ("y_valid", ("validation", "labels")),
        ("x_validation", ("validation", "images")),
        ("train_images", ("train", "images")),
        ("train-labels", ("train", "labels")),
        ("t10k-images", ("test", "images")),
        ("images", ("", "images")),
        ("labels", ("", "labels")),
        ("x", ("", "images")),
        ("y", ("", "labels")),
        ("x_eval", ("test", "images")),
        ("holdout_labels", ("test", "labels")),
        ("X_training_set", ("train", "images")),
        ("names", None),
        ("train", None),
        ("x_y", None),
        ("x_extra", None),
        ("train_test_x", None),
    ],
)
def test_the_name_of_an_array_says_what_it_is(name, role):
    assert role_of(name) == role


@pytest.mark.parametrize(
    "names",
    [
        ("x_train", "y_train", "x_test", "y_test"),
        ("train_images", "train_labels", "test_images", "test_labels"),
    ],
)
def test_the_parts_of_an_npz_are_the_splits(tmp_path, names):
    x_train, x_test = pixels(20, 4, 4), pixels(10, 4, 4)
    y_train, y_test = np.arange(20) % 2, np.arange(10) % 2
    path = npz(tmp_path, **dict(zip(names, (x_train, y_train, x_test, y_test), strict=True)))
    dataset = load_dataset(data_of(path, splits={"validation": 0}), image_shape=(4, 4, 1))
    assert dataset.class_names == ("0", "1")
    for split, x, y in (("train", x_train, y_train), ("test", x_test, y_test)):
        examples = dataset.splits[split]
        assert np.array_equal(examples.images[:][..., 0], x)
        assert np.array_equal(examples.labels, y)
        assert examples.names[3] == f"{split}[3]"
    assert not len(dataset.splits["validation"])


def test_arrays_without_parts_are_one_pool(tmp_path):
    x, y = pixels(9, 3, 3, 3), np.array(list("abcabcabc"))
    for names in (("images", "labels"), ("x", "y")):
        source = open_source(data_of(npz(tmp_path, **dict(zip(names, (x, y), strict=True)))))
        items = source.items()
        assert items.part_values == ("",)
        assert labels_of(items) == list("abcabcabc")
        assert list(items.names)[-1] == items.names[-1] == items.names[8] == "images[8]"
        assert items.names[1:3] == ("images[1]", "images[2]")
        assert np.array_equal(read(source, (3, 3, 3)), x)


def idx(array):
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return IDX_HEADER[array.ndim] + sizes + array.astype(np.uint8).tobytes()


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("mark", ["-", "."])
def test_a_folder_of_idx_files(tmp_path, packed, mark):
    x, y = {"train": pixels(6, 5, 5), "t10k": pixels(4, 5, 5)}, {"train": 6, "t10k": 4}
    for part in x:
        for kind, array in (("images", x[part]), ("labels", np.arange(y[part]))):
            name = f"{part}-{kind}{mark}idx{array.ndim}-ubyte"
            content = idx(array)
            if packed:
                (tmp_path / f"{name}.gz").write_bytes(gzip.compress(content))
            else:
                (tmp_path / name).write_bytes(content)
                (tmp_path / f"{name}.gz").write_bytes(b"the same, packed: it is not looked at")
    (tmp_path / "README").write_text("what this is")
    source = open_source(data_of(str(tmp_path)))
    items = source.items()
    assert items.part_values == ("train", "test")
    assert labels_of(items) == list("0123450123")
    assert np.array_equal(read(source, (5, 5, 1))[..., 0], np.concatenate([*x.values()]))


def test_a_folder_of_npy_files_and_files_by_name(tmp_path):
    x, y = pixels(6, 5, 5), np.arange(6)
    np.save(tmp_path / "x_train.npy", x)
    np.save(tmp_path / "y_train.npy", y)
    (tmp_path / "some-labels").write_bytes(idx(y))
    of_folder = open_source(data_of(str(tmp_path)))
    of_files = open_source(
        data_of({"images": f"{tmp_path}/x_train.npy", "labels": f"{tmp_path}/some-labels"})
    )
    for source in (of_folder, of_files):
        assert labels_of(source.items()) == list("012345")
        assert np.array_equal(read(source, (5, 5, 1))[..., 0], x)


@given(
    hnp.arrays(np.uint8, st.tuples(st.integers(1, 30), st.just(3), st.just(2))),
    st.sampled_from(["u1", "i4", ">i2", "u8", "f4", "f8", "f2", "0..1"]),
    st.data(),
)
def test_images_of_any_type_read_back_equal(tmp_path_factory, images, kind, data):
    images[0, 0] = (7, 255)  # or all are 0 and 1, which are black and white in floats
    stored = (images / 255).astype(np.float32) if kind == "0..1" else images.astype(kind)
    indices = data.draw(st.lists(st.integers(0, len(images) - 1), min_size=1, unique=True))
    path = npz(tmp_path_factory.mktemp("npz"), x=stored, y=np.arange(len(images)))
    found = read(open_source(data_of(path)), (3, 2, 1), indices)
    assert np.array_equal(found[..., 0], images[indices])


def test_images_are_read_a_few_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr("cnnzoo.datasets.array_files.BLOCK_BYTES", 40)
    x = pixels(50, 3, 3)
    path = npz(tmp_path, x_train=x[:30], y_train=np.arange(30), x_test=x[30:], y_test=np.arange(20))
    source = open_source(data_of(path))
    assert np.array_equal(read(source, (3, 3, 1))[..., 0], x)
    chosen = [49, 2, 30, 29, 0, 13]
    assert np.array_equal(read(source, (3, 3, 1), chosen)[..., 0], x[chosen])


def test_an_array_is_never_whole_in_memory(tmp_path):
    np.lib.format.open_memmap(f"{tmp_path}/x.npy", "w+", np.uint8, (100, 1024, 1024, 3)).flush()
    np.save(tmp_path / "y.npy", np.arange(100))
    tracemalloc.start()
    try:
        images = read(open_source(data_of(str(tmp_path))), (8, 8, 3))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert images.shape == (100, 8, 8, 3)
    assert peak < 4 * BLOCK_BYTES


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ([[0.0, 0.5], [1.0, 0.25]], [[0, 128], [255, 64]]),
        ([[0.0, 1.0], [1.0, 0.0]], [[0, 255], [255, 0]]),
        ([[0.0, 1.0], [2.0, 0.0]], [[0, 1], [2, 0]]),
        ([[True, False], [False, True]], [[255, 0], [0, 255]]),
        ([[0, 1], [1, 0]], [[0, 255], [255, 0]]),
    ],
)
def test_what_is_white_in_an_array(tmp_path, stored, shown):
    path = npz(tmp_path, x=np.array([stored, stored]), y=np.arange(2))
    assert read(open_source(data_of(path)), (2, 2, 1))[1, ..., 0].tolist() == shown


@pytest.mark.parametrize("kind", ["u1", "i4", "u2", "f4"])
def test_the_range_of_integers_and_floats(tmp_path, kind):
    rng = np.random.default_rng(0)
    for white, shown in ((1, 255), (15, 15), (255, 255)):
        x = rng.integers(0, white + 1, (6, 3, 3)).astype(kind)
        x[2, 1, 1] = white
        source = open_source(data_of(npz(tmp_path, x=x, y=np.arange(6))))
        assert read(source, (3, 3, 1))[2, 1, 1, 0] == shown
        told = " ".join(source.notes)
        assert ("0 or 1: black and white" in told) == (white == 1)
        assert ("no pixel is above 15 of 255; data.pixel_range=15" in told) == (white == 15)


@pytest.mark.parametrize(
    ("values", "given", "shown"),
    [
        ([0, 15], [0, 15], [0, 255]),
        ([0.0, 2047.5], [0, 4095], [0, 128]),
        ([-1.0, 0.0], [-1, 1], [0, 128]),
        ([0, 65535], [0, 65535], [0, 255]),
        ([0.0, 1.0005], [0, 1], [0, 255]),
    ],
)
def test_the_configuration_gives_the_range(tmp_path, values, given, shown):
    x = np.array([values, values]).reshape(2, 2, 1)
    source = open_source(data_of(npz(tmp_path, x=x, y=np.arange(2)), pixel_range=given))
    assert read(source, (2, 1, 1))[0].ravel().tolist() == shown


def test_rounding_just_above_one_is_tolerated(tmp_path):
    x = np.linspace(0, 1, 50, dtype=np.float32).reshape(2, 5, 5)
    x[1, 4, 4] = 1.0000002
    images = read(open_source(data_of(npz(tmp_path, x=x, y=np.arange(2)))), (5, 5, 1))
    assert np.array_equal(images[..., 0], np.rint(x * 255))


def test_the_culprit_among_pixels_is_named(tmp_path):
    x = np.linspace(0, 1, 50).reshape(2, 5, 5)
    x[1, 3, 2] = 7
    source = open_source(data_of(npz(tmp_path, x=x, y=np.arange(2))))
    with pytest.raises(DataError) as refused:
        read(source, (5, 5, 1))
    assert "x[1] has the pixel 7 where others are 0 to 1, in row 3, column 2" in str(refused.value)
    source = open_source(data_of(npz(tmp_path, x=x * 100, y=np.arange(2)), pixel_range=[0, 100]))
    with pytest.raises(DataError, match=r"x\[1\] has the pixel 700, in row 3, column 2") as refused:
        read(source, (5, 5, 1))
    assert "pixels are 0 to 100 by data.pixel_range" in str(refused.value)


def test_arrays_of_an_unknown_part_are_named(tmp_path):
    arrays = {name: pixels(6, 2, 2) for name in ("x_train", "x_spare")}
    labels = {name: np.arange(6) % 2 for name in ("y_train", "y_spare")}
    source = open_source(data_of(npz(tmp_path, **arrays, **labels, names=np.arange(3))))
    assert list(source.notes) == [
        "arrays not used, because their names do not tell a split: x_spare, y_spare"
    ]


@pytest.mark.parametrize(
    ("layout", "first"), [(None, False), ("channels_last", False), ("channels_first", True)]
)
def test_a_key_decides_between_two_layouts(tmp_path, layout, first):
    x = pixels(5, 3, 6, 3)
    path = npz(tmp_path, x=x, y=np.arange(5))
    source = open_source(data_of(path, layout=layout))
    images = np.moveaxis(x, 1, -1) if first else x
    assert np.array_equal(read(source, images.shape[1:]), images)
    told = any("x, 5x3x6x3, is read with the colours in the last axis" in n for n in source.notes)
    assert told == (layout is None)


def test_a_layout_that_an_array_does_not_have_is_refused(tmp_path):
    path = npz(tmp_path, x=pixels(5, 4, 6, 3), y=np.arange(5))
    with pytest.raises(DataError, match="not an array of images") as refused:
        open_source(data_of(path, layout="channels_first"))
    assert "[n, 1 or 3, height, width]" in str(refused.value)


def test_removing_an_image_moves_no_other_between_splits(tmp_path):
    x, y = pixels(200, 3, 3), np.arange(200) % 2

    def splits(name, x, y):
        np.savez(tmp_path / f"{name}.npz", x=x, y=y)
        dataset = load_dataset(data_of(f"{tmp_path}/{name}.npz"), image_shape=(3, 3, 1))
        return {
            image.tobytes(): split
            for split, examples in dataset.splits.items()
            for image in examples.images[:]
        }

    before = splits("all", x, y)
    after = splits("less", np.delete(x, 50, 0), np.delete(y, 50))
    assert len(after) == 199
    assert after.items() <= before.items()


def test_special_files_and_links_that_lead_out_are_refused(tmp_path):
    os.mkfifo(tmp_path / "fifo.npz")
    with pytest.raises(DataError, match="is not a regular file"):
        open_source(data_of(str(tmp_path / "fifo.npz")))
    (tmp_path / "arrays").mkdir()
    np.save(tmp_path / "secret.npy", pixels(3, 2, 2))
    (tmp_path / "arrays" / "x.npy").symlink_to(tmp_path / "secret.npy")
    np.save(tmp_path / "arrays" / "y.npy", np.arange(3))
    with pytest.raises(DataError, match=r"x\.npy is a link that leads out of the folder"):
        open_source(data_of(str(tmp_path / "arrays")))
    assert open_source(data_of(str(tmp_path / "arrays"), follow_links=True)).parts


def test_a_dark_block_of_floats_does_not_decide_what_is_white(tmp_path, monkeypatch):
    monkeypatch.setattr("cnnzoo.datasets.array_files.BLOCK_BYTES", 64)
    x = np.zeros((20, 2, 2))
    x[1], x[17] = 1, 200
    path = npz(tmp_path, x=x, y=np.arange(20))
    assert np.array_equal(read(open_source(data_of(path)), (2, 2, 1))[..., 0], x)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([0.5, 255.0], "has the pixel 0.5"),
        ([0.5, -0.5], "has the pixel -0.5 where others are 0 to 1"),
        ([0.5, np.nan], "has the pixel nan"),
        ([7.0, np.inf], "has the pixel inf"),
        ([7, -1], "has the pixel -1"),
        ([7, 256], "has the pixel 256"),
        (["7", "8"], "which are not pixels"),
    ],
)
def test_values_that_are_no_pixels_are_refused(tmp_path, values, message):
    x = np.array(values * 2).reshape(2, 2, 1)
    source = open_source(data_of(npz(tmp_path, x=x, y=np.arange(2))))
    with pytest.raises(DataError, match=message):
        read(source, (2, 1, 1))


def test_parts_that_were_scaled_differently_are_refused(tmp_path):
    x = pixels(4, 3, 3)
    path = npz(tmp_path, x_train=x / 255, y_train=np.arange(4), x_test=x / 1, y_test=np.arange(4))
    with pytest.raises(DataError, match=r"x_test\[\d\] has the pixel \d+ where others are 0 to 1"):
        read(open_source(data_of(path)), (3, 3, 1))


@pytest.mark.parametrize("channels", [1, 3])
def test_channels_that_come_first_are_moved_where_they_can_be_nothing_else(tmp_path, channels):
    x = pixels(5, 4, 6, channels)
    path = npz(tmp_path, x=np.moveaxis(x, -1, 1), y=np.arange(5))
    assert np.array_equal(read(open_source(data_of(path)), (4, 6, channels)), x)


@pytest.mark.parametrize("shape", [(5,), (5, 16), (5, 4, 4, 4), (5, 2, 4, 4), (5, 1, 1, 4, 4)])
def test_arrays_that_are_no_images_are_refused(tmp_path, shape):
    path = npz(tmp_path, x=np.zeros(shape, np.uint8), y=np.arange(5))
    with pytest.raises(DataError, match="which is not an array of images"):
        open_source(data_of(path))


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (np.array([3, 1, 10]), ["3", "1", "10"]),
        (np.array([[3], [1], [10]], np.uint8), ["3", "1", "10"]),
        (np.array([3.0, 1.0, 10.0], np.float32), ["3", "1", "10"]),
        (np.array(["cat", "dog ", "cat"]), ["cat", "dog", "cat"]),
        (np.array([["cat"], ["dog"], ["cat"]]), ["cat", "dog", "cat"]),
        (np.array(["né", "dog", "né"]).astype("U3"), ["né", "dog", "né"]),
        (np.char.encode(np.array(["né", "dog", "né"]), "utf-8"), ["né", "dog", "né"]),
        (np.array([True, False, True]), ["1", "0", "1"]),
        (np.eye(3)[[2, 0, 1]], ["2", "0", "1"]),
        (np.eye(3, dtype=bool)[[2, 0, 1]], ["2", "0", "1"]),
    ],
)
def test_labels_of_any_kind(tmp_path, labels, expected):
    items = open_source(data_of(npz(tmp_path, x=pixels(3, 2, 2), y=labels))).items()
    assert labels_of(items) == expected


@pytest.mark.parametrize(
    "labels",
    [
        np.array([1.0, np.nan, 0.0, np.nan]),
        np.array(["b", "nan", "a", " "]),
        np.array([b"b", b"", b"a", b"N/A"]),
    ],
)
def test_missing_labels_are_not_classes(tmp_path, labels):
    x = pixels(4, 2, 2)
    x[0, 0, 0] = 255
    source = open_source(data_of(npz(tmp_path, x=x, y=labels)))
    items = source.items()
    assert len(items.label_values) == 2
    assert items.labels.tolist() == [1, 0]
    assert list(items.names) == ["images[0]", "images[2]"]
    assert items.unusable == {"images[1]": "has no label", "images[3]": "has no label"}
    assert np.array_equal(read(source, (2, 2, 1))[..., 0], x[[0, 2]])


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (np.array([-1, 1, 0, -10]), ("-10", "-1", "0", "1")),
        (np.array(["1.0", "2.0", "10.0", "1.0"]), ("1", "2", "10")),
        (np.array(["001", "010", "002", "001"]), ("001", "002", "010")),
        (np.array(["caf\u00e9", "cafe\u0301", "a", "a"]), ("a", "caf\u00e9")),
    ],
)
def test_the_classes_of_labels(tmp_path, labels, classes):
    items = open_source(data_of(npz(tmp_path, x=pixels(4, 2, 2), y=labels))).items()
    assert items.label_values == classes


def test_too_many_labels_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("cnnzoo.datasets.sources.arrays.MAX_CLASSES", 5)
    path = npz(tmp_path, x=pixels(7, 2, 2), y=np.arange(7))
    with pytest.raises(DataError, match="y has more than 5 different labels"):
        open_source(data_of(path)).items()


def test_the_labels_of_all_parts_are_one_set(tmp_path):
    path = npz(
        tmp_path,
        x_train=pixels(2, 2, 2),
        y_train=np.array([10, 2]),
        x_test=pixels(2, 2, 2),
        y_test=np.array([9, 10]),
    )
    items = open_source(data_of(path)).items()
    assert items.label_values == ("2", "9", "10")
    assert labels_of(items) == ["10", "2", "9", "10"]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.array([0.0, 1.5, 2.0]), r"y\[1\] is not a whole number"),
        (np.array([0.0, 1.0, np.inf]), r"y\[2\] is not a whole number"),
        (np.array([np.nan] * 3), "has no labels"),
        (np.array([[1, 0], [1, 1], [0, 1]]), r"y\[1\] is not one-hot"),
        (np.array([[1, 0], [0, 1], [0, 0]]), r"y\[2\] is not one-hot"),
        (np.array([[1.0, 0.0], [0.7, 0.3], [0, 1]]), r"y\[1\] is not one-hot"),
        (np.array([["a", "b"]] * 3), "2 texts a row"),
        (np.array([b"\xff", b"a", b"b"]), "not in UTF-8"),
        (np.zeros((3, 1, 1), int), "not an array of labels"),
    ],
)
def test_labels_that_are_none_are_refused(tmp_path, labels, message):
    source = open_source(data_of(npz(tmp_path, x=pixels(3, 2, 2), y=labels)))
    with pytest.raises(DataError, match=message):
        source.items()


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": 3}, "there are images and no labels"),
        ({"y_train": 3, "x": 3, "y": 3}, "there are train labels and no train images"),
        ({"x": 3, "y": 4}, r"x has 3 images and .*y 4 labels"),
        ({"x": 0, "y": 0}, "the arrays are empty"),
        ({"x_val": 3, "x_valid": 3}, "x_val and x_valid are both validation images"),
        ({"faces": 3, "ages": 3}, "no arrays with known names; it has faces, ag"),
    ],
)
def test_arrays_that_are_no_pairs_are_refused(tmp_path, arrays, message):
    made = {
        name: np.zeros(n, int) if name.startswith("y") else pixels(n, 2, 2)
        for name, n in arrays.items()
    }
    with pytest.raises(DataError, match=message):
        open_source(data_of(npz(tmp_path, **made)))


def test_other_mistakes_are_explained(tmp_path):
    np.save(tmp_path / "x.npy", pixels(3, 2, 2))
    (tmp_path / "x.txt").write_text("1 2 3")
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.npz").write_bytes(b"PK\x03\x04 and no more")
    for given_, message in (
        (f"{tmp_path}/x.npy", "is one array, but a data set has images and labels"),
        (f"{tmp_path}/x.txt", "x.txt is not an array"),
        (f"{tmp_path}/none.npz", "none.npz cannot be read: No such file"),
        (f"{tmp_path}/empty", "empty has no arrays .* it has none"),
        (f"{tmp_path}/broken.npz", "broken.npz is damaged"),
        ({"pictures": f"{tmp_path}/x.npy"}, "the array name 'pictures' is not known"),
        ({"images": f"{tmp_path}/x.npy", "labels": f"{tmp_path}/y.npy"}, "y.npy cannot be read"),
    ):
        with pytest.raises(DataError, match=message):
            open_source(data_of(given_))


def test_the_identity_follows_the_files(tmp_path):
    np.save(tmp_path / "x.npy", pixels(3, 2, 2))
    np.save(tmp_path / "y.npy", np.arange(3))
    seen = {open_source(data_of(str(tmp_path))).identity}
    assert open_source(data_of(str(tmp_path))).identity in seen
    os.utime(tmp_path / "y.npy", ns=(1, 1))
    seen.add(open_source(data_of(str(tmp_path))).identity)
    np.save(tmp_path / "x_test.npy", pixels(3, 2, 2))
    np.save(tmp_path / "y_test.npy", np.arange(3))
    seen.add(open_source(data_of(str(tmp_path))).identity)
    assert len(seen) == 3


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_mnist_has_sixty_thousand_images_and_ten_thousand(name):
    real = os.environ.get("CNNZOO_TEST_DATA")
    if not real:
        pytest.skip("CNNZOO_TEST_DATA does not say where the real data are")
    folder = Path(real) / name
    dataset = load_dataset(data_of(str(folder), splits={"validation": 0}), image_shape=(28, 28, 1))
    sizes = {split: len(examples) for split, examples in dataset.splits.items()}
    assert sizes == {"train": 60_000, "validation": 0, "test": 10_000}
    assert dataset.class_names == tuple("0123456789")
    content = gzip.decompress((folder / "t10k-images-idx3-ubyte.gz").read_bytes())
    images = np.frombuffer(content, np.uint8, offset=16).reshape(10_000, 28, 28, 1)
    assert np.array_equal(dataset.splits["test"].images[:], images)

from __future__ import annotations

import csv
import os
import tracemalloc
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

import cnnzoo
from cnnzoo.datasets.images.decode import decode_file
from cnnzoo.datasets.images.fit import Fit
from cnnzoo.datasets.load import load_dataset
from cnnzoo.datasets.pixel_table import FER_EMOTIONS
from cnnzoo.datasets.sources.csv import open_source
from cnnzoo.errors import DataError


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def opened(path, **settings):
    return open_source(cnnzoo.DataConfig(csv=str(path), **settings))


def read(source, shape, indices=None):
    """The images of all items, or of some, and the rows that failed."""
    items = source.items()
    indices = np.arange(len(items.names)) if indices is None else np.array(indices)
    out = np.zeros((len(indices), *shape), np.uint8)
    told = []
    failed = source.read(items, indices, out, Fit(shape), lambda done, of: told.append((done, of)))
    assert told[-1] == (len(indices), len(indices))
    return out, failed


def labels_of(items):
    return [items.label_values[label] for label in items.labels]


SQUARES = st.sampled_from([(1, 1, 1), (2, 2, 1), (3, 3, 1), (1, 1, 3), (2, 2, 3)])
IMAGES = st.tuples(st.integers(1, 7), SQUARES).flatmap(
    lambda size: hnp.arrays(np.uint8, (size[0], *size[1]))
)


@given(IMAGES, st.sampled_from(",;\t"), st.booleans(), st.sampled_from(["\n", "\r\n"]))
def test_a_table_that_is_written_from_arrays_reads_back_equal(
    tmp_path_factory, images, delimiter, quoted, newline
):
    images[0, 0, 0] = 255  # or all may be 0 and 1, which are black and white
    path = tmp_path_factory.mktemp("table") / "table.csv"
    quoting = csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL
    with path.open("w", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter, quoting=quoting, lineterminator=newline)
        writer.writerow(["label", "pixels"])
        for row, image in enumerate(images):
            writer.writerow([f"class {row % 2}", " ".join(map(str, image.flat))])
    source = opened(path)
    items = source.items()
    assert labels_of(items) == [f"class {row % 2}" for row in range(len(images))]
    assert list(items.names) == [f"row {row + 2}" for row in range(len(images))]
    pixels, failed = read(source, images.shape[1:])
    assert np.array_equal(pixels, images)
    assert not failed


@given(hnp.arrays(np.uint8, (5, 4, 4, 1)), st.booleans(), st.booleans())
def test_a_column_for_each_pixel_reads_back_equal(tmp_path_factory, images, last, with_header):
    images[0, 0, 0] = 255
    path = tmp_path_factory.mktemp("table") / "table.csv"
    header = ["label", *(f"{row}x{column}" for row in range(4) for column in range(4))]
    rows = [[str(row), *map(str, image.flat)] for row, image in enumerate(images)]
    table = [header, *rows] if with_header else rows
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(row[1:] + row[:1] if last else row for row in table)
    where = {} if with_header else {"label": "last" if last else "first"}
    source = opened(path, **where)
    assert source.items().labels.tolist() == [0, 1, 2, 3, 4]
    pixels, failed = read(source, (4, 4, 1))
    assert np.array_equal(pixels, images)
    assert not failed


@given(st.data())
def test_chosen_rows_are_read_in_the_order_that_is_asked(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("table") / "table.csv"
    write(path, "label,pixels\n" + "".join(f"{row},{row}\n" for row in range(20)))
    indices = data.draw(st.lists(st.integers(0, 19), min_size=1, unique=True))
    pixels, _ = read(opened(path), (1, 1, 1), indices)
    assert pixels.ravel().tolist() == indices


FER = """emotion,pixels,Usage
3,1 2 3 4,Training
0,5 6 7 8,PublicTest
6,9 10 11 12,PrivateTest
"""


def test_the_emotions_of_fer2013_have_their_names(tmp_path):
    items = opened(write(tmp_path / "fer2013.csv", FER)).items()
    assert labels_of(items) == ["happy", "angry", "neutral"]
    assert items.label_values == ("angry", "happy", "neutral")
    assert [items.part_values[part] for part in items.parts] == [
        "Training",
        "PublicTest",
        "PrivateTest",
    ]


@pytest.mark.parametrize(
    ("table", "settings"),
    [
        (FER, {"labels": list(FER_EMOTIONS)}),
        (FER.replace("6,9", "7,9"), {}),
        (FER.replace("Usage", "split"), {}),
    ],
)
def test_other_numbers_and_names_of_ones_own_stay_as_they_are(tmp_path, table, settings):
    items = opened(write(tmp_path / "table.csv", table), **settings).items()
    assert labels_of(items)[:2] == ["3", "0"]


def test_rows_that_cannot_be_used_are_named_by_their_lines(tmp_path):
    table = [
        "label,pixels,split",
        "a,1 2 3 4,train",
        ",1 2 3 4,train",
        "a,1 2 3 4,",
        "a, ,train",
        "a,1 2 3,train",
        "",
        "a,1  2  3  4,train",
        "a,1 2 3 4",
        'a,"1 2 3 4,train',
        "a,7    ,train",
        "a,7   8,train",
        "b,1 2 3 4 5,test",
        "b,1 2 3 4,test",
    ]
    items = opened(write(tmp_path / "table.csv", "\n".join(table))).items()
    assert list(items.names) == ["row 2", "row 8", "row 14"]
    assert items.unusable == {
        "row 3": "has no label",
        "row 4": "has no split",
        "row 5": "has no pixels",
        "row 6": "has 3 pixels, not 4",
        "row 9": "has 2 columns, not 3",
        "row 10": "has a quote that does not end, or text after one",
        "row 11": "has 1 pixels, not 4",
        "row 12": "has 2 pixels, not 4",
        "row 13": "has 5 pixels, not 4",
    }


@pytest.mark.parametrize("wide", [False, True])
def test_rows_whose_pixels_are_none_fail_and_stay_black(tmp_path, wide):
    pixels = ["1 2 3 4", "1 2 3 256", "1 -2 3 4", "1 2 x 4", "1 2 3 4.5", "1 nan 3 4", "05 6.0 7 8"]
    join = (lambda text: text.replace(" ", ",")) if wide else str
    header = "label,p0,p1,p2,p3" if wide else "label,pixels"
    rows = "\n".join(f"{row % 2},{join(text)}" for row, text in enumerate(pixels))
    images, failed = read(opened(write(tmp_path / "t.csv", f"{header}\n{rows}")), (2, 2, 1))
    assert {row: reason.split(";")[0] for row, reason in failed.items()} == {
        1: "has the pixel '256'",
        2: "has the pixel '-2'",
        3: "has the pixel 'x'",
        4: "has the pixel '4.5'",
        5: "has the pixel 'nan'",
    }
    assert images[0].ravel().tolist() == [1, 2, 3, 4]
    assert images[6].ravel().tolist() == [5, 6, 7, 8]
    assert not images[1:6].any()


def test_images_that_are_no_squares_are_refused(tmp_path):
    path = write(tmp_path / "table.csv", "label,pixels\n0,1 2 3 4 5\n1,1 2 3 4 5\n")
    with pytest.raises(DataError, match="5 values a row for the pixels, which is not a square"):
        opened(path).items()


def test_a_table_without_a_usable_row_is_refused(tmp_path):
    path = write(tmp_path / "table.csv", "label,pixels\n0,\n1,\n")
    with pytest.raises(DataError, match="no row that can be used; the first: row 2 has no pixels"):
        opened(path).items()


def test_a_table_that_is_no_table_of_images_ends_early(tmp_path, monkeypatch):
    for module in ("usable_rows", "pixel_table"):
        monkeypatch.setattr(f"cnnzoo.datasets.{module}.MAX_UNUSABLE", 3)
    path = write(tmp_path / "table.csv", "label,pixels\n" + "0,1 2 3 4\n" + "x\n" * 9)
    with pytest.raises(DataError, match="more than 3 rows that cannot be used; the first: row 3"):
        opened(path).items()
    path = write(
        tmp_path / "t.csv", "label,pixels\n" + "".join(f"0,{'1 ' * n}\n" for n in range(1, 6))
    )
    with pytest.raises(DataError, match="rows of 1 to 5 pixels"):
        opened(path).items()


def test_a_table_that_changes_while_it_is_read_is_an_error(tmp_path):
    path = write(tmp_path / "table.csv", FER)
    source = opened(path)
    items = source.items()
    for changed in (",PrivateTest", " 12", "6,9 10 11 12,PrivateTest"):
        write(path, FER.replace(changed, ""))
        with pytest.raises(DataError, match="was changed while it was read"):
            source.read(items, np.arange(3), np.zeros((3, 2, 2, 1), np.uint8), Fit((2, 2, 1)), max)


def test_the_size_of_an_image_is_no_limit(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3), np.uint8)
    rows = [f'{row},"{" ".join(map(str, image.flat))}"' for row, image in enumerate(pixels)]
    path = write(tmp_path / "table.csv", "label,pixels\n" + "\n".join(rows))
    images, failed = read(opened(path), (224, 224, 3))
    assert np.array_equal(images, pixels)
    assert not failed


def test_a_table_is_never_whole_in_memory(tmp_path):
    rows = "".join(f"{row % 2},{'7 ' * 2304}\n" for row in range(5000))
    path = write(tmp_path / "table.csv", f"label,pixels\n{rows}")
    out = np.zeros((5000, 8, 8, 1), np.uint8)
    del rows
    tracemalloc.start()
    try:
        source = opened(path)
        source.read(source.items(), np.arange(5000), out, Fit((8, 8, 1)), lambda done, of: None)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (out == 7).all()
    assert peak < path.stat().st_size / 3


def test_the_identity_of_a_table_of_pixels_follows_the_file(tmp_path):
    path = write(tmp_path / "table.csv", FER)
    before = opened(path).identity
    assert opened(path).identity == before
    os.utime(path, ns=(1, 1))
    assert opened(path).identity != before


# Tables of paths


@pytest.fixture
def pictures(tmp_path):
    """Six gray pictures in two folders, and a table that names them."""
    lines = ["path,label,split"]
    for number in range(6):
        kind = "cat" if number % 2 else "dog"
        (tmp_path / kind).mkdir(exist_ok=True)
        pixels = np.full((4, 4), 40 * number, np.uint8)
        Image.fromarray(pixels).save(tmp_path / kind / f"{number}.png")
        lines.append(f"{kind}/{number}.png,{kind},{'test' if number > 3 else 'train'}")
    return write(tmp_path / "table.csv", "\n".join(lines) + "\n")


def test_the_files_that_a_table_names_are_decoded(pictures, tmp_path):
    source = opened(pictures)
    items = source.items()
    assert list(items.names) == [
        f"{'cat' if number % 2 else 'dog'}/{number}.png" for number in range(6)
    ]
    assert labels_of(items) == ["dog", "cat"] * 3
    dataset = load_dataset(cnnzoo.DataConfig(csv=str(pictures)), image_shape=(4, 4, 1))
    assert dataset.class_names == ("cat", "dog")
    test = dataset.splits["test"]
    assert test.names == ("dog/4.png", "cat/5.png")
    assert test.images[:].max(axis=(1, 2, 3)).tolist() == [160, 200]


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../a.png", "cat/../../a.png", "..", "..\\a.png", "C:\\a.png", "\\a"]
)
def test_a_path_that_leaves_the_folder_is_refused_by_its_name(pictures, path):
    write(pictures, pictures.read_text() + f"{path},cat,train\n")
    with pytest.raises(DataError) as refused:
        opened(pictures)
    assert f"names a file outside its folder in row 8: {path!r}" in str(refused.value)


def test_paths_inside_the_folder_are_taken(pictures, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "cat")
    write(
        pictures,
        "path,label\ncat/../dog/0.png,a\nlink/1.png,b\ncat\\3.png,b\n./cat/5.png,b\n",
    )
    names = ["dog/0.png", "link/1.png", "cat/3.png", "cat/5.png"]
    assert list(opened(pictures).items().names) == names


def test_what_is_no_file_is_named_with_the_reason(pictures, tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    lines = ["none.png", "cat", "pipe.png", "cat/1.png/x.png", "a\0b.png", "n" * 300]
    write(pictures, pictures.read_text() + "".join(f"{path},cat,train\n" for path in lines))
    items = opened(pictures).items()
    assert len(items.names) == 6
    assert items.unusable == {
        "none.png": "does not exist",
        "cat": "is not a file",
        "pipe.png": "is not a file",
        "cat/1.png/x.png": "Not a directory",
        "a\0b.png": "is not a file name",
        "n" * 300: "File name too long",
    }
    (tmp_path / "cat" / "3.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"none\.png does not exist"):
        load_dataset(cnnzoo.DataConfig(csv=str(pictures)), image_shape=(4, 4, 1))
    skipping = cnnzoo.DataConfig(csv=str(pictures), on_error="skip")
    dataset = load_dataset(skipping, image_shape=(4, 4, 1))
    assert dataset.skipped["cat/3.png"] == "is empty"
    assert len(dataset.skipped) == 7


def test_the_identity_of_a_table_of_paths_follows_every_file(pictures, tmp_path):
    seen = {opened(pictures).identity}
    assert opened(pictures).identity in seen
    for change in (
        lambda: os.utime(tmp_path / "cat" / "1.png", ns=(1, 1)),
        lambda: (tmp_path / "cat" / "1.png").unlink(),
        lambda: write(pictures, pictures.read_text() + "cat/7.png,cat,train\n"),
        lambda: (tmp_path / "dog" / "0.png").rename(tmp_path / "cat" / "7.png"),
    ):
        change()
        seen.add(opened(pictures).identity)
    assert len(seen) == 5


def test_a_table_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match=r"none\.csv cannot be read: No such file") as refused:
        opened(tmp_path / "none.csv")
    assert "set data.csv" in str(refused.value)


def names_of(path, **settings):
    return list(opened(path, **settings).items().names)


def test_absolute_paths_inside_the_folder_are_taken(pictures, tmp_path):
    write(pictures, f"path,label\n{tmp_path}/cat/1.png,cat\n{tmp_path}/dog/0.png,dog\n")
    assert names_of(pictures) == ["cat/1.png", "dog/0.png"]
    (tmp_path / "link").symlink_to(tmp_path)
    assert names_of(tmp_path / "link" / "table.csv") == ["cat/1.png", "dog/0.png"]


def test_a_hint_names_the_keys_that_find_the_files(pictures, tmp_path):
    (tmp_path / "cat").rename(tmp_path / "images")
    write(pictures, "path,label\n1,a\n3,b\n")
    with pytest.raises(DataError, match=r"the first: 1 does not exist") as refused:
        opened(pictures)
    keys = f"data.image_dir={tmp_path / 'images'} and data.image_suffix=.png"
    assert keys in str(refused.value)
    settings = {"image_dir": str(tmp_path / "images"), "image_suffix": ".png"}
    assert names_of(pictures, **settings) == ["1.png", "3.png"]
    write(pictures, "path,label\nimages/1,a\nimages/3,b\n")
    with pytest.raises(DataError, match=r"exists: set data\.image_suffix=\.png$"):
        opened(pictures)
    write(pictures, "path,label\n1.png,a\n3.png,b\n")
    with pytest.raises(DataError, match=f"exists: set data.image_dir={tmp_path / 'images'}$"):
        opened(pictures)


def test_links_that_lead_out_of_the_folder_are_refused(pictures, tmp_path):
    outside = tmp_path.parent / f"{tmp_path.name} outside"
    outside.mkdir()
    Image.new("L", (4, 4)).save(outside / "1.png")
    (tmp_path / "folder").symlink_to(outside)
    (tmp_path / "cat" / "file.png").symlink_to(outside / "1.png")
    write(pictures, pictures.read_text() + "folder/1.png,cat,train\ncat/file.png,dog,train\n")
    unusable = opened(pictures).items().unusable
    assert list(unusable) == ["folder/1.png", "cat/file.png"]
    assert "leads out of the folder" in unusable["cat/file.png"]
    assert len(names_of(pictures, follow_links=True)) == 8


def test_a_table_that_is_a_special_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "fifo.csv")
    with pytest.raises(DataError, match="is not a regular file"):
        opened(tmp_path / "fifo.csv")


# Labels


def table(path, labels, parts=None):
    rows = [f"{label},{10 * n} 2 3 255" for n, label in enumerate(labels)]
    rows = [f"{row},{part}" for row, part in zip(rows, parts, strict=True)] if parts else rows
    return write(path, "\n".join(["label,pixels" + (",split" if parts else ""), *rows]) + "\n")


@pytest.mark.parametrize("missing", ["", " ", "nan", "NaN", "<NA>", "null", "N/A"])
def test_missing_labels_are_not_classes(tmp_path, missing):
    items = opened(table(tmp_path / "t.csv", ["a", missing, "b"])).items()
    assert items.label_values == ("a", "b")
    assert items.unusable == {"row 3": "has no label"}


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["1.0", "0.0", "10.0", "2.0"], ("0", "1", "2", "10")),
        (["1", "1.0", "2"], ("1", "2")),
        (["-1", "1", "0", "-10"], ("-10", "-1", "0", "1")),
        (["001", "010", "002"], ("001", "002", "010")),
        (["1.5", "1.0", "10.0"], ("1.0", "1.5", "10.0")),
        (["1.0", "b"], ("1.0", "b")),
        (["-0.0", "1.0"], ("0", "1")),
        (["caf\u00e9", "cafe\u0301", "tea"], ("caf\u00e9", "tea")),
    ],
)
def test_the_classes_of_labels(tmp_path, labels, classes):
    assert opened(table(tmp_path / "t.csv", labels)).items().label_values == classes
    for number in range(len(labels)):
        Image.new("L", (4, 4)).save(tmp_path / f"{number}.png")
    rows = "".join(f"{number}.png,{label}\n" for number, label in enumerate(labels))
    paths = opened(write(tmp_path / "paths.csv", f"path,label\n{rows}"))
    assert paths.items().label_values == classes


def test_emotions_as_floats_have_their_names(tmp_path):
    items = opened(write(tmp_path / "fer2013.csv", FER.replace("3,1", "3.0,1"))).items()
    assert labels_of(items) == ["happy", "angry", "neutral"]


def test_a_column_with_too_many_labels_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("cnnzoo.datasets.usable_rows.MAX_CLASSES", 5)
    assert len(opened(table(tmp_path / "t.csv", range(5))).items().label_values) == 5
    with pytest.raises(DataError, match="more than 5 different labels in its column label") as no:
        opened(table(tmp_path / "t.csv", range(7))).items()
    assert "data.label=COLUMN" in str(no.value)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (("train", "validate", "eval"), ("train", "validation", "test")),
        (("train", "val", "holdout"), ("train", "validation", "test")),
        (("0", "1", "2"), ("train", "validation", "test")),
    ],
)
def test_the_rows_of_a_split_by_another_name_are_used(tmp_path, parts, expected):
    path = table(tmp_path / "t.csv", "abab" * 3, [*parts] * 4)
    dataset = load_dataset(cnnzoo.DataConfig(csv=str(path)), image_shape=(2, 2, 1))
    for part, split in zip(range(3), expected, strict=True):
        names = [f"row {2 + part + 3 * n}" for n in range(4)]
        assert list(dataset.splits[split].names) == names
    assert any("splits: " in note for note in dataset.notes)


def test_rows_of_an_unknown_part_are_counted(tmp_path):
    path = table(tmp_path / "t.csv", "abab" * 3, ["train", "test", "spare"] * 4)
    dataset = load_dataset(cnnzoo.DataConfig(csv=str(path)), image_shape=(2, 2, 1))
    assert "not used: 4 of spare; data.splits can name them" in dataset.notes
    path = table(tmp_path / "u.csv", "abab" * 3, ["1", "0", "1"] * 4)
    with pytest.raises(DataError, match="parts 0, 1, and none of these names means training"):
        load_dataset(cnnzoo.DataConfig(csv=str(path)), image_shape=(2, 2, 1))
    splits = {"train": "1", "test": "0"}
    dataset = load_dataset(cnnzoo.DataConfig(csv=str(path), splits=splits), image_shape=(2, 2, 1))
    assert len(dataset.splits["test"].names) == 4


def test_removing_a_row_moves_no_other_between_splits(tmp_path):
    rng = np.random.default_rng(0)
    rows = [f"{n % 2},{' '.join(map(str, rng.integers(0, 256, 16)))}\n" for n in range(200)]

    def splits(rows):
        path = write(tmp_path / "t.csv", "label,pixels\n" + "".join(rows))
        os.utime(path, ns=(1, len(rows)))
        dataset = load_dataset(cnnzoo.DataConfig(csv=str(path)), image_shape=(4, 4, 1))
        return {
            image.tobytes(): split
            for split, examples in dataset.splits.items()
            for image in examples.images[:]
        }

    before = splits(rows)
    after = splits(rows[:50] + rows[51:])
    assert len(after) == 199
    assert after.items() <= before.items()


# Pixels


@pytest.mark.parametrize(
    ("pixels", "settings", "image"),
    [
        ("0 1 1 0", {}, [0, 255, 255, 0]),
        ("0 0.5 1 0.25", {}, [0, 128, 255, 64]),
        ("0 0.5 1.0004 0.25", {}, [0, 128, 255, 64]),
        ("0 15 3 5", {}, [0, 15, 3, 5]),
        ("0 15 3 5", {"pixel_range": [0, 15]}, [0, 255, 51, 85]),
        ("-1 1 0 0.5", {"pixel_range": [-1, 1]}, [0, 255, 128, 191]),
        ("0 4095 2048 1", {"pixel_range": [0, 4095]}, [0, 255, 128, 0]),
    ],
)
def test_the_range_of_the_pixels(tmp_path, pixels, settings, image):
    for join in (str, lambda text: text.replace(" ", ",")):
        header = "label,pixels" if join is str else "label,p0,p1,p2,p3"
        path = write(tmp_path / "t.csv", f"{header}\na,{join(pixels)}\nb,{join(pixels)}\n")
        source = opened(path, **settings)
        images, failed = read(source, (2, 2, 1))
        assert not failed
        assert images[0].ravel().tolist() == image
        dark = any("no pixel is above 15 of 255" in note for note in source.notes)
        assert dark == (image == [0, 15, 3, 5])


def test_a_pixel_outside_the_range_is_named(tmp_path):
    path = write(tmp_path / "t.csv", "label,pixels\na,0 0.5 0.2 0.1\nb,0 7 0.2 0.1\n")
    _, failed = read(opened(path), (2, 2, 1))
    assert failed == {1: "has the pixel '7'; pixels are 0 to 1 in this table"}
    _, failed = read(opened(path, pixel_range=[0, 0.4]), (2, 2, 1))
    assert failed[0] == "has the pixel '0.5'; pixels are 0 to 0.4 by data.pixel_range"


def test_the_order_of_the_colours(tmp_path):
    planes = np.zeros((2, 3, 4, 4), int)
    planes[:, 0], planes[:, 2, :2] = 200, 90
    rows = "".join(f"{n},{' '.join(map(str, planes[n].ravel()))}\n" for n in range(2))
    path = write(tmp_path / "t.csv", f"label,pixels\n{rows}")
    images, _ = read(opened(path, layout="channels_first"), (4, 4, 3))
    assert images[0, 0, 0].tolist() == [200, 0, 90]
    assert images[0, 3, 3].tolist() == [200, 0, 0]
    for settings, told in (({}, True), ({"layout": "channels_last"}, False)):
        source = opened(path, **settings)
        images, _ = read(source, (4, 4, 3))
        assert images[0, 0, 0].tolist() == [200, 200, 200]
        assert any("data.layout=channels_first" in note for note in source.notes) == told


@pytest.mark.parametrize(
    ("header", "key", "value"),
    [
        ("label,pixels\na,1 2 3 4\n", "image_suffix", ".png"),
        ("path,label\na.png,b\n", "layout", "channels_last"),
    ],
)
def test_keys_of_another_kind_of_table_are_refused(tmp_path, header, key, value):
    with pytest.raises(DataError, match=f"data.{key} belongs to a table of"):
        opened(write(tmp_path / "t.csv", header), **{key: value})


def test_a_range_of_pixels_holds_for_the_files_of_a_table_of_paths(tmp_path):
    rows = ["path,label"]
    for number in range(12):
        pixels = np.full((8, 8), 4095 * (number % 2), np.uint16)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
        rows.append(f"{number}.png,{['dark', 'bright'][number % 2]}")
    table = write(tmp_path / "t.csv", "\n".join(rows))
    data = cnnzoo.DataConfig(csv=str(table))
    told = load_dataset(data, image_shape=(8, 8, 1))
    assert any("data.pixel_range=4095 makes 4095 white" in note for note in told.notes)
    scaled = cnnzoo.DataConfig(csv=str(table), pixel_range=[0, 4095])
    dataset = load_dataset(scaled, image_shape=(8, 8, 1))
    assert dataset.file_range == (0, 4095)
    for examples in dataset.splits.values():
        bright = examples.labels == dataset.class_names.index("bright")
        assert examples.images[:].max(axis=(1, 2, 3)).tolist() == (255 * bright).tolist()


# FER2013


@pytest.mark.slow
def test_fer2013_from_its_folders_and_from_a_csv_is_the_same_data_set(tmp_path):
    real = os.environ.get("CNNZOO_TEST_DATA")
    if not real:
        pytest.skip("CNNZOO_TEST_DATA does not say where the real data are")
    folder = Path(real) / "fer2013"
    usage = {"train": "Training", "validation": "PublicTest"}
    table = tmp_path / "fer2013.csv"
    fit = Fit((48, 48, 1))
    with table.open("w") as file:
        file.write("emotion,pixels,Usage\n")
        for path in sorted(folder.rglob("*.jpg")):
            _, part, emotion = path.relative_to(folder).as_posix().split("/")[::-1]
            pixels = " ".join(map(str, decode_file(path, fit).ravel().tolist()))
            file.write(f"{FER_EMOTIONS.index(part)},{pixels},{usage[emotion]}\n")
    settings = {"splits": {"test": 0}}
    of_folder, of_table = (
        load_dataset(cnnzoo.DataConfig(**source, **settings), image_shape=fit.shape)
        for source in ({"folder": str(folder)}, {"csv": str(table)})
    )
    assert of_folder.class_names == of_table.class_names
    assert of_folder.fingerprint == of_table.fingerprint
    for split, examples in of_folder.splits.items():
        other = of_table.splits[split]
        assert Counter(examples.labels.tolist()) == Counter(other.labels.tolist())
        assert np.array_equal(examples.labels, other.labels)
        assert np.array_equal(examples.images[:], other.images[:])
    assert {split: len(examples) for split, examples in of_table.splits.items()} == {
        "train": 28709,
        "validation": 3589,
        "test": 0,
    }

from __future__ import annotations

import os
import shutil

import numpy as np
import pytest
from PIL import Image

import cnnzoo
from cnnzoo.datasets.images.fit import Fit
from cnnzoo.datasets.load import load_dataset
from cnnzoo.datasets.sources import folder as folder_module
from cnnzoo.datasets.sources.folder import Folder
from cnnzoo.errors import DataError


def picture(path, value=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (8, 8), value).save(path, "PNG")
    return path


def data(root, **values):
    return cnnzoo.DataConfig(folder=str(root), **values)


def opened(root, **values):
    return Folder(data(root, **values))


def listed(root, **values):
    """The items of a folder as {name: (part, label)}."""
    items = opened(root, **values).items()
    return {
        name: (items.part_values[part], items.label_values[label])
        for name, part, label in zip(items.names, items.parts, items.labels, strict=True)
    }


# Classes and splits


def test_in_one_pool_the_folders_are_the_classes(tmp_path):
    for name in ("dog/1.png", "cat/1.png", "cat/deep/er/2.png"):
        picture(tmp_path / name)
    assert listed(tmp_path) == {
        "cat/1.png": ("", "cat"),
        "cat/deep/er/2.png": ("", "cat"),
        "dog/1.png": ("", "dog"),
    }


@pytest.mark.parametrize(
    "parts", [("train",), ("train", "val"), ("Train", "Test"), ("TRAIN", "VALIDATION", "TEST")]
)
def test_folders_called_like_splits_are_splits(tmp_path, parts):
    for part in parts:
        picture(tmp_path / part / "cat" / "1.png")
        picture(tmp_path / part / "dog" / "1.png")
    items = opened(tmp_path).items()
    assert items.label_values == ("cat", "dog")
    assert set(items.part_values) == set(parts)


def test_a_class_called_like_a_split_is_a_class(tmp_path):
    for name in ("bus", "train", "tram"):
        picture(tmp_path / name / "1.png")
    assert opened(tmp_path).items().label_values == ("bus", "train", "tram")


def test_splits_beside_something_else_are_refused(tmp_path):
    for name in ("train/cat", "test/cat", "extra/cat"):
        picture(tmp_path / name / "1.png")
    with pytest.raises(DataError, match="has the splits test, train, but also extra"):
        opened(tmp_path).items()


def test_splits_without_one_to_train_are_refused(tmp_path):
    for name in ("validation/cat", "test/cat"):
        picture(tmp_path / name / "1.png")
    with pytest.raises(DataError, match="has the splits test, validation, but no train"):
        opened(tmp_path).items()


def test_files_of_no_class_are_named(tmp_path):
    picture(tmp_path / "cat" / "1.png")
    picture(tmp_path / "stray.png")
    assert opened(tmp_path).items().unusable == {"stray.png": "is in no class folder"}


def test_files_without_any_class_are_refused(tmp_path):
    picture(tmp_path / "1.png")
    with pytest.raises(
        DataError, match=r"no image below .* has a class: 1\.png is in no class"
    ) as no:
        opened(tmp_path).items()
    assert "set data.label_pattern" in str(no.value)
    with pytest.raises(DataError, match=r"1\.png does not match data.label_pattern") as no:
        opened(tmp_path, label_pattern="(?P<label>x)").items()
    assert "searched in the name of each file" in str(no.value)


def test_a_folder_without_images_is_refused(tmp_path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(DataError, match="has no images below it"):
        opened(tmp_path)


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"gone cannot be read: No such file"):
        opened(tmp_path / "gone")


# label_pattern


def test_a_pattern_takes_the_label_from_the_name(tmp_path):
    for name in ("25_0_2_2017.jpg.png", "31_1_0_2017.png", "7_1_1_2017.png", "notes.png"):
        picture(tmp_path / "all" / name)
    pattern = r"^\d+_(?P<label>[01])_"
    assert {label for _, label in listed(tmp_path, label_pattern=pattern).values()} == {"0", "1"}
    unusable = opened(tmp_path, label_pattern=pattern).items().unusable
    assert unusable == {"all/notes.png": f"does not match data.label_pattern {pattern!r}"}


def test_a_pattern_works_below_splits(tmp_path):
    picture(tmp_path / "train" / "a_1.png")
    picture(tmp_path / "test" / "b_1.png")
    assert listed(tmp_path, label_pattern="(?P<label>.)_") == {
        "test/b_1.png": ("test", "b"),
        "train/a_1.png": ("train", "a"),
    }


def test_a_pattern_whose_group_is_optional_gives_no_empty_label(tmp_path):
    picture(tmp_path / "a_1.png")
    picture(tmp_path / "1.png")
    assert list(listed(tmp_path, label_pattern="^(?P<label>[a-z])?")) == ["a_1.png"]


def test_a_pattern_that_never_ends_is_ended(tmp_path, monkeypatch):
    picture(tmp_path / ("a" * 200 + ".png"))
    monkeypatch.setattr(folder_module, "MATCH_SECONDS", 1)
    with pytest.raises(DataError, match=r"takes more than 1 s for 1 file names"):
        opened(tmp_path, label_pattern="(?P<label>(a+)+)!").items()


def test_names_of_any_bytes_match(tmp_path):
    name = os.fsdecode(b"x_\xff\n.png")
    picture(tmp_path / name)
    assert listed(tmp_path, label_pattern="^(?P<label>.)_") == {name: ("", "x")}


# Which files


def test_hidden_files_and_folders_are_ignored(tmp_path):
    picture(tmp_path / "cat" / "1.png")
    for name in ("cat/.2.png", "cat/._1.png", ".git/1.png", "cat/.thumbs/1.png"):
        picture(tmp_path / name)
    (tmp_path / "cat" / ".DS_Store").touch()
    (tmp_path / "cat" / "notes.txt").touch()
    assert list(listed(tmp_path)) == ["cat/1.png"]


def test_suffixes_are_known_in_any_case(tmp_path):
    picture(tmp_path / "cat" / "1.PNG")
    picture(tmp_path / "cat" / "2.JpEg")
    assert list(listed(tmp_path)) == ["cat/1.PNG", "cat/2.JpEg"]


def test_the_order_is_that_of_the_names(tmp_path):
    for name in ("b/2", "b/10", "a/Z", "a/a", "a/é", "a/sub/b"):
        picture(tmp_path / f"{name}.png")
    expected = ["a/Z", "a/a", "a/é", "a/sub/b", "b/10", "b/2"]
    assert list(listed(tmp_path)) == [f"{name}.png" for name in expected]


def test_odd_names_are_read(tmp_path):
    odd = ["new\nline", "tab\t", "quote'\"", "ünï", os.fsdecode(b"\xff\xfe")]
    for value, name in enumerate(odd):
        picture(tmp_path / "a" / f"{name}.png", value)
        picture(tmp_path / "b" / f"{name}.png", value)
    dataset = load_dataset(data(tmp_path), image_shape=(8, 8, 1))
    for examples in dataset.splits.values():
        for name, image in zip(examples.names, examples.images[:], strict=True):
            assert (image == odd.index(name[2:-4])).all()


# Links


def test_a_link_that_leads_back_is_not_followed(tmp_path):
    picture(tmp_path / "cat" / "1.png")
    (tmp_path / "cat" / "back").symlink_to(tmp_path)
    (tmp_path / "cat" / "self").symlink_to(tmp_path / "cat")
    (tmp_path / "cat" / "itself").symlink_to("itself")
    assert list(listed(tmp_path)) == ["cat/1.png"]


@pytest.fixture
def linked(tmp_path):
    """A folder with two pictures of its own, and links to others inside and outside it."""
    picture(tmp_path / "store" / "1.png")
    picture(tmp_path / "data" / "cat" / "1.png")
    picture(tmp_path / "data" / "dog" / "1.png")
    (tmp_path / "data" / "cat" / "same.png").symlink_to("1.png")
    (tmp_path / "data" / "dog" / "out.png").symlink_to(tmp_path / "store" / "1.png")
    (tmp_path / "data" / "dog" / "up.png").symlink_to("../../store/1.png")
    (tmp_path / "data" / "fox").symlink_to(tmp_path / "store")
    return tmp_path / "data"


def test_links_out_of_the_folder_are_not_followed(linked):
    items = opened(linked).items()
    assert list(items.names) == ["cat/1.png", "cat/same.png", "dog/1.png"]
    assert list(items.unusable) == ["fox", "dog/out.png", "dog/up.png"]
    assert set(items.unusable.values()) == {
        "is a link that leads out of the folder; data.follow_links=true reads it"
    }
    with pytest.raises(DataError, match="3 items of data cannot be used"):
        load_dataset(data(linked), image_shape=(8, 8, 1))
    skipped = load_dataset(data(linked, on_error="skip"), image_shape=(8, 8, 1)).skipped
    assert list(skipped) == ["fox", "dog/out.png", "dog/up.png"]


def test_links_out_of_the_folder_are_followed_if_the_configuration_says_so(linked):
    items = opened(linked, follow_links=True).items()
    assert items.label_values == ("cat", "dog", "fox")
    assert len(items.names) == 6
    assert not items.unusable


def test_a_folder_of_links_that_lead_out_says_which_key_helps(tmp_path):
    picture(tmp_path / "store" / "1.png")
    (tmp_path / "data" / "cat").mkdir(parents=True)
    (tmp_path / "data" / "cat" / "1.png").symlink_to(tmp_path / "store" / "1.png")
    with pytest.raises(DataError, match=r"cat/1\.png is a link that leads out") as refused:
        opened(tmp_path / "data")
    assert "data.follow_links=true" in str(refused.value)


def test_the_folder_itself_may_be_a_link(linked, tmp_path):
    (tmp_path / "link").symlink_to(linked)
    assert list(opened(tmp_path / "link").items().names) == list(opened(linked).items().names)


def test_the_identity_follows_links_that_lead_out(linked):
    before = opened(linked).identity
    (linked / "dog" / "up.png").unlink()
    assert opened(linked).identity != before


def test_the_bytes_of_a_file_that_is_not_an_image_are_told_to_nobody(linked, tmp_path):
    (tmp_path / "store" / "1.png").write_text("SECRET of 20 characters")
    for settings in ({}, {"follow_links": True}):
        dataset = load_dataset(data(linked, on_error="skip", **settings), image_shape=(8, 8, 1))
        assert "SECRET" not in repr((dataset.skipped, dataset.notes))


def test_two_ways_to_one_folder_are_refused(tmp_path):
    picture(tmp_path / "train" / "cat" / "1.png")
    (tmp_path / "validation").symlink_to("train")
    with pytest.raises(DataError, match=r"validation/ and train/ .* are the same folder"):
        opened(tmp_path)


# What is no file


def test_what_cannot_be_used_is_named_with_its_reason(tmp_path):
    for name in ("cat/1.png", "cat/2.png", "dog/1.png", "dog/2.png"):
        picture(tmp_path / name)
    os.mkfifo(tmp_path / "cat" / "fifo.jpg")
    (tmp_path / "cat" / "folder.jpg").mkdir()
    (tmp_path / "cat" / "gone.jpg").symlink_to("nowhere")
    (tmp_path / "cat" / "page.jpg").write_text("<html>")
    (tmp_path / "dog" / "empty.jpg").touch()
    expected = {
        "cat/fifo.jpg": "is not a regular file",
        "cat/folder.jpg": "is a directory",
        "cat/gone.jpg": "cannot be read: No such file or directory",
        "cat/page.jpg": "is not an image in a known format, but a web page or SVG",
        "dog/empty.jpg": "is empty",
    }
    dataset = load_dataset(data(tmp_path, on_error="skip"), image_shape=(8, 8, 1))
    assert dataset.skipped == expected
    assert sum(len(examples) for examples in dataset.splits.values()) == 4
    with pytest.raises(DataError) as failed:
        load_dataset(data(tmp_path), image_shape=(8, 8, 1))
    for name, reason in expected.items():
        assert f"{name} {reason}" in str(failed.value)


def test_a_file_that_vanishes_after_it_was_listed_is_named(tmp_path):
    picture(tmp_path / "cat" / "1.png")
    source = opened(tmp_path)
    (tmp_path / "cat" / "1.png").unlink()
    out = np.lib.format.open_memmap(
        tmp_path / "images.npy", mode="w+", dtype=np.uint8, shape=(1, 8, 8, 1)
    )
    fit = Fit((8, 8, 1))
    failed = source.read(source.items(), np.array([0]), out, fit, lambda done, total: None)
    assert failed == {0: "cannot be read: No such file or directory"}


# Identity


@pytest.fixture
def pets(tmp_path):
    for name in ("cat/1.png", "cat/2.png", "dog/1.png"):
        os.utime(picture(tmp_path / "pets" / name), ns=(0, 10**18))
    return tmp_path / "pets"


def test_the_same_files_have_the_same_identity(pets):
    assert opened(pets).identity == opened(pets).identity


@pytest.mark.parametrize(
    "change",
    [
        lambda pets: (pets / "cat/1.png").unlink(),
        lambda pets: picture(pets / "cat/3.png"),
        lambda pets: (pets / "cat/1.png").rename(pets / "cat/0.png"),
        lambda pets: (pets / "cat/1.png").rename(pets / "dog/2.png"),
        lambda pets: os.utime(pets / "cat/1.png", ns=(0, 10**18 + 1)),
        lambda pets: shutil.copyfile(pets / "cat/1.png", pets / "cat/2.png"),
        lambda pets: (pets / "cat").rename(pets / "cats"),
    ],
)
def test_every_change_is_noticed(pets, change):
    before = opened(pets).identity
    change(pets)
    assert opened(pets).identity != before

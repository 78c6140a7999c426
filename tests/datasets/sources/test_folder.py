from __future__ import annotations

import os
import shutil

import numpy as np
import pytest
from PIL import Image

import cnnzoo
from cnnzoo.datasets.images.fit import Fit
from cnnzoo.datasets.load import load_dataset
from cnnzoo.datasets.sources.folder import Folder
from cnnzoo.errors import ConfigError, DataError


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


# Splits by other names


def tree(root, *folders):
    """A picture of the classes cat and dog in each of these folders."""
    for folder in folders:
        for name in ("cat", "dog"):
            picture(root / folder / name / "1.png")
    return root


@pytest.mark.parametrize(
    "parts",
    [
        ("train", "evaluation"),
        ("train", "holdout"),
        ("training_set", "test_set"),
        ("seg_train", "seg_test"),
        ("Train Images", "Test Images"),
        ("train", "test1"),
        ("train2017", "val2017"),
        ("train", "valid", "tests"),
    ],
)
def test_splits_have_many_usual_names(tmp_path, parts):
    items = opened(tree(tmp_path, *parts)).items()
    assert items.label_values == ("cat", "dog")
    assert set(items.part_values) == set(parts)


@pytest.mark.parametrize(
    "parts", [("train", "extra"), ("A", "B"), ("fold1", "fold2", "fold3"), ("train", "x", "y")]
)
def test_folders_with_the_same_folders_in_each_are_refused(tmp_path, parts):
    with pytest.raises(DataError, match=r"but also|with the same folders cat, dog in each") as no:
        opened(tree(tmp_path, *parts)).items()
    assert "data.splits={train: FOLDER, test: FOLDER}" in str(no.value)


def test_the_configuration_decides_what_they_are(tmp_path):
    tree(tmp_path, "A", "B", "C")
    splits = {"train": "A", "test": "b", "validation": 0}
    source = opened(tmp_path, splits=splits)
    assert source.items().label_values == ("cat", "dog")
    assert source.items().part_values == ("A", "B", "C")
    dataset = load_dataset(data(tmp_path, splits=splits), image_shape=(8, 8, 1))
    assert dataset.splits["test"].names == ("B/cat/1.png", "B/dog/1.png")
    assert dataset.notes == (
        "splits: train is A; test is B",
        "not used: 2 of C; data.splits can name them",
    )
    as_classes = opened(tmp_path, classes=["A", "B", "C"])
    assert as_classes.items().label_values == ("A", "B", "C")
    assert as_classes.identity != source.identity


def test_the_test_split_may_be_the_validation_images(tmp_path):
    for part, count in (("train", 20), ("val", 3)):
        for name in ("cat", "dog"):
            for number in range(count):
                picture(tmp_path / part / name / f"{number}.png")
    dataset = load_dataset(data(tmp_path, splits={"test": "validation"}), image_shape=(8, 8, 1))
    assert len(dataset.splits["test"].names) == 6
    assert all(name.startswith("val/") for name in dataset.splits["test"].names)
    assert all(name.startswith("train/") for name in dataset.splits["validation"].names)
    assert dataset.notes == ("splits: test is val; validation is 0.1 of train",)


def test_a_part_unpacked_into_a_folder_of_its_name_is_one_level(tmp_path):
    tree(tmp_path, "seg_train/seg_train", "seg_test/seg_test")
    for number in range(3):
        picture(tmp_path / "seg_pred" / "seg_pred" / f"{number}.png")
    source = opened(tmp_path)
    items = source.items()
    assert items.label_values == ("cat", "dog")
    assert set(items.part_values) == {"seg_train", "seg_test"}
    assert items.unusable == {}
    assert list(source.notes) == [
        "3 images of seg_pred not used: by their name, they have no labels"
    ]


def test_a_class_may_have_the_name_of_its_part(tmp_path):
    for part in ("train", "test"):
        for name in ("car", "train"):
            picture(tmp_path / part / name / "1.png")
    assert listed(tmp_path) == {
        f"{part}/{name}/1.png": (part, name)
        for part in ("train", "test")
        for name in ("car", "train")
    }


def test_a_folder_train_in_train_is_not_both_split_and_class(tmp_path):
    tree(tmp_path, "train/train")
    items = opened(tmp_path).items()
    assert (items.label_values, items.part_values) == (("cat", "dog"), ("train",))


def test_removing_or_excluding_a_picture_moves_no_other(tmp_path):
    for name in ("cat", "dog"):
        for number in range(100):
            picture(tmp_path / "photos" / name / f"{number}.png", number)

    def splits(**settings):
        loaded = load_dataset(data(tmp_path / "photos", **settings), image_shape=(8, 8, 1))
        return {name: split for split in loaded.splits for name in loaded.splits[split].names}

    before = splits()
    excluded = [name for name in before if before[name] == "test"][:3]
    (tmp_path / "exclude.csv").write_text("name\n" + "".join(f"{name}\n" for name in excluded))
    left = {name: split for name, split in before.items() if name not in excluded}
    assert splits(exclude=str(tmp_path / "exclude.csv")) == left
    for name in excluded:
        (tmp_path / "photos" / name).unlink()
    assert splits() == left


def test_class_names_compare_in_every_form_of_unicode(tmp_path):
    picture(tmp_path / "caf\u00e9" / "1.png")
    picture(tmp_path / "cafe\u0301" / "2.png")
    picture(tmp_path / "tea" / "1.png")
    assert opened(tmp_path).items().label_values == ("caf\u00e9", "tea")
    pattern = "^(?P<label>e\u0301|x)"
    for name in ("\u00e9 1", "e\u0301 2", "x"):
        picture(tmp_path / "pattern" / f"{name}.png")
    found = listed(tmp_path / "pattern", label_pattern=pattern).values()
    assert [label for _, label in found].count("\u00e9") == 2


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


def test_a_pattern_that_is_too_deep_is_refused(tmp_path):
    deep = "(" * 3000 + "(?P<label>a)" + ")" * 3000
    with pytest.raises(ConfigError, match="too large or too deep"):
        data(tmp_path, label_pattern=deep)


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


def test_files_that_are_not_images_are_counted(tmp_path):
    tree(tmp_path, "")
    for name in ("bird/1.heic", "bird/2.HEIC", "cat/3.avif", "cat/4", "cat/Thumbs.db"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (note,) = opened(tmp_path).notes
    assert note.startswith("4 files not read as images: 2 .heic, 1 .avif, 1 no suffix (images end")
    dataset = load_dataset(data(tmp_path), image_shape=(8, 8, 1))
    assert note in dataset.notes
    assert note in load_dataset(data(tmp_path), image_shape=(8, 8, 1)).notes  # of the cache


def test_a_folder_of_other_formats_is_refused_with_their_counts(tmp_path):
    for number in range(3):
        (tmp_path / f"{number}.heic").touch()
    with pytest.raises(
        DataError, match=r"no images below it: 3 files not read as images: 3 \.heic"
    ):
        opened(tmp_path)


@pytest.mark.parametrize(
    "name",
    ["#recycle", "@eaDir", "@Recycle", "$RECYCLE.BIN", ".Trashes", "__MACOSX", "lost+found"],
)
def test_folders_of_the_system_are_not_classes(tmp_path, name):
    tree(tmp_path, "", name)
    tree(tmp_path / "cat", name)
    source = opened(tmp_path)
    assert source.items().label_values == ("cat", "dog")
    assert list(source.items().names) == ["cat/1.png", "dog/1.png"]
    assert list(source.notes) == ([] if name[0] == "." else [f"system folders not read: {name}"])


def test_pixels_of_few_bits_are_told_and_scaled_by_a_key(tmp_path):
    rng = np.random.default_rng(0)
    for name, low in (("cat", 0), ("dog", 2000)):
        (tmp_path / name).mkdir()
        for number in range(6):
            pixels = rng.integers(low, low + 2048, (8, 8)).astype(np.uint16)
            pixels[0, 0] = 4095 if name == "dog" else 0
            Image.fromarray(pixels).save(tmp_path / name / f"{number}.png")
    dark = load_dataset(data(tmp_path), image_shape=(8, 8, 1))
    assert any("no pixel is above 4095 of 65535" in note for note in dark.notes)
    assert any("data.pixel_range=4095 makes 4095 white" in note for note in dark.notes)
    bright = load_dataset(data(tmp_path, pixel_range=[0, 4095]), image_shape=(8, 8, 1))
    assert not any("black" in note for note in bright.notes)
    everything = np.concatenate([bright.splits[split].images[:] for split in bright.splits])
    assert (everything.min(), everything.max()) == (0, 255)
    with pytest.raises(
        DataError, match=r"dog/\d\.png has the pixel \d+; data\.pixel_range is 0 to 2047"
    ):
        load_dataset(data(tmp_path, pixel_range=[0, 2047]), image_shape=(8, 8, 1))


def test_colour_that_a_gray_network_drops_is_told(tmp_path):
    for name, colour in (("cat", (200, 20, 20)), ("dog", (20, 20, 200))):
        (tmp_path / name).mkdir()
        for number in range(3):
            Image.new("RGB", (8, 8), colour).save(tmp_path / name / f"{number}.png")
    told = "the images are in colour, and the network takes gray ones: colour is dropped"
    assert told in load_dataset(data(tmp_path), image_shape=(8, 8, 1)).notes
    assert told not in load_dataset(data(tmp_path), image_shape=(8, 8, 3)).notes


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

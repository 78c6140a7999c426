from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from cnnzoo.config.data import DataConfig
from cnnzoo.datasets.groups import Groups, check_groups, group_notes
from cnnzoo.datasets.load import load_dataset
from cnnzoo.errors import ConfigError, DataError

SHAPE = (8, 8, 1)


def pictures(root, subjects=12, each=3, part=""):
    """Write pictures of subjects: cat/s1_0.png and so on, each subject in both classes."""
    rng = np.random.default_rng(0)
    names = []
    for subject in range(subjects):
        for index in range(each):
            for label in ("cat", "dog"):
                name = f"{part}{label}/s{subject}_{index}.png"
                path = root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(rng.integers(0, 256, SHAPE[:2], np.uint8)).save(path)
                names.append(name)
    return names


def load(root, **settings):
    return load_dataset(DataConfig(folder=str(root), **settings), image_shape=SHAPE)


def subjects_of(examples):
    return {name.rpartition("/")[2].partition("_")[0] for name in examples.names}


@pytest.mark.parametrize("seed", range(5))
def test_the_images_of_a_subject_are_in_one_split(tmp_path, seed):
    names = pictures(tmp_path)
    dataset = load(tmp_path, group=r"(s\d+)_", seed=seed)
    found = [subjects_of(examples) for examples in dataset.splits.values()]
    assert all(found)
    assert sum(map(len, found)) == 12
    assert sorted(sum((each.names for each in dataset.splits.values()), ())) == sorted(names)
    assert "data.group: 12 groups" in dataset.notes


def test_the_cache_is_that_without_groups(tmp_path, monkeypatch):
    pictures(tmp_path)
    load(tmp_path)
    monkeypatch.setattr("cnnzoo.datasets.load._decode", None)
    assert load(tmp_path, group=r"s\d+").fingerprint != load(tmp_path).fingerprint


def test_an_image_without_a_group_is_an_error(tmp_path):
    pictures(tmp_path)
    message = r"data.group: 12 images of .* without a group, such as cat/s10_0.png, which does not"
    with pytest.raises(DataError, match=message):
        load(tmp_path, group=r"s\d_")
    with pytest.raises(DataError, match=message):
        check_groups(DataConfig(folder=str(tmp_path), group=r"s\d_"))
    check_groups(DataConfig(folder=str(tmp_path), group=r"s\d"))
    with pytest.raises(ConfigError, match="group is not a regular expression"):
        load(tmp_path, group="(s")
    with pytest.raises(ConfigError, match="group must be a text of at most 1000 letters"):
        load(tmp_path, group="s" * 1001)


def test_parts_of_the_source_that_divide_groups_are_named(tmp_path):
    pictures(tmp_path, part="train/")
    pictures(tmp_path, subjects=2, part="test/")
    notes = load(tmp_path, group=r"s\d+").notes
    assert any(
        note.startswith("warning: 2 groups in both train and test, such as s0") for note in notes
    ), notes


def test_a_class_whose_groups_are_all_held_out_is_named():
    groups = Groups(("a", "b", "c"), np.array([0, 0, 1, 1, 2]))
    labels = np.array([0, 0, 1, 1, 2], np.int32)
    splits = {"train": np.array([0, 1]), "validation": np.array([4]), "test": np.array([2, 3])}
    _, note = group_notes(groups, splits, labels, ("cat", "dog", "emu"))
    assert note.startswith("warning: 2 classes without training examples, such as dog")
    whole = {"train": np.arange(4), "validation": np.array([], int), "test": np.array([], int)}
    assert group_notes(groups, whole, labels, ("cat", "dog", "emu")) == ["data.group: 2 groups"]


def test_a_column_of_a_table_has_the_groups(tmp_path):
    names = pictures(tmp_path, subjects=10)
    rows = [f"{name},{name[:3]},{name.split('/')[1][:2]}" for name in names]
    table = tmp_path / "table.csv"
    table.write_text("\n".join(["path,label,person", *rows]) + "\n")

    def load_table(**settings):
        return load_dataset(DataConfig(csv=str(table), **settings), image_shape=SHAPE)

    splits = load_table(group="person").splits
    assert sum(len(subjects_of(examples)) for examples in splits.values()) == 10
    by_path = load_table(group=r"s\d").splits
    assert {name: each.names for name, each in splits.items()} == {
        name: each.names for name, each in by_path.items()
    }
    with pytest.raises(DataError, match="without a group, such as") as no:
        load_table(group="persons")
    assert "unless it is a column of the table: path, label, person" in str(no.value)
    table.write_text(table.read_text().replace(",s3\n", ",\n", 1))
    with pytest.raises(DataError, match=r"such as cat/s3_0.png, which has no person"):
        load_table(group="person")
    table.write_text(table.read_text().replace(",\n", ",s3\n") + "cat/s2_0.png,,s4\n../x.png,,s4\n")
    load_table(group="person", on_error="skip")  # rows without a label have no group either
    table.write_text(table.read_text() + "cat/s2_0.png,dog,s4\n")
    with pytest.raises(DataError, match=r"two values of person for cat/s2_0.png: 's2', and 's4'"):
        load_table(group="person", on_error="skip")


def test_rows_of_pixels_need_a_column(tmp_path):
    rng = np.random.default_rng(0)
    lines = ["label,person,pixels"]
    for row in range(40):
        pixels = " ".join(map(str, rng.integers(0, 256, 64)))
        lines.append(f"{row % 2},p{row // 4},{pixels}")
    table = tmp_path / "table.csv"
    table.write_text("\n".join(lines) + "\n")
    data = DataConfig(csv=str(table), group="person", splits={"test": 0.3})
    splits = load_dataset(data, image_shape=SHAPE).splits
    people = [{(int(name[4:]) - 2) // 4 for name in each.names} for each in splits.values()]
    assert sum(map(len, people)) == 10
    with pytest.raises(DataError, match=r"has no column 'persons'; did you mean 'person'\?"):
        load_dataset(DataConfig(csv=str(table), group="persons"), image_shape=SHAPE)

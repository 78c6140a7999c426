from __future__ import annotations

import pytest

from cnnzoo.config.data import DataConfig
from cnnzoo.datasets.parts import known_splits
from cnnzoo.datasets.splitting import splits_of
from cnnzoo.errors import DataError

POOL = {"train": ("",), "validation": 0.1, "test": 0.2}


@pytest.mark.parametrize(
    ("data", "splits"),
    [
        ({"name": "digits"}, POOL),
        ({"name": "digits", "splits": {"test": 0.5}}, {**POOL, "test": 0.5}),
        ({"name": "mnist"}, {"train": ("train",), "validation": 0.1, "test": ("test",)}),
        ({"tfds": "beans"}, POOL),
        ({"csv": "/nowhere.csv"}, POOL),
        (
            {"folder": "/nowhere", "splits": {"test": "validation", "validation": 0.3}},
            {"train": ("train",), "validation": 0.3, "test": ("validation",)},
        ),
        (
            {
                "csv": "/nowhere.csv",
                "splits": {"train": "Training", "test": "PublicTest", "validation": 0},
            },
            {"train": ("Training",), "validation": 0.0, "test": ("PublicTest",)},
        ),
    ],
)
def test_splits_are_known_without_reading(data, splits):
    assert known_splits(DataConfig(**data)) == splits


def test_the_parts_of_a_folder_that_is_there_are_its_folders(tmp_path):
    for part in ("Train", "val"):
        for name in ("a", "b"):
            (tmp_path / part / name).mkdir(parents=True)
            (tmp_path / part / name / "1.png").touch()
    data = DataConfig(folder=str(tmp_path))
    assert known_splits(data) == {"train": ("Train",), "validation": ("val",), "test": 0.2}
    named = DataConfig(folder=str(tmp_path), splits={"validation": 0, "test": "validation"})
    assert known_splits(named) == {"train": ("Train",), "validation": 0.0, "test": ("val",)}


def test_a_sample_has_no_parts_to_name():
    with pytest.raises(DataError, match="digits has no part 'PublicTest'"):
        known_splits(DataConfig(name="digits", splits={"test": "PublicTest"}))


def test_several_parts_may_be_one_split():
    data = DataConfig(folder="/nowhere")
    splits = splits_of(("", "train", "dev", "val", "extra"), data)
    assert splits == {"train": ("", "train"), "validation": ("dev", "val"), "test": 0.2}

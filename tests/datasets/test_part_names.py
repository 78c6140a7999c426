from __future__ import annotations

import pytest

from cnnzoo.datasets.dataset import SPLITS
from cnnzoo.datasets.part_names import (
    EVALUATION_NAMES,
    PART_NAMES,
    UNLABELLED_NAMES,
    is_part_name,
    is_unlabelled,
    meanings,
)


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train", "train"),
        ("TRAIN", "train"),
        ("training_set", "train"),
        ("seg_train", "train"),
        ("train-images", "train"),
        ("TrainSet", "train"),
        ("trainset", "train"),
        ("train2017", "train"),
        ("Training Data", "train"),
        ("", "train"),
        ("val", "validation"),
        ("val2017", "validation"),
        ("valid", "validation"),
        ("validate", "validation"),
        ("dev", "validation"),
        ("devset", "validation"),
        ("PublicTest", "validation"),
        ("PrivateTest", "test"),
        ("test1", "test"),
        ("tests", "test"),
        ("test_set", "test"),
        ("seg_test", "test"),
        ("hold-out", "test"),
        ("HoldOut", "test"),
        ("held_out", "test"),
        ("trains", None),
        ("trainee", None),
        ("contest", None),
        ("invalid", None),
        ("train_cats", None),
        ("trainA", None),
        ("set", None),
        ("7", None),
        ("cat", None),
    ],
)
def test_the_meaning_of_a_name(name, split):
    assert meanings((name,)) == {name: split}


@pytest.mark.parametrize(
    ("parts", "splits"),
    [
        (("train", "evaluation"), ("train", "test")),
        (("train", "eval", "test"), ("train", "validation", "test")),
        (("train", "eval", "val"), ("train", "test", "validation")),
        (("train", "eval", "val", "test"), ("train", None, "validation", "test")),
        (("train", "evaluate", "holdout"), ("train", "validation", "test")),
        (("0", "1", "2"), ("train", "validation", "test")),
        (("0", "2"), ("train", "test")),
        (("0", "1"), (None, None)),
        (("0", "1", "2", "3"), (None,) * 4),
        (("0", "1", "2", "train"), (None, None, None, "train")),
    ],
)
def test_some_names_mean_what_the_others_do_not(parts, splits):
    assert meanings(parts) == dict(zip(parts, splits, strict=True))


def test_every_part_name_means_a_split():
    assert set(PART_NAMES.values()) == set(SPLITS)
    assert all(name == name.lower() and name.isalpha() for name in PART_NAMES)
    names = [*PART_NAMES, *EVALUATION_NAMES, *UNLABELLED_NAMES]
    assert len(set(names)) == len(names)
    assert all(map(is_part_name, names))
    assert not is_part_name("cat")


def test_images_without_labels_are_known_by_the_name_of_their_part():
    assert is_unlabelled("seg_pred")
    assert is_unlabelled("Unlabeled")
    assert not is_unlabelled("test")

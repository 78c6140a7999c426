from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnzoo.config.data import DataConfig
from cnnzoo.datasets.folds import fold_notes, fold_pool, split_fold
from cnnzoo.datasets.groups import Groups
from cnnzoo.datasets.load import load_dataset
from cnnzoo.datasets.splitting import name_keys
from cnnzoo.errors import ConfigError, DataError

NAMES = ("a", "b", "c")


def folds_of(labels, folds, *, repeat=1, units=None, parts=None, part_values=("",), **settings):
    """The splits of each fold."""
    labels = np.array(labels, np.int32)
    parts = np.zeros(len(labels), np.int32) if parts is None else parts
    groups = None
    keys = name_keys(map(str, range(len(labels))))
    if units is not None:
        names = tuple(map(str, range(max(units) + 1)))
        groups = Groups(names, np.array(units, np.int64))
        keys = groups.keys()
    found = []
    for number in range(1, folds + 1):
        fold = {"number": number, "of": folds, "repeat": repeat}
        data = DataConfig(folder="/pictures", fold=fold, **settings)
        found.append(split_fold(labels, parts, part_values, keys, data, groups, NAMES))
    return found


@settings(max_examples=25)
@given(
    st.lists(st.integers(0, 2), min_size=60, max_size=200),
    st.integers(2, 5),
    st.integers(1, 3),
    st.sampled_from([0.0, 0.1, 0.3]),
)
def test_each_example_is_held_out_once_and_each_class_evenly(labels, folds, repeat, validation):
    labels = [*labels, *[0, 1, 2] * folds]
    found = folds_of(labels, folds, repeat=repeat, splits={"validation": validation})
    assert sorted(np.concatenate([each["test"] for each in found])) == list(range(len(labels)))
    for each in found:
        together = np.concatenate([each["train"], each["validation"], each["test"]])
        assert sorted(together) == list(range(len(labels)))
        assert (len(each["validation"]) > 0) == (validation > 0)
    counts = [np.bincount(np.array(labels)[each["test"]], minlength=3) for each in found]
    assert np.ptp(counts, axis=0).max() <= 1


@settings(max_examples=25)
@given(
    st.lists(st.tuples(st.integers(1, 4), st.integers(0, 1)), min_size=20, max_size=60),
    st.integers(2, 4),
    st.integers(1, 2),
)
def test_no_group_is_in_two_splits_and_each_example_is_held_out_once(groups, folds, repeat):
    groups = [*groups, *[(2, 0), (2, 1)] * folds]
    units = [unit for unit, (size, _) in enumerate(groups) for _ in range(size)]
    labels = [label for size, label in groups for _ in range(size)]
    found = folds_of(labels, folds, repeat=repeat, units=units)
    assert sorted(np.concatenate([each["test"] for each in found])) == list(range(len(labels)))
    for each in found:
        used = [set(np.array(units)[indices]) for indices in each.values()]
        assert len(set.union(*used)) == sum(map(len, used)) == len(groups)


def test_repeats_and_seeds_divide_differently_and_again_the_same():
    labels = [0, 1, 2] * 20

    def first(**settings):
        return folds_of(labels, 4, **settings)[0]["test"].tolist()

    different = [first(), first(repeat=2), first(seed=1)]
    assert len(set(map(tuple, different))) == 3
    assert first(repeat=2) == different[1]


def test_every_example_is_trained_on_in_some_fold():
    trained = [set(each["train"]) for each in folds_of([0, 1] * 100, 8)]
    assert set.union(*trained) == set(range(200))


def test_the_pool_is_what_is_not_a_test_part():
    values = ("train", "val", "test")
    parts = np.repeat(np.arange(3, dtype=np.int32), [60, 20, 40])
    data = DataConfig(folder="/pictures", fold={"number": 1, "of": 5})
    pool, validation = fold_pool(parts, values, data)
    assert (pool.tolist(), validation) == (list(range(80)), 0.25)
    [note] = fold_notes(values, 80, data)
    assert note == (
        "folds: the 80 images of train and val, stratified by class; one of 5 folds is the test "
        "split; test is not used"
    )
    pool, validation = fold_pool(np.zeros(10, np.int32), ("",), data)
    assert (len(pool), validation) == (10, 0.1)
    assert fold_notes(("",), 10, data) == [
        "folds: all 10 images, stratified by class; one of 5 folds is the test split; "
        "data.splits.test, 0.2 of them, is not held out"
    ]


def test_a_class_that_is_too_small_is_an_error():
    with pytest.raises(DataError, match="the class 'b' of pictures has 3 examples, too few for 4"):
        folds_of([0] * 10 + [1] * 3, 4)
    with pytest.raises(DataError, match="the class 'b' of pictures has 1 group, too few for 2"):
        folds_of([0] * 10 + [1] * 3, 2, units=[*range(10), 10, 10, 10])


def test_a_fold_must_be_one_of_them():
    with pytest.raises(ConfigError, match="must have a number of at most 5, not 6"):
        DataConfig(name="digits", fold={"number": 6, "of": 5})
    with pytest.raises(ConfigError, match="must be at least 2"):
        DataConfig(name="digits", fold={"number": 1, "of": 1})


def test_a_data_set_is_loaded_as_its_fold():
    sizes = []
    for number in (1, 2):
        data = DataConfig(name="digits", fold={"number": number, "of": 2})
        splits = load_dataset(data, image_shape=(8, 8, 1)).splits
        sizes.append(len(splits["test"]))
        assert sum(map(len, splits.values())) == 1797
    assert sizes == [899, 898]

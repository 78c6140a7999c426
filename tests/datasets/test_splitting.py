from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cnnzoo
from cnnzoo.datasets.splitting import (
    PART_NAMES,
    SPLITS,
    members_of,
    split_examples,
    stratified_split,
)
from cnnzoo.errors import DataError

labels_of = st.lists(st.integers(0, 6), min_size=1, max_size=300).map(
    lambda labels: np.array(labels, np.int32)
)
fractions_of = st.fixed_dictionaries({"test": st.floats(0, 0.5), "validation": st.floats(0, 0.4)})
seeds = st.integers(0, 2**32 - 1)
PARTS = ("", "train", "PublicTest", "dev", "test", "extra")


def sizes_of(splits):
    return {name: len(indices) for name, indices in splits.items()}


def split(part_of, part_values=(), labels=None, **settings):
    """The splits of examples that are in these parts."""
    data = cnnzoo.DataConfig(folder="/pictures", **settings)
    part_values = part_values or tuple(dict.fromkeys(part_of))
    parts = np.array([part_values.index(part) for part in part_of], np.int32)
    labels = np.zeros(len(parts), np.int32) if labels is None else labels
    return split_examples(labels, parts, part_values, data)


@given(labels_of, fractions_of, seeds)
def test_splits_are_disjoint_and_lose_nothing(labels, fractions, seed):
    splits = stratified_split(labels, fractions, seed)
    together = np.concatenate([splits[name] for name in SPLITS])
    assert sorted(together) == list(range(len(labels)))
    assert all((np.diff(indices) > 0).all() for indices in splits.values())


@given(labels_of, fractions_of, seeds)
def test_splits_have_the_size_that_was_asked_for(labels, fractions, seed):
    splits = stratified_split(labels, fractions, seed)
    for name, fraction in fractions.items():
        assert len(splits[name]) == round(fraction * len(labels))


@given(labels_of, fractions_of, seeds)
def test_every_class_has_its_share_of_every_split(labels, fractions, seed):
    splits = stratified_split(labels, fractions, seed)
    for label, count in zip(*np.unique(labels, return_counts=True), strict=True):
        for name, within in {"test": 1, "validation": 2, "train": 2}.items():
            share = len(splits[name]) / len(labels) * count
            assert abs((labels[splits[name]] == label).sum() - share) < within


def test_many_small_classes_have_their_share():
    labels = np.repeat(np.arange(40, dtype=np.int32), [1, 2, 3, 400] * 10)
    test = stratified_split(labels, {"test": 0.5}, 0)["test"]
    counts = np.bincount(labels[test], minlength=40)
    assert set(counts[2::4]) == {1, 2}
    assert set(counts[3::4]) == {200}


@given(labels_of, fractions_of, seeds)
def test_splits_are_stable_under_the_seed(labels, fractions, seed):
    first, second = (stratified_split(labels, fractions, seed) for _ in range(2))
    assert all(np.array_equal(first[name], second[name]) for name in first)


@given(labels_of, fractions_of, seeds)
def test_the_order_of_the_fractions_does_not_matter(labels, fractions, seed):
    backwards = dict(reversed(fractions.items()))
    first, second = (stratified_split(labels, f, seed) for f in (fractions, backwards))
    assert all(np.array_equal(first[name], second[name]) for name in first)


@given(labels_of, fractions_of, seeds)
def test_where_the_other_classes_are_does_not_matter_to_a_class(labels, fractions, seed):
    """Of a class, the same ones by their order are held out wherever they stand in the source."""
    grouped = np.argsort(labels, kind="stable")
    first = stratified_split(labels, fractions, seed)
    second = stratified_split(labels[grouped], fractions, seed)
    for name in first:
        assert np.array_equal(first[name], np.sort(grouped[second[name]]))


def test_another_seed_is_another_split():
    labels = np.repeat(np.arange(10, dtype=np.int32), 50)
    first, second = (stratified_split(labels, {"test": 0.2}, seed)["test"] for seed in (0, 1))
    assert not np.array_equal(first, second)


def test_balanced_classes_are_held_out_equally():
    labels = np.repeat(np.arange(10, dtype=np.int32), 500)
    splits = stratified_split(labels, {"test": 0.2, "validation": 0.1}, 0)
    assert np.bincount(labels[splits["test"]]).tolist() == [100] * 10
    assert np.bincount(labels[splits["validation"]]).tolist() == [50] * 10


def test_no_examples_are_no_examples():
    splits = stratified_split(np.empty(0, np.int32), {"test": 0.2, "validation": 0.1}, 0)
    assert sizes_of(splits) == {"test": 0, "validation": 0, "train": 0}


@given(labels_of)
def test_the_members_of_each_label_are_all_examples(labels):
    members = members_of(labels)
    assert [labels[some][0] for some in members] == sorted(set(labels.tolist()))
    assert all(len(set(labels[some])) == 1 and (np.diff(some) > 0).all() for some in members)
    assert sorted(np.concatenate(members)) == list(range(len(labels)))


def test_without_parts_a_fifth_and_a_tenth_are_held_out():
    assert sizes_of(split([""] * 100)) == {"train": 70, "validation": 10, "test": 20}


def test_the_parts_of_the_source_are_its_splits():
    splits = split(["train"] * 5 + ["PublicTest"] * 3 + ["test"] * 2)
    assert {name: indices.tolist() for name, indices in splits.items()} == {
        "train": [0, 1, 2, 3, 4],
        "validation": [5, 6, 7],
        "test": [8, 9],
    }


def test_a_part_that_the_source_does_not_have_is_held_out_of_the_training_part():
    splits = split(["train"] * 100 + ["PublicTest"] * 7)
    assert sizes_of(splits) == {"train": 80, "validation": 7, "test": 20}
    assert splits["train"].max() < 100
    assert splits["test"].max() < 100


def test_what_is_in_no_part_trains():
    assert split(["", "train", "test"])["train"].tolist() == [0, 1]


def test_a_part_of_another_name_is_in_no_split():
    splits = split(["train"] * 10 + ["extra"] * 5, splits={"validation": 0, "test": 0})
    assert sizes_of(splits) == {"train": 10, "validation": 0, "test": 0}


def test_a_part_can_serve_as_another_split():
    part_of = ["train"] * 100 + ["validation"] * 40
    splits = split(part_of, splits={"test": "validation", "validation": 0.1})
    assert sizes_of(splits) == {"train": 90, "validation": 10, "test": 40}
    assert splits["test"].min() == 100
    assert splits["validation"].max() < 100


def test_a_fraction_is_of_the_training_part_though_the_source_has_the_part():
    splits = split(["train"] * 100 + ["test"] * 40, splits={"test": 0.3, "validation": 0})
    assert sizes_of(splits) == {"train": 70, "validation": 0, "test": 30}
    assert splits["test"].max() < 100


def test_any_part_can_train():
    splits = split(["train"] * 3 + ["extra"] * 50, splits={"train": "extra"})
    assert sizes_of(splits) == {"train": 35, "validation": 5, "test": 10}
    assert all((indices >= 3).all() for indices in splits.values())


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("PublicTest", [1]),  # by its own name,
        ("publictest", [1]),  # in whatever case,
        ("dev", [2]),
        ("val", [1, 2]),  # by what it means,
        ("validation", [1, 2]),
    ],
)
def test_a_part_is_found_by_its_name_or_its_meaning(given, found):
    splits = split(["train", "PublicTest", "dev", "test"], splits={"validation": given})
    assert splits["validation"].tolist() == found


def test_an_exact_name_comes_before_its_meaning():
    splits = split(
        ["train", "dev", "Validation", "validation"], splits={"validation": "validation"}
    )
    assert splits["validation"].tolist() == [3]


def test_an_unknown_part_is_refused_with_the_known_ones():
    with pytest.raises(DataError, match=r"has no part 'tset'; did you mean 'test'\?") as failed:
        split(["", "train", "test", "extra"], splits={"test": "tset"})
    assert "its parts: train, test, extra" in str(failed.value)
    with pytest.raises(DataError, match="has no part ''"):
        split(["", "train"], splits={"test": ""})
    with pytest.raises(DataError, match="it has no parts; give a fraction"):
        split([""] * 10, splits={"test": "holdout"})


@pytest.mark.parametrize(
    "splits",
    [
        {"validation": "test", "test": "test"},
        {"test": "train"},
        {"train": "test"},
        {"train": "extra", "test": "extra"},
        {"test": "validation"},  # which is the source's own validation part
    ],
)
def test_two_splits_of_one_part_are_refused(splits):
    with pytest.raises(DataError, match="are the same part of pictures"):
        split(["train"] * 5 + ["PublicTest"] * 5 + ["test"] * 5 + ["extra"] * 5, splits=splits)


def test_a_part_without_examples_is_an_empty_split():
    assert sizes_of(split(["train"] * 10, PARTS)) == {"train": 10, "validation": 0, "test": 0}


part_lists = st.lists(st.sampled_from(PARTS), max_size=80)
split_settings = st.fixed_dictionaries(
    {},
    optional={
        "validation": st.one_of(st.floats(0, 0.5), st.sampled_from(["dev", "extra"])),
        "test": st.one_of(st.floats(0, 0.4), st.just("test")),
        "train": st.just("train"),
    },
)


@given(part_lists, split_settings, seeds)
def test_whatever_the_settings_splits_are_disjoint(part_of, splits, seed):
    found = split(part_of, PARTS, splits=splits, seed=seed)
    assert list(found) == list(SPLITS)
    together = np.concatenate(list(found.values()))
    assert len(set(together.tolist())) == len(together)
    for indices in found.values():
        assert (np.diff(indices) > 0).all()


def test_every_part_name_means_a_split():
    assert set(PART_NAMES.values()) == set(SPLITS)
    assert all(name == name.lower() for name in PART_NAMES)

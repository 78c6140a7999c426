from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import cnnzoo
from cnnzoo.datasets.dataset import SPLITS
from cnnzoo.datasets.splitting import (
    content_key,
    draw,
    hold_out,
    members_of,
    name_keys,
    positions_of,
    split_examples,
    split_notes,
)
from cnnzoo.errors import DataError

labels_of = st.lists(st.integers(0, 6), min_size=1, max_size=300).map(
    lambda labels: np.array(labels, np.int32)
)
fractions_of = st.fixed_dictionaries({"test": st.floats(0, 0.5), "validation": st.floats(0, 0.4)})
seeds = st.integers(0, 2**32 - 1)
PARTS = ("", "train", "PublicTest", "dev", "test", "extra")
FIFTH = {"test": 0.2, "validation": 0.1}


def sizes_of(splits):
    return {name: len(indices) for name, indices in splits.items()}


def keys_of(count):
    return name_keys(f"photos/{index}.png" for index in range(count))


def split(part_of, part_values=(), labels=None, **settings):
    """The splits of examples that are in these parts."""
    data = cnnzoo.DataConfig(folder="/pictures", **settings)
    part_values = part_values or tuple(dict.fromkeys(part_of))
    parts = np.array([part_values.index(part) for part in part_of], np.int32)
    labels = np.zeros(len(parts), np.int32) if labels is None else labels
    return split_examples(labels, parts, part_values, keys_of(len(parts)), data)


def notes(part_values, counts, **settings):
    return split_notes(part_values, counts, cnnzoo.DataConfig(folder="/pictures", **settings))


def held_out(labels, fractions, seed=0, keys=None):
    return hold_out(
        labels, positions_of(keys_of(len(labels)) if keys is None else keys, seed), fractions
    )


def split_of(splits, names):
    """Name → the split that it is in."""
    return {names[index]: split for split, indices in splits.items() for index in indices}


# Fractions


@given(labels_of, fractions_of, seeds)
def test_splits_are_disjoint_and_lose_nothing(labels, fractions, seed):
    splits = held_out(labels, fractions, seed)
    together = np.concatenate([splits[name] for name in SPLITS])
    assert sorted(together) == list(range(len(labels)))
    assert all((np.diff(indices) > 0).all() for indices in splits.values())


@given(st.integers(1, 4), st.integers(60, 200), seeds, st.data())
def test_removing_examples_never_moves_another(classes, count, seed, data):
    """Unless a class is so small that a split would have been without it."""
    names = [f"{index % classes}/{index // classes}.png" for index in range(classes * count)]
    labels = np.arange(len(names), dtype=np.int32) % classes
    before = split_of(held_out(labels, FIFTH, seed, name_keys(names)), names)
    gone = data.draw(st.sets(st.integers(0, len(names) - 1), min_size=1, max_size=20))
    kept = [index for index in range(len(names)) if index not in gone]
    left = [names[index] for index in kept]
    after = split_of(held_out(labels[kept], FIFTH, seed, name_keys(left)), left)
    smallest = min(
        sum(split == name and path.startswith(f"{label}/") for path, split in after.items())
        for label in range(classes)
        for name in FIFTH
    )
    moved = [name for name in left if before[name] != after[name]]
    assert not moved or smallest <= 1


def test_removing_one_of_many_leaves_every_other_where_it_was():
    names = [f"{'cat' if index % 3 else 'dog'}/{index}.jpg" for index in range(986)]
    labels = np.array([name < "d" for name in names], np.int32)
    before = split_of(held_out(labels, FIFTH, keys=name_keys(names)), names)
    for gone in range(0, 986, 29):
        left = names[:gone] + names[gone + 1 :]
        after = split_of(held_out(np.delete(labels, gone), FIFTH, keys=name_keys(left)), left)
        assert after == {name: split for name, split in before.items() if name != names[gone]}


def test_the_order_of_the_examples_does_not_matter():
    names = [f"{index}.png" for index in range(500)]
    labels = np.arange(500, dtype=np.int32) % 7
    order = np.random.default_rng(0).permutation(500)
    mixed = [names[index] for index in order]
    assert split_of(held_out(labels, FIFTH, keys=name_keys(names)), names) == split_of(
        held_out(labels[order], FIFTH, keys=name_keys(mixed)), mixed
    )


def test_one_fraction_does_not_move_the_other_split():
    labels = np.zeros(1000, np.int32)
    small, large = (held_out(labels, {"test": t, "validation": 0.1}) for t in (0.1, 0.3))
    assert np.array_equal(small["validation"], large["validation"])
    assert set(small["test"]) < set(large["test"])


@pytest.mark.parametrize("count", [1_000, 50_000])
@pytest.mark.parametrize("seed", range(3))
def test_the_sizes_are_near_the_fractions(count, seed):
    labels = np.arange(count, dtype=np.int32) % 10
    splits = held_out(labels, FIFTH, seed)
    for name, fraction in FIFTH.items():
        spread = (count * fraction * (1 - fraction)) ** 0.5
        assert abs(len(splits[name]) - fraction * count) < 4 * spread


@given(labels_of, fractions_of, seeds)
@example(np.array([0, 0, 1], np.int32), {"test": 0.25, "validation": 0.25}, 0)
@example(np.array([0, 0, 1, 1, 1], np.int32), {"test": 0.1, "validation": 0.1}, 7)
def test_no_class_with_a_share_is_missing_from_a_split(labels, fractions, seed):
    splits = held_out(labels, fractions, seed)
    shares = fractions | {"train": 1 - sum(fractions.values())}
    for label, count in zip(*np.unique(labels, return_counts=True), strict=True):
        found = {name: (labels[splits[name]] == label).sum() for name in SPLITS}
        for name in FIFTH:
            assert found[name] or shares[name] * count < 0.5 or found["train"] <= 1
        assert found["train"] or shares["train"] * count < 0.5 or count == 1


def test_small_classes_are_in_every_split():
    labels = np.repeat(np.arange(60, dtype=np.int32), 6)
    splits = held_out(labels, FIFTH)
    for name in SPLITS:
        assert set(labels[splits[name]]) == set(range(60))


@given(labels_of, fractions_of, seeds)
def test_splits_are_stable_under_the_seed(labels, fractions, seed):
    first, second = (held_out(labels, fractions, seed) for _ in range(2))
    assert all(np.array_equal(first[name], second[name]) for name in first)


@given(labels_of, fractions_of, seeds)
def test_the_order_of_the_fractions_does_not_matter(labels, fractions, seed):
    backwards = dict(reversed(fractions.items()))
    first, second = (held_out(labels, f, seed) for f in (fractions, backwards))
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_another_seed_is_another_split():
    labels = np.repeat(np.arange(10, dtype=np.int32), 50)
    first, second = (held_out(labels, {"test": 0.2}, seed)["test"] for seed in (0, 1))
    assert len(set(first) & set(second)) < len(first) / 2


def test_no_examples_are_no_examples():
    splits = held_out(np.empty(0, np.int32), FIFTH, keys=np.empty(0, np.uint64))
    assert sizes_of(splits) == {"train": 0, "validation": 0, "test": 0}


def test_keys_are_the_same_on_every_system_and_in_every_form_of_unicode():
    assert name_keys(["cat/1.png"]).tolist() == [904424096894533348]
    composed, decomposed = name_keys(["caf\u00e9/1.png", "cafe\u0301/1.png"])
    assert composed == decomposed
    assert content_key(b"pixels") == content_key(memoryview(b"pixels"))


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1), seeds)
def test_positions_are_fractions_of_one(keys, seed):
    positions = positions_of(np.array(keys, np.uint64), seed)
    assert positions.dtype == np.float64
    assert ((positions >= 0) & (positions < 1)).all()


def test_positions_are_spread_evenly():
    counts, _ = np.histogram(positions_of(keys_of(100_000), 7), bins=20, range=(0, 1))
    assert counts.min() > 4700
    assert counts.max() < 5300


# Samples of a fixed size


@given(labels_of, st.floats(0, 1), seeds)
def test_every_class_has_its_share_of_a_sample(labels, fraction, seed):
    count = round(fraction * len(labels))
    sample, rest = draw(labels, [count], positions_of(keys_of(len(labels)), seed))
    assert len(sample) == count
    assert sorted([*sample, *rest]) == list(range(len(labels)))
    for label, size in zip(*np.unique(labels, return_counts=True), strict=True):
        assert abs((labels[sample] == label).sum() - count / len(labels) * size) < 1


def test_many_small_classes_have_their_share_of_a_sample():
    labels = np.repeat(np.arange(40, dtype=np.int32), [1, 2, 3, 400] * 10)
    half, _ = draw(labels, [len(labels) // 2], positions_of(keys_of(len(labels)), 0))
    counts = np.bincount(labels[half], minlength=40)
    assert set(counts[2::4]) == {1, 2}
    assert set(counts[3::4]) == {200}


@given(labels_of)
def test_the_members_of_each_label_are_all_examples(labels):
    members = members_of(labels)
    assert [labels[some][0] for some in members] == sorted(set(labels.tolist()))
    assert all(len(set(labels[some])) == 1 and (np.diff(some) > 0).all() for some in members)
    assert sorted(np.concatenate(members)) == list(range(len(labels)))


# Parts


def test_without_parts_a_fifth_and_a_tenth_are_held_out():
    assert sizes_of(split([""] * 100)) == {"train": 70, "validation": 9, "test": 21}


def test_the_parts_of_the_source_are_its_splits():
    splits = split(["train"] * 5 + ["PublicTest"] * 3 + ["test"] * 2)
    assert {name: indices.tolist() for name, indices in splits.items()} == {
        "train": [0, 1, 2, 3, 4],
        "validation": [5, 6, 7],
        "test": [8, 9],
    }


def test_a_part_that_the_source_does_not_have_is_held_out_of_the_training_part():
    splits = split(["train"] * 100 + ["PublicTest"] * 7)
    assert sizes_of(splits) == {"train": 79, "validation": 7, "test": 21}
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
    assert sizes_of(splits) == {"train": 91, "validation": 9, "test": 40}
    assert splits["test"].min() == 100
    assert splits["validation"].max() < 100


def test_a_fraction_is_of_the_training_part_though_the_source_has_the_part():
    splits = split(["train"] * 100 + ["test"] * 40, splits={"test": 0.3, "validation": 0})
    assert sizes_of(splits) == {"train": 64, "validation": 0, "test": 36}
    assert splits["test"].max() < 100


def test_any_part_can_train():
    splits = split(["train"] * 3 + ["extra"] * 50, splits={"train": "extra"})
    assert sizes_of(splits) == {"train": 35, "validation": 7, "test": 8}
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


# Notes


@pytest.mark.parametrize(
    ("parts", "settings", "expected"),
    [
        (("",), {}, ["splits: validation is 0.1 of all images; test is 0.2 of all images"]),
        (("",), {"splits": {"validation": 0, "test": 0}}, []),
        (("train", "validation", "test"), {}, []),
        (("", "train"), {"splits": {"validation": 0, "test": 0}}, []),
        (
            ("train", "val"),
            {"splits": {"test": "validation"}},
            ["splits: test is val; validation is 0.1 of train"],
        ),
        (
            ("seg_train", "seg_test", "seg_pred"),
            {},
            [
                "splits: train is seg_train; test is seg_test; validation is 0.1 of seg_train",
                "not used: 7 of seg_pred",
            ],
        ),
        (
            ("train", "test", "validation", "extra"),
            {},
            ["not used: 7 of extra; data.splits can name them"],
        ),
    ],
)
def test_notes_tell_what_each_split_is(parts, settings, expected):
    assert notes(parts, [7] * len(parts), **settings) == expected


def test_a_validation_part_can_be_the_test_split():
    part_of = ["train"] * 200 + ["val"] * 40
    splits = split(part_of, splits={"test": "validation"})
    assert splits["test"].tolist() == list(range(200, 240))
    assert 0 < len(splits["validation"]) < 60
    assert splits["validation"].max() < 200


@pytest.mark.parametrize("parts", [("a", "b"), ("0", "1"), ("front", "back", "side")])
def test_parts_of_which_none_is_for_training_are_refused(parts):
    with pytest.raises(DataError, match="none of these names means training") as refused:
        split(list(parts))
    assert "name them in data.splits" in str(refused.value)
    splits = split(list(parts), splits={"train": parts[0], "test": parts[1], "validation": 0})
    assert sizes_of(splits) == {"train": 1, "validation": 0, "test": 1}

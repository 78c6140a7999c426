from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cnnzoo
from cnnzoo.datasets.items import make_items
from cnnzoo.datasets.selection import limited, read_exclusions, select
from cnnzoo.datasets.splitting import name_keys, positions_of
from cnnzoo.errors import DataError

CLASSES = ("bird", "cat", "cow", "dog")
labels_of = st.lists(st.sampled_from(CLASSES), min_size=4, max_size=120).filter(
    lambda labels: len(set(labels)) == len(CLASSES)
)


def data(**settings):
    return cnnzoo.DataConfig(folder="/animals", **settings)


def items_of(labels, parts=None, unusable=None):
    names = [f"{label}/{index}.png" for index, label in enumerate(labels)]
    return make_items(names, labels, parts, unusable)


def positions(count, seed=0):
    return positions_of(name_keys(map(str, range(count))), seed)


def chosen(labels, **settings):
    """(name, class name) of each item that is selected."""
    items = items_of(labels)
    selection = select(items, data(**settings))
    return [
        (items.names[index], selection.class_names[label])
        for index, label in zip(selection.indices, selection.labels, strict=True)
    ]


@given(labels_of)
def test_without_settings_everything_is_selected(labels):
    selection = select(items_of(labels), data())
    assert selection.indices.tolist() == list(range(len(labels)))
    assert selection.labels.dtype == np.int32
    assert [selection.class_names[label] for label in selection.labels] == labels


@given(labels_of, st.permutations(CLASSES), st.integers(2, 4))
def test_chosen_classes_keep_their_images(labels, order, count):
    wanted = order[:count]
    found = chosen(labels, classes=wanted)
    assert {name for _, name in found} == set(wanted)
    assert all(item.startswith(f"{name}/") for item, name in found)
    assert len(found) == sum(label in wanted for label in labels)


@given(labels_of)
def test_the_order_of_the_classes_is_that_of_the_labels(labels):
    selection = select(items_of(labels), data(classes=["dog", "cat", "bird"]))
    assert selection.class_names == ("dog", "cat", "bird")
    assert {labels[i] for i in selection.indices[selection.labels == 0]} == {"dog"}


@given(labels_of)
def test_renamed_classes_keep_their_images(labels):
    renaming = {"cow": "farm", "dog": "house", "cat": "house"}
    for item, name in chosen(labels, classes=renaming):
        assert renaming[item.split("/")[0]] == name


parts_of = st.lists(st.sampled_from(["train", "test", "extra"]), min_size=120, max_size=120)
limits, seeds = st.integers(1, 40), st.integers(0, 2**32 - 1)


@given(labels_of, parts_of, limits, seeds)
def test_a_limit_is_kept_and_used_up(labels, parts, limit, seed):
    items = items_of(labels, parts[: len(labels)])
    selection = select(items, data(limit=limit, seed=seed))
    for code, name in enumerate(selection.class_names):
        assert (selection.labels == code).sum() == min(limit, labels.count(name))
    assert (np.diff(selection.indices) > 0).all()
    assert [labels[i] for i in selection.indices] == [CLASSES[c] for c in selection.labels]
    again = select(items, data(limit=limit, seed=seed))
    assert np.array_equal(again.indices, selection.indices)


@given(labels_of, parts_of, limits, seeds)
def test_every_part_has_its_share_of_a_limit(labels, parts, limit, seed):
    codes = np.array([CLASSES.index(label) for label in labels], np.int32)
    part_codes = np.array([["train", "test", "extra"].index(p) for p in parts[: len(labels)]])
    kept = limited(codes, part_codes.astype(np.int32), limit, positions(len(codes), seed))
    for code in range(len(CLASSES)):
        count = (codes == code).sum()
        for part in range(3):
            share = min(limit / count, 1) * ((codes == code) & (part_codes == part)).sum()
            found = ((codes[kept] == code) & (part_codes[kept] == part)).sum()
            assert abs(found - share) < 1


def test_a_limit_takes_of_two_equal_parts_alike():
    labels = np.zeros(100, np.int32)
    parts = np.tile(np.array([0, 1], np.int32), 50)
    assert np.bincount(parts[limited(labels, parts, 50, positions(100))]).tolist() == [25, 25]


def test_another_seed_is_another_limit():
    labels = np.zeros(100, np.int32)
    first, second = (limited(labels, labels, 10, positions(100, seed)) for seed in (0, 1))
    assert not np.array_equal(first, second)


def test_of_nothing_nothing_is_kept():
    nothing = np.empty(0, np.int32)
    assert limited(nothing, nothing, 3, positions(0)).tolist() == []


def test_a_limit_holds_for_a_class_of_several_labels():
    labels = ["cat"] * 5 + ["dog"] * 5 + ["cow"] * 5
    joined = {"cat": "house", "dog": "house", "cow": "farm"}
    names = [name for _, name in chosen(labels, classes=joined, limit=4)]
    assert sorted(names) == ["farm"] * 4 + ["house"] * 4


@pytest.fixture
def exclusions(tmp_path):
    """Writes a file of exclusions and gives its path."""

    def write(*names, header="name,reason", mark=""):
        path = tmp_path / "exclusions.csv"
        lines = [mark + header, *(f'"{name}",blank' for name in names)]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8", errors="surrogateescape")
        return str(path)

    return write


LABELS = ["cat", "dog", "cat", "dog"]


def test_what_is_excluded_is_not_selected(exclusions):
    found = chosen(LABELS, exclude=exclusions("cat/0.png", "dog/3.png"))
    assert [name for name, _ in found] == ["dog/1.png", "cat/2.png"]


def test_a_limit_counts_what_is_left_of_a_class(exclusions):
    found = chosen(LABELS, exclude=exclusions("cat/0.png"), limit=1)
    assert ("cat/2.png", "cat") in found


def test_odd_names_can_be_excluded(exclusions):
    names = ["a,b/1.png", "é/2.png", "\udcff/3.png", "plain"]
    items = make_items(names, LABELS)
    path = exclusions(*names[:3], mark="\ufeff")  # as a spreadsheet writes it
    selection = select(items, data(exclude=path))
    assert selection.indices.tolist() == [3]


def test_an_unusable_item_that_is_excluded_is_no_obstacle(exclusions):
    unusable = {"notes.png": "is in no class folder", "more.png": "is in no class folder"}
    items = items_of(LABELS, unusable=unusable)
    assert select(items, data()).unusable == unusable
    left = select(items, data(exclude=exclusions("notes.png"))).unusable
    assert left == {"more.png": "is in no class folder"}


def test_some_names_may_be_gone(exclusions):
    assert len(chosen(LABELS, exclude=exclusions("cat/0.png", "gone.png"))) == 3


def test_no_exclusions_exclude_nothing(exclusions):
    assert len(chosen(LABELS, exclude=exclusions())) == 4


def test_exclusions_of_other_data_are_refused(exclusions):
    path = exclusions("zebra/2.png", "pictures/cat/0.png")
    with pytest.raises(DataError, match=r"animals has none of the 2 names in .*, such as 'pic"):
        chosen(LABELS, exclude=path)


def test_exclusions_that_cannot_be_read_are_refused(exclusions, tmp_path):
    with pytest.raises(DataError, match=r"missing.csv cannot be read: No such file") as failed:
        chosen(LABELS, exclude=str(tmp_path / "missing.csv"))
    assert "cnnzoo data check --write-exclusions" in str(failed.value)
    with pytest.raises(DataError, match="cannot be read: is a directory"):
        chosen(LABELS, exclude=str(tmp_path))
    with pytest.raises(DataError, match="has no column 'name'"):
        chosen(LABELS, exclude=exclusions("cat/0.png", header="path,reason"))
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(DataError, match="has no column 'name'"):
        chosen(LABELS, exclude=str(tmp_path / "empty.csv"))
    (tmp_path / "huge.csv").write_text("name\n" + "x" * 200_000)
    with pytest.raises(DataError, match="it is not a table"):
        chosen(LABELS, exclude=str(tmp_path / "huge.csv"))


def test_without_exclusions_there_are_none():
    assert read_exclusions(data()) == frozenset()

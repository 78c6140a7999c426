from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cnnzoo.datasets.splitting import stratified_split

labels_of = st.lists(st.integers(0, 6), min_size=1, max_size=300).map(
    lambda labels: np.array(labels, np.int32)
)
fractions_of = st.fixed_dictionaries({"test": st.floats(0, 0.5), "validation": st.floats(0, 0.4)})
seeds = st.integers(0, 2**32 - 1)


@given(labels_of, fractions_of, seeds)
def test_splits_are_disjoint_and_lose_nothing(labels, fractions, seed):
    splits = stratified_split(labels, fractions, seed)
    together = np.concatenate([splits[name] for name in ("train", "validation", "test")])
    assert sorted(together) == list(range(len(labels)))


@given(labels_of, fractions_of, seeds)
def test_splits_have_the_size_that_was_asked_for(labels, fractions, seed):
    splits = stratified_split(labels, fractions, seed)
    for name, fraction in fractions.items():
        assert len(splits[name]) == round(fraction * len(labels))


@given(labels_of, fractions_of, seeds)
def test_every_class_has_its_share_of_every_split(labels, fractions, seed):
    splits = stratified_split(labels, fractions, seed)
    for label, count in zip(*np.unique(labels, return_counts=True), strict=True):
        for name in ("test", "validation"):
            share = len(splits[name]) / len(labels) * count
            assert abs((labels[splits[name]] == label).sum() - share) < 2


@given(labels_of, fractions_of, seeds)
def test_splits_are_stable_under_the_seed(labels, fractions, seed):
    first, second = (stratified_split(labels, fractions, seed) for _ in range(2))
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_another_seed_is_another_split():
    labels = np.repeat(np.arange(10, dtype=np.int32), 50)
    first, second = (stratified_split(labels, {"test": 0.2}, seed)["test"] for seed in (0, 1))
    assert not np.array_equal(first, second)


def test_balanced_classes_are_held_out_equally():
    labels = np.repeat(np.arange(10, dtype=np.int32), 500)
    splits = stratified_split(labels, {"test": 0.2, "validation": 0.1}, 0)
    assert np.bincount(labels[splits["test"]]).tolist() == [100] * 10
    assert np.bincount(labels[splits["validation"]]).tolist() == [50] * 10

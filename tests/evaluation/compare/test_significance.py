from __future__ import annotations

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnzoo.evaluation.compare.significance import (
    holm,
    mcnemar,
    paired_interval,
    unpaired_interval,
    welch,
)

P_VALUES = st.lists(st.floats(0, 1), max_size=8)


@given(st.integers(0, 200), st.integers(0, 200))
def test_mcnemar_is_twice_the_smaller_tail_of_a_fair_coin(lost, gained):
    tosses = lost + gained
    tail = sum(comb(tosses, heads) for heads in range(min(lost, gained) + 1)) / 2**tosses
    assert mcnemar(lost, gained) == pytest.approx(min(1.0, 2 * tail))


@pytest.mark.parametrize(
    ("lost", "gained", "p"), [(0, 9, 2 * 0.5**9), (2, 10, 79 / 2048), (6, 6, 1.0), (0, 0, 1.0)]
)
def test_mcnemar_by_hand(lost, gained, p):
    assert mcnemar(lost, gained) == pytest.approx(p)


def test_equal_classifiers_are_told_apart_in_one_of_twenty_cases():
    rng = np.random.default_rng(0)
    right = rng.random((2, 2000, 500)) < 0.8  # two classifiers, equally good
    lost, gained = (right[0] & ~right[1]).sum(axis=1), (~right[0] & right[1]).sum(axis=1)
    p_values = [mcnemar(*pair) for pair in np.stack([lost, gained], axis=1).tolist()]
    rate = np.mean(np.array(p_values) < 0.05)
    assert 0.035 <= rate <= 0.055  # an exact test is never above, and just below
    differences = right[1, :300].astype(float) - right[0, :300]
    intervals = np.array([paired_interval(row) for row in differences])
    missed = ((intervals[:, 0] > 0) | (intervals[:, 1] < 0)).mean()
    assert missed == pytest.approx(0.05, abs=0.03)


def test_the_pairing_narrows_the_interval_of_what_is_right_together():
    rng = np.random.default_rng(0)
    one = (rng.random(1000) < 0.8).astype(float)
    other = np.where(rng.random(1000) < 0.05, 1 - one, one)
    low, high = paired_interval(other - one)
    wide_low, wide_high = unpaired_interval(one, other)
    assert wide_low < low <= (other - one).mean() <= high < wide_high
    assert (high - low) / (wide_high - wide_low) == pytest.approx(
        np.std(other - one) / np.hypot(np.std(one), np.std(other)), rel=0.05
    )
    assert paired_interval(other - one) == (low, high)  # seeded
    assert paired_interval(one - other) == pytest.approx((-high, -low), abs=2e-3)


def test_without_a_difference_there_is_no_interval():
    assert paired_interval(np.zeros(10)) == (None, None)


def test_welch_by_hand():
    # Of means 2 and 4 and variances 1 and 4: t = 2 / sqrt(1/3 + 4/3) at 2.94 degrees of freedom.
    assert welch([1, 2, 3], [2, 4, 6]) == pytest.approx(0.2208, abs=1e-3)
    assert welch([1, 1], [1, 1]) is None
    assert welch([1], [1, 2]) is None


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.01, 0.02, 0.03, 0.04]) == pytest.approx([0.04, 0.06, 0.06, 0.06])
    assert holm([]) == []


@given(P_VALUES)
def test_holm_keeps_the_order_and_is_between_none_and_bonferroni(values):
    adjusted = holm(values)
    for value, now in zip(values, adjusted, strict=True):
        assert value <= now <= min(1.0, value * len(values)) + 1e-12
    in_order = [now for _, now in sorted(zip(values, adjusted, strict=True))]
    assert in_order == sorted(adjusted)


def test_a_family_of_equal_classifiers_has_one_told_apart_in_one_of_twenty_cases():
    rng = np.random.default_rng(1)
    families = rng.random((4000, 5))
    rate = np.mean([min(holm(family)) < 0.05 for family in families.tolist()])
    assert rate == pytest.approx(0.05, abs=0.01)

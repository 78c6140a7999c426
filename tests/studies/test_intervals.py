from __future__ import annotations

import pytest

from cnnzoo.studies.intervals import mean_interval


def test_the_interval_of_independent_values_is_students():
    low, high = mean_interval([0.9, 0.92, 0.94]) or (0, 0)
    assert (low, high) == pytest.approx(
        (0.92 - 4.302653 * 0.02 / 3**0.5, 0.92 + 0.0496828), abs=1e-6
    )
    assert mean_interval([0.9]) is None


def test_the_variance_of_folds_is_corrected_for_their_overlap():
    # By hand: the mean is 0.8, the variance (0.0016 + 0.0004 + 0.0004 + 0.0016) / 4 = 0.001, and
    # with 5 folds the factor is 1/5 + 1/4 = 0.45; t(0.975, 4) = 2.776445.
    low, high = mean_interval([0.76, 0.78, 0.80, 0.82, 0.84], 1 / 4) or (0, 0)
    half = 2.776445 * (0.001 * 0.45) ** 0.5
    assert (low, high) == pytest.approx((0.8 - half, 0.8 + half), abs=1e-6)
    assert half == pytest.approx(0.0588973, abs=1e-6)

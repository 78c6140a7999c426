"""Significance of the difference in accuracy of two classifiers.

Classifiers on the same examples are compared example by example; examples that both classify
correctly do not tell which is better. Dietterich (1998), "Approximate statistical tests for
comparing supervised classification learning algorithms", recommends McNemar's test if each was
trained once. It and the bootstrap over examples do not account for other seeds; with several seeds,
Welch's test compares their accuracies.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cnnzoo.evaluation.intervals import SEED, Interval, percentiles

RESAMPLES = 10_000

Floats = NDArray[np.float64]


def mcnemar(lost: int, gained: int) -> float:
    """Return the exact two-sided p-value of McNemar's test (1947).

    `lost` counts examples that only the first of two classifiers classifies correctly, `gained`
    those that only the second does: heads and tails of a fair coin if neither is better.
    """
    if not lost + gained:
        return 1.0
    from scipy import stats

    return float(stats.binomtest(lost, lost + gained, 0.5).pvalue)


def welch(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Return the two-sided p-value of Welch's test (1947) of equal means.

    Returns None if one of them has fewer than two values, or if none of them varies.
    """
    if min(len(one), len(other)) < 2 or not (np.ptp(one) or np.ptp(other)):
        return None
    from scipy import stats

    return float(stats.ttest_ind(one, other, equal_var=False).pvalue)


def paired_interval(differences: Floats) -> Interval:
    """Return the 95 % percentile bootstrap interval of the mean of differences [n].

    It is unknown if all differences are equal.
    """
    return percentiles(_resampled_means(differences, np.random.default_rng(SEED)))


def unpaired_interval(one: Floats, other: Floats) -> Interval:
    """Return the same for the mean of `other` minus that of `one`, for different examples."""
    rng = np.random.default_rng(SEED)
    return percentiles(_resampled_means(other, rng) - _resampled_means(one, rng))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust several p-values by Holm's method (1979).

    If nothing differs, at most 5 % of such families have one below 0.05.
    """
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def _resampled_means(values: Floats, rng: np.random.Generator) -> Floats:
    """Return the means of resampled values.

    There are few distinct values, so their counts are drawn from a multinomial distribution.
    """
    different, counts = np.unique(values, return_counts=True)
    drawn = rng.multinomial(len(values), counts / len(values), RESAMPLES)
    means: Floats = drawn @ different / len(values)
    return means

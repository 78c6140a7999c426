"""Whether one classifier is more accurate than another, or only luckier.

Two classifiers that saw the same examples are compared example by example: how often both are right
says nothing of which is better. Dietterich (1998), "Approximate statistical tests for comparing
supervised classification learning algorithms", recommends McNemar's test where each was trained
once. It, and the bootstrap over examples, know nothing of other seeds; where several were trained,
Welch's test compares their accuracies.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from cnnzoo.evaluation.intervals import SEED, Interval, percentiles

RESAMPLES = 10_000

Floats = NDArray[np.float64]


def mcnemar(lost: int, gained: int) -> float:
    """The two-sided p-value of McNemar's test (1947), exact.

    Of the examples on which only one of two classifiers is right, so many were `lost` by the second
    and `gained` by it: if neither is better, as heads and tails of a coin.
    """
    if not lost + gained:
        return 1.0
    return float(stats.binomtest(lost, lost + gained, 0.5).pvalue)


def welch(one: Sequence[float], other: Sequence[float]) -> float | None:
    """The two-sided p-value of Welch's test (1947) of equal means.

    None where one of them has fewer than two values, or none of them varies.
    """
    if min(len(one), len(other)) < 2 or not (np.ptp(one) or np.ptp(other)):
        return None
    return float(stats.ttest_ind(one, other, equal_var=False).pvalue)


def paired_interval(differences: Floats) -> Interval:
    """The 95 % percentile bootstrap interval of the mean of differences [n], one an example.

    Unknown where they are all equal.
    """
    return percentiles(_resampled_means(differences, np.random.default_rng(SEED)))


def unpaired_interval(one: Floats, other: Floats) -> Interval:
    """The same of the mean of `other` less that of `one`, values of different examples."""
    rng = np.random.default_rng(SEED)
    return percentiles(_resampled_means(other, rng) - _resampled_means(one, rng))


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values adjusted for there being several of them, after Holm (1979).

    At most 5 % of all such families have one below 0.05 where nothing differs.
    """
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def _resampled_means(values: Floats, rng: np.random.Generator) -> Floats:
    """The means of values drawn anew, with replacement.

    They are few different ones, so how often each is drawn is: from a multinomial distribution.
    """
    different, counts = np.unique(values, return_counts=True)
    drawn = rng.multinomial(len(values), counts / len(values), RESAMPLES)
    means: Floats = drawn @ different / len(values)
    return means

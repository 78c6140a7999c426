"""The interval of a mean over a few trainings."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, variance

LEVEL = 0.95


def mean_interval(values: Sequence[float], test_share: float = 0.0) -> tuple[float, float] | None:
    """Return Student's 95 % interval of the mean of n values; None for one value.

    The values of folds are not independent, because their training examples overlap. `test_share`
    is then the number of examples in a fold divided by the number outside it, and the variance of
    the mean is (1/n + test_share) times that of the values: the corrected resampled t-test of
    Nadeau and Bengio, "Inference for the Generalization Error" (Machine Learning 52, 2003), for
    repeats as by Bouckaert and Frank, "Evaluating the Replicability of Significance Tests for
    Comparing Learning Algorithms" (PAKDD 2004).
    """
    count = len(values)
    if count < 2:
        return None
    from scipy.stats import t

    deviation = (variance(values) * (1 / count + test_share)) ** 0.5
    half = float(t.ppf((1 + LEVEL) / 2, count - 1)) * deviation
    return fmean(values) - half, fmean(values) + half

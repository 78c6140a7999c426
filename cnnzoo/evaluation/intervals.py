"""95 % intervals of metrics: Wilson's for proportions, the percentile bootstrap for the others.

The bootstrap (Efron and Tibshirani, 1993, chapter 13) resamples the examples with replacement. It
has no spread if no example is wrong, so its intervals of a proportion near 0 or 1 contain the true
value far too rarely; Wilson's (1927) do not. Everything is seeded: equal predictions give equal
intervals.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import isclose, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnzoo.evaluation.confusion import Confusion

LEVEL = 0.95
RESAMPLES = 1000
SEED = 0

Floats = NDArray[np.float64]
Interval = tuple[float | None, float | None]
# The number of times that each example was drawn [resamples, n] → each metric [resamples].
Compute = Callable[[Floats], Mapping[str, Floats]]

UNKNOWN: Interval = (None, None)
_QUANTILE = 1.959963984540054  # of the normal distribution, at 0.975
_BLOCK = 2**21  # values in memory at once


@dataclass(frozen=True, slots=True)
class Counts:
    """Sums of one or many confusion matrices, from which most metrics are computed.

    `hits` is the diagonal, `truth` the sums of the rows and `predicted` those of the columns, each
    float64 [..., classes].
    """

    hits: Floats
    truth: Floats
    predicted: Floats

    @classmethod
    def of(cls, confusion: Confusion) -> Counts:
        """Return the counts of one matrix."""
        parts = (confusion.hits(), confusion.support(), confusion.predictions())
        return cls(*(part.astype(np.float64) for part in parts))


def metric_value(value: float | None, interval: Interval = UNKNOWN) -> dict[str, Any]:
    """Return a metric as `metrics.json` holds it."""
    low, high = interval
    return {"value": value, "low": low, "high": high}


def proportion(right: NDArray[np.bool_]) -> dict[str, Any]:
    """Return the share of correct examples as a metric; without examples null, with the reason."""
    if not len(right):
        return metric_value(None) | {"why": "there are no examples of that class"}
    return metric_value(float(right.mean()), wilson(int(right.sum()), len(right)))


def wilson(successes: int, trials: int) -> Interval:
    """Return Wilson's score interval of a proportion; unknown without trials."""
    if not trials:
        return UNKNOWN
    share, weight = successes / trials, _QUANTILE**2 / trials
    middle = share + weight / 2
    half = sqrt(weight * (share * (1 - share) + weight / 4))
    return (
        max(0.0, (middle - half) / (1 + weight)) if successes else 0.0,
        min(1.0, (middle + half) / (1 + weight)) if successes < trials else 1.0,
    )


def percentiles(values: Floats) -> Interval:
    """Return the middle 95 % of resampled values; unknown if they have no spread."""
    known = values[np.isfinite(values)]
    if len(known) < 2:
        return UNKNOWN
    low, high = map(float, np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]))
    # Sums of the same numbers in another order differ by rounding, which is not spread.
    return UNKNOWN if isclose(low, high, rel_tol=1e-12, abs_tol=1e-15) else (low, high)


def confusion_intervals(
    confusion: Confusion, metrics: Mapping[str, Callable[[Counts], Any]]
) -> dict[str, Interval]:
    """Return the interval of each metric that is a function of the counts of a matrix."""
    rng = np.random.default_rng(SEED)
    blocks = [
        {name: compute(counts) for name, compute in metrics.items()}
        for counts in resampled_counts(confusion, RESAMPLES, rng)
    ]
    return {
        name: percentiles(np.concatenate([block[name] for block in blocks])) for name in metrics
    }


def resampled_counts(
    confusion: Confusion, resamples: int, rng: np.random.Generator
) -> Iterator[Counts]:
    """Yield the counts of resampled matrices, one block at a time, each [block, classes].

    Resampling examples is the same as drawing the non-empty cells from a multinomial distribution,
    whose cost does not depend on the number of examples.
    """
    rows, columns, cells = confusion.rows, confusion.columns, confusion.counts
    total, classes = int(cells.sum()), confusion.classes
    right = np.flatnonzero(rows == columns)
    by_column = np.argsort(columns, kind="stable")
    for size in _sizes(resamples, max(len(cells), classes)):
        drawn = rng.multinomial(total, cells / total, size).astype(np.float64)
        hits = np.zeros((size, classes))
        hits[:, rows[right]] = drawn[:, right]
        yield Counts(
            hits,
            _summed(drawn, rows, classes),
            _summed(drawn[:, by_column], columns[by_column], classes),
        )


def _summed(drawn: Floats, codes: NDArray[np.int64], classes: int) -> Floats:
    """Return the sums of the columns of each code, which are sorted: [block, classes]."""
    starts = np.flatnonzero(np.diff(codes, prepend=-1))
    sums = np.zeros((len(drawn), classes))
    sums[:, codes[starts]] = np.add.reduceat(drawn, starts, axis=1)
    return sums


def example_intervals(count: int, compute: Compute) -> dict[str, Interval]:
    """Return the intervals of metrics that need the examples themselves, `count` of them."""
    rng = np.random.default_rng(SEED)

    def blocks() -> Iterator[Mapping[str, Floats]]:
        for size in _sizes(RESAMPLES, count):
            drawn = rng.integers(0, count, (size, count)) + np.arange(size)[:, None] * count
            times = np.bincount(drawn.ravel(), minlength=size * count).reshape(size, count)
            yield compute(times.astype(np.float64))

    return _percentiles_of(blocks())


def _percentiles_of(blocks: Iterable[Mapping[str, Floats]]) -> dict[str, Interval]:
    parts = list(blocks)
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return {name: percentiles(values) for name, values in joined.items()}


def _sizes(resamples: int, width: int) -> Iterator[int]:
    """Yield the sizes of blocks of resamples, bounded by memory."""
    block = max(1, _BLOCK // max(1, width))
    return (min(block, resamples - start) for start in range(0, resamples, block))

"""95 % intervals of figures: Wilson's for proportions, the percentile bootstrap for the others.

The bootstrap (Efron and Tibshirani, 1993, chapter 13) draws the examples anew, with replacement. It
has no spread where no example is wrong, and so its intervals of a proportion near 0 or 1 hold the
truth far too seldom; Wilson's (1927) do not. Everything is seeded: equal predictions, equal
intervals.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import isclose, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.95
RESAMPLES = 1000
SEED = 0

Floats = NDArray[np.float64]
Interval = tuple[float | None, float | None]
# How often each example was drawn [resamples, n] → the values of each figure [resamples].
Compute = Callable[[Floats], Mapping[str, Floats]]

UNKNOWN: Interval = (None, None)
_QUANTILE = 1.959963984540054  # of the normal distribution, at 0.975
_BLOCK = 2**21  # values that are in memory at once


@dataclass(frozen=True, slots=True)
class Counts:
    """Of one or many confusion matrices, along the last axis: what most figures are made of.

    `hits` are the diagonal, `truth` the sums of the rows and `predicted` those of the columns,
    each float64 [..., classes].
    """

    hits: Floats
    truth: Floats
    predicted: Floats

    @classmethod
    def of(cls, confusion: NDArray[np.int64]) -> Counts:
        """The counts of one matrix [classes, classes]; rows are the truth."""
        parts = (confusion.diagonal(), confusion.sum(axis=1), confusion.sum(axis=0))
        return cls(*(part.astype(np.float64) for part in parts))


def figure(value: float | None, interval: Interval = UNKNOWN) -> dict[str, Any]:
    """A figure as `metrics.json` holds it."""
    low, high = interval
    return {"value": value, "low": low, "high": high}


def proportion(right: NDArray[np.bool_]) -> dict[str, Any]:
    """The share of examples that are right, as a figure; of no example null, with the reason."""
    if not len(right):
        return figure(None) | {"why": "no example is of that class"}
    return figure(float(right.mean()), wilson(int(right.sum()), len(right)))


def wilson(successes: int, trials: int) -> Interval:
    """Wilson's score interval of a proportion; unknown where nothing was tried."""
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
    """The middle 95 % of resampled values; unknown where they have no spread."""
    known = values[np.isfinite(values)]
    if len(known) < 2:
        return UNKNOWN
    low, high = map(float, np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]))
    # Sums of the same numbers in another order differ by a rounding, which is no spread.
    return UNKNOWN if isclose(low, high, rel_tol=1e-12, abs_tol=1e-15) else (low, high)


def confusion_intervals(
    confusion: NDArray[np.int64], figures: Mapping[str, Callable[[Counts], Any]]
) -> dict[str, Interval]:
    """The interval of each figure that is a function of the counts of a confusion matrix."""
    rng = np.random.default_rng(SEED)
    blocks = [
        {name: compute(counts) for name, compute in figures.items()}
        for counts in resampled_counts(confusion, RESAMPLES, rng)
    ]
    return {
        name: percentiles(np.concatenate([block[name] for block in blocks])) for name in figures
    }


def resampled_counts(
    confusion: NDArray[np.int64], resamples: int, rng: np.random.Generator
) -> Iterator[Counts]:
    """The counts of resampled matrices, a block at a time, each [block, classes].

    To draw examples anew is to draw the cells that are not empty from a multinomial distribution;
    it costs nothing more where there are more examples.
    """
    rows, columns = np.nonzero(confusion)
    cells = confusion[rows, columns]
    total, classes = int(cells.sum()), len(confusion)
    right = np.flatnonzero(rows == columns)
    by_column = np.argsort(columns, kind="stable")
    for size in _sizes(resamples, len(cells)):
        drawn = rng.multinomial(total, cells / total, size).astype(np.float64)
        hits = np.zeros((size, classes))
        hits[:, rows[right]] = drawn[:, right]
        yield Counts(
            hits,
            _summed(drawn, rows, classes),
            _summed(drawn[:, by_column], columns[by_column], classes),
        )


def _summed(drawn: Floats, codes: NDArray[np.intp], classes: int) -> Floats:
    """The sums of the columns of each code, which are sorted: [block, classes]."""
    starts = np.flatnonzero(np.diff(codes, prepend=-1))
    sums = np.zeros((len(drawn), classes))
    sums[:, codes[starts]] = np.add.reduceat(drawn, starts, axis=1)
    return sums


def example_intervals(count: int, compute: Compute) -> dict[str, Interval]:
    """The intervals of figures that need the examples themselves, `count` of them."""
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
    """So many resamples in blocks of a bounded size."""
    block = max(1, _BLOCK // max(1, width))
    return (min(block, resamples - start) for start in range(0, resamples, block))

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnzoo.evaluation.calibration import losses
from cnnzoo.evaluation.confusion import Confusion
from cnnzoo.evaluation.intervals import (
    RESAMPLES,
    Counts,
    confusion_intervals,
    example_intervals,
    percentiles,
    resampled_counts,
    wilson,
)
from cnnzoo.evaluation.metrics import CONFUSION_METRICS

DRAWS = 1000

# Of a classifier of three uneven classes that is right in 85 % of the cases.
POPULATION = np.array([[0.42, 0.05, 0.03], [0.02, 0.26, 0.02], [0.02, 0.01, 0.17]])


def coverage(intervals, truth):
    low, high = np.array(intervals, float).T
    return ((low <= truth) & (truth <= high)).mean()


@pytest.mark.parametrize("name", ["macro_f1", "matthews_correlation"])
def test_95_percent_of_the_intervals_hold_the_truth(name):
    compute = {name: CONFUSION_METRICS[name]}
    truth = float(
        CONFUSION_METRICS[name](Counts.of(Confusion.from_matrix(np.rint(100 * POPULATION))))
    )
    rng = np.random.default_rng(0)
    drawn = rng.multinomial(400, POPULATION.ravel(), DRAWS).reshape(-1, 3, 3)
    matrices = map(Confusion.from_matrix, drawn)
    intervals = [confusion_intervals(confusion, compute)[name] for confusion in matrices]
    assert coverage(intervals, truth) == pytest.approx(0.95, abs=0.02)


def test_95_percent_of_the_intervals_of_a_proportion_hold_the_truth():
    rng = np.random.default_rng(0)
    shares, counts = rng.uniform(0.9, 0.998, DRAWS), rng.integers(100, 1000, DRAWS)
    drawn = zip(rng.binomial(counts, shares).tolist(), counts.tolist(), strict=True)
    intervals = [wilson(right, count) for right, count in drawn]
    assert coverage(intervals, shares) == pytest.approx(0.95, abs=0.02)


def test_95_percent_of_the_intervals_of_a_mean_hold_the_truth():
    rng = np.random.default_rng(1)
    right = rng.beta(4, 1, (DRAWS, 400)).astype(np.float32)  # E[-ln p] of Beta(4, 1) is 1/4
    values = [
        losses(np.stack([row, 1 - row], axis=1), np.zeros(len(row), np.int32)) for row in right
    ]
    found = example_intervals(
        400, lambda weights: {str(draw): weights @ row / 400 for draw, row in enumerate(values)}
    )
    intervals = list(found.values())
    assert coverage(intervals, 0.25) == pytest.approx(0.95, abs=0.02)


@given(st.integers(1, 5000), st.data())
def test_a_wilson_interval_is_where_the_score_test_stops(trials, data):
    successes = data.draw(st.integers(0, trials))
    low, high = wilson(successes, trials)
    assert 0 <= low <= successes / trials <= high <= 1
    for end in {low, high} - {0.0, 1.0}:
        deviation = abs(successes / trials - end) / np.sqrt(end * (1 - end) / trials)
        assert deviation == pytest.approx(1.959964, rel=1e-4)


def test_nothing_tried_and_nothing_varied_have_no_interval():
    assert wilson(0, 0) == (None, None)
    assert percentiles(np.full(9, 0.5)) == (None, None)
    assert percentiles(np.array([np.nan, 0.5])) == (None, None)


def test_resampled_counts_are_of_as_many_examples_as_there_are():
    confusion = np.random.default_rng(0).integers(0, 3, (90, 90))
    blocks = list(
        resampled_counts(Confusion.from_matrix(confusion), 1500, np.random.default_rng(0))
    )
    assert len(blocks) > 1  # bounded memory
    hits = np.concatenate([block.hits for block in blocks])
    assert len(hits) == 1500
    assert all((block.truth.sum(axis=1) == confusion.sum()).all() for block in blocks)
    assert all((block.predicted.sum(axis=1) == confusion.sum()).all() for block in blocks)
    assert hits.mean(axis=0) == pytest.approx(confusion.diagonal(), abs=0.3)


def test_every_example_is_drawn_as_often_as_another():
    seen = []
    example_intervals(50, lambda weights: seen.append(weights) or {"first": weights[:, 0]})
    weights = np.concatenate(seen)
    assert weights.shape == (RESAMPLES, 50)
    assert (weights.sum(axis=1) == 50).all()
    assert weights.mean(axis=0) == pytest.approx(np.ones(50), abs=0.15)

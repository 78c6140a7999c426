from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnzoo.evaluation.calibration import (
    at_temperature,
    calibration_error,
    fit_temperature,
    losses,
    reliability,
    temperature_report,
)
from cnnzoo.evaluation.predictions import Predictions


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def draw(rng, probabilities):
    """Labels that the probabilities tell the truth about."""
    sums = probabilities.cumsum(axis=1) / probabilities.sum(axis=1, keepdims=True)
    return (rng.random((len(sums), 1)) > sums).sum(axis=1).astype(np.int32)


@given(st.integers(1, 80), st.integers(2, 6), st.integers(0, 2**32 - 1))
def test_the_error_is_that_of_guo_et_al(count, classes, seed):
    """Equation 5 as it is written, with the bins ((m - 1) / M, m / M]."""
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.full(classes, 0.3), count).astype(np.float32)
    probabilities[: count // 3] = np.eye(classes, dtype=np.float32)[0]  # certain, at the edge
    labels = rng.integers(0, classes, count).astype(np.int32)
    error = 0.0
    for m in range(1, 16):
        rows = [
            (float(row.max()), row.argmax() == label)
            for row, label in zip(probabilities, labels, strict=True)
            if (m - 1) / 15 < row.max() <= m / 15
        ]
        if rows:
            confidence, accuracy = np.mean(rows, axis=0)
            error += len(rows) / count * abs(accuracy - confidence)
    bins = reliability(probabilities, labels)
    assert calibration_error(bins) == pytest.approx(error, abs=1e-9)
    assert sum(each["count"] for each in bins) == count


def test_a_sum_a_little_above_one_is_in_the_last_bin():
    certain = np.array([[0.0, np.nextafter(np.float32(1), np.float32(2))]], np.float32)
    last = reliability(certain, np.array([1], np.int32))[-1]
    assert (last["count"], last["accuracy"]) == (1, 1)


@pytest.mark.parametrize("planted", [0.4, 1.0, 2.5])
def test_a_planted_temperature_is_found_and_calibrates(planted):
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 1.5, (20_000, 4))
    labels = draw(rng, softmax(logits / planted))
    probabilities = softmax(logits).astype(np.float32)
    half = slice(None, None, 2), slice(1, None, 2)
    validation, test = (
        Predictions((), labels[rows], probabilities[rows], tuple("abcd")) for rows in half
    )
    report = temperature_report(validation, test)
    assert report["value"] == pytest.approx(planted, rel=0.05)
    assert report["after"]["ece"] < 0.02
    if planted != 1:
        assert all(report["after"][name] < report["before"][name] for name in report["before"])


@given(st.integers(0, 2**32 - 1))
def test_no_other_temperature_has_a_smaller_loss(seed):
    rng = np.random.default_rng(seed)
    probabilities = softmax(rng.normal(0, 1, (60, 3))).astype(np.float32)
    labels = draw(rng, probabilities)
    temperature = fit_temperature(probabilities, labels)
    if temperature is None:  # worse than chance, by chance
        return
    best = losses(at_temperature(probabilities, temperature), labels).mean()
    for factor in (0.9, 0.99, 1.01, 1.1):
        other = at_temperature(probabilities, temperature * factor)
        assert losses(other, labels).mean() >= best - 1e-6


def test_a_temperature_changes_no_decision_and_one_changes_nothing():
    probabilities = np.random.default_rng(0).dirichlet(np.ones(5), 99).astype(np.float32)
    scaled = at_temperature(probabilities, 3.0)
    assert (scaled.argmax(axis=1) == probabilities.argmax(axis=1)).all()
    assert at_temperature(probabilities, 1.0) == pytest.approx(probabilities, abs=1e-6)


def test_where_everything_is_right_no_temperature_is_best():
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8]], np.float32)
    right = Predictions(("a", "b"), np.array([0, 1], np.int32), probabilities, ("x", "y"))
    assert temperature_report(right, right)["value"] is None
    assert "no minimum" in temperature_report(right, right)["why"]

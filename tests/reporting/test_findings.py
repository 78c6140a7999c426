from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnzoo.config.loader import load_config
from cnnzoo.evaluation.metrics import measure_predictions
from cnnzoo.reporting.findings import calibrated, confused, overfitting, percent, weakest


def measured(pairs: list[tuple[int, int]], names: tuple[str, ...], sure: float = 0.9):
    """What is measured of these truths and predictions, each said with one probability."""
    probabilities = np.full((len(pairs), len(names)), (1 - sure) / (len(names) - 1), np.float32)
    for row, (_, predicted) in enumerate(pairs):
        probabilities[row, predicted] = sure
    labels = np.array([truth for truth, _ in pairs], np.int32)
    return {"split": "test", **measure_predictions(probabilities, labels, names)}


def epochs(*rows: tuple[float, float, float, float]) -> list[dict[str, float]]:
    keys = ("accuracy", "val_accuracy", "loss", "val_loss")
    return [
        {"epoch": number, **dict(zip(keys, row, strict=True))} for number, row in enumerate(rows, 1)
    ]


RIGHT = [(0, 0)] * 40 + [(1, 1)] * 40 + [(2, 2)] * 40


def test_the_pair_that_is_confused_most_is_named_whichever_way():
    answer = confused(measured([*RIGHT, *[(0, 1)] * 3, *[(1, 0)] * 2, *[(2, 0)] * 4], tuple("abc")))
    assert answer.short == "a and b"
    assert "9 of 129 test examples are wrong" in answer.text
    assert "a and b are confused 5 times" in answer.text
    assert answer.more.startswith("Most frequent: c predicted as a (4 of 44)")
    assert "partly chance" in answer.more


def test_nothing_is_made_up_where_nothing_is_confused_or_only_one_class_is_said():
    assert confused(measured(RIGHT, tuple("abc"))).short == "None"
    one = confused(measured([(0, 0), (1, 0), (2, 0)], tuple("abc")))
    assert one.short == "All are predicted as a"
    assert "2 are wrong" in one.text


def test_the_weakest_class_has_its_interval():
    text = weakest(measured([*RIGHT, *[(2, 0)] * 10], tuple("abc")))
    assert text.startswith(
        "The lowest recall is that of c: 80.0 % of its 50 examples (95 % interval 67.0"
    )
    assert "the same recall" in weakest(measured(RIGHT, tuple("abc")))


@pytest.mark.parametrize(
    ("rows", "held_out", "verdict"),
    [
        ([(0.9, 0.9, 0.3, 0.3), (1.0, 0.9, 0.01, 0.3)], 1000, "Yes, by 10.0 points"),
        ([(0.9, 0.9, 0.3, 0.3), (0.93, 0.9, 0.2, 0.3)], 100, "No evidence of it"),
        ([(0.9, 0.9, 0.3, 0.3), (0.91, 0.9, 0.1, 0.6)], 100, "Yes, the loss rises"),
        ([(0.7, 0.9, 0.5, 0.3), (0.8, 0.95, 0.4, 0.2)], 1000, "No evidence of it"),
    ],
    ids=["gap", "within chance", "rising loss", "better held out"],
)
def test_overfitting_is_said_where_it_is_measured(rows, held_out, verdict):
    answer = overfitting(epochs(*rows), 2, held_out, load_config("lenet"))
    assert answer.short == verdict


def test_what_training_figures_leave_out_is_said():
    history = epochs((0.9, 0.9, 0.3, 0.3))
    assert "dropout" not in overfitting(history, 1, 100, load_config("lenet")).more
    regularised = load_config("lenet", ["data.augment=[RandomFlip]"])
    assert "augmented images" in overfitting(history, 1, 100, regularised).more
    assert overfitting([], None, 100, load_config("lenet")).short == "Not measured"


@pytest.mark.parametrize(
    ("sure", "right", "verdict"),
    [
        (0.99, 80, "No, overconfident"),
        (0.6, 95, "No, underconfident"),
        (0.9, 90, "On average, yes"),
    ],
)
def test_calibration_is_judged_by_the_interval_of_the_accuracy(sure, right, verdict):
    pairs = [(0, 0)] * right + [(1, 0)] * (100 - right)
    assert calibrated(measured(pairs, ("a", "b"), sure)).short == verdict


@given(st.floats(0, 1))
def test_only_all_is_called_all(value):
    text = percent(value)
    assert (text == "100 %") == (value == 1)
    assert (text == "0 %") == (value == 0)

from __future__ import annotations

import numpy as np
import pytest

from cnnzoo.evaluation.metric_titles import TITLES, interval_text, title_of
from cnnzoo.evaluation.metrics import measure_predictions


@pytest.mark.parametrize("classes", [2, 7])
def test_every_metric_has_a_title(classes):
    values = np.full((4, classes), 1 / classes, np.float32)
    labels = np.array([0, 1, 0, 1], np.int32)
    measured = measure_predictions(values, labels, tuple(map(str, range(classes))))
    assert set(measured["metrics"]) <= set(TITLES)


def test_an_unknown_metric_is_named_by_its_key():
    assert title_of("my_score").name == "my score"


def test_an_interval_is_written_with_its_digits():
    assert interval_text({"low": 0.12345, "high": 0.5}, 3) == "0.123 to 0.500"
    assert interval_text({"low": None, "high": None}, 3) == ""

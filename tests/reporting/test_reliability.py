from __future__ import annotations

import numpy as np
import pytest
from legible import assert_legible

from cnnzoo.evaluation.calibration import reliability
from cnnzoo.reporting.reliability import reliability_diagram


@pytest.mark.parametrize("count", [1, 300])
def test_bars_stand_where_the_bins_are(count):
    rng = np.random.default_rng(0)
    values = rng.dirichlet([0.5] * 4, count).astype(np.float32)
    bins = reliability(values, rng.integers(0, 4, count).astype(np.int32))
    figure = reliability_diagram(bins)
    assert_legible(figure)
    filled = [each for each in bins if each["count"]]
    upper, lower = figure.axes
    assert [bar.get_height() for bar in upper.patches] == [each["accuracy"] for each in filled]
    assert [bar.get_x() for bar in upper.patches] == [each["low"] for each in filled]
    assert [bar.get_height() for bar in lower.patches] == [each["count"] for each in bins]


def test_no_example_is_no_figure():
    assert reliability_diagram([]) is None

from __future__ import annotations

import numpy as np

from cnnzoo.reporting.learning_rates import learning_rate_figure
from cnnzoo.training.learning_rates import RangeTest


def test_the_suggestion_is_marked_and_a_diverged_end_does_not_flatten_the_rest():
    rates = np.geomspace(1e-5, 1, 60)
    losses = 2.3 - 2 * np.exp(-((np.log10(rates) + 2) ** 2))
    losses[-3:] = 1e6
    test = RangeTest(rates, losses, diverged=True)
    figure = learning_rate_figure(test, "tiny")
    (axes,) = figure.axes
    figure.canvas.draw()
    assert axes.get_title(loc="left") == "learning-rate range test of tiny"
    assert axes.get_xscale() == "log"
    assert axes.get_ylim()[1] < 10
    assert f"suggested: {test.suggested():.1e}" in [
        text.get_text() for text in axes.get_legend().get_texts()
    ]
    assert not any("$" in label.get_text() for label in axes.get_xticklabels())

"""The learning-rate range test as a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cnnzoo.reporting.style import BLUE, DIM, VERMILLION, figure_style, new_figure
from cnnzoo.training.learning_rates import RangeTest

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@figure_style()
def learning_rate_figure(test: RangeTest, name: str) -> Figure:
    """Draw the loss over the learning rate, on a logarithmic axis, with the suggested rate.

    Very high losses, which would make the descent look flat, are cut off.
    """
    figure = new_figure(6.4, 4.0)
    axes = figure.add_subplot()
    smoothed = test.smoothed()
    axes.plot(test.rates, test.losses, color=DIM, alpha=0.4, linewidth=1.0, label="each step")
    axes.plot(test.rates, smoothed, color=BLUE, label="smoothed")
    rate = test.suggested()
    axes.axvline(rate, color=VERMILLION, linestyle="--", label=f"suggested: {rate:.1e}")
    low, high = float(smoothed.min()), float(smoothed[0])
    axes.set_ylim(low - 0.15 * (high - low), high + 0.5 * abs(high - low))
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(
        "{x:g}"
    )  # the default labels are formulas, which are switched off
    axes.xaxis.set_minor_formatter("")
    axes.set_xlim(float(np.min(test.rates)), float(np.max(test.rates)))
    axes.set_xlabel("learning rate")
    axes.set_ylabel("loss of a training step")
    axes.set_title(f"learning-rate range test of {name}")
    axes.legend(loc="lower left")
    return figure

"""The value of each trial in the order of the search, and the best value so far."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from cnnzoo.extras import require
from cnnzoo.reporting.style import BLUE, DIM, VERMILLION, figure_style, new_figure
from cnnzoo.reporting.sweep.data import SweepData

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def search_history(data: SweepData) -> Figure | None:
    """Draw the first objective over the trials; returns None without complete trials."""
    return _history(data) if data.complete else None


@figure_style()
def _history(data: SweepData) -> Figure:
    ticker = require("matplotlib.ticker", "report")
    objective = data.objectives[0]
    numbers = [trial.number for trial in data.complete]
    values = [trial.values[0] for trial in data.complete]
    best = list(accumulate(values, min if objective.minimize else max))
    figure = new_figure(6.6, 3.4)
    axes = figure.add_subplot()
    axes.plot(numbers, values, "o", color=BLUE, markersize=4, label="trial")
    axes.step(numbers, best, where="post", color=VERMILLION, label="best so far")
    others = [trial.number for trial in data.record.trials if not trial.is_complete]
    if others:
        floor = [min(values)] * len(others)
        axes.plot(others, floor, "x", color=DIM, markersize=5, label="without a value")
    axes.xaxis.set_major_locator(ticker.MaxNLocator(nbins=8, integer=True, min_n_ticks=1))
    axes.set_xlabel("trial")
    axes.set_ylabel(objective.name)
    axes.set_title("values of the trials", pad=26)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0.2)
    figure.set_label(
        f"{objective.name} of {len(values)} trials: the first {values[0]:.4g}, the best "
        f"{best[-1]:.4g}."
    )
    return figure

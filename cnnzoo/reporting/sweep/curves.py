"""The objective of all trials over the epochs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnnzoo.extras import require
from cnnzoo.reporting.style import DIM, SKY, VERMILLION, figure_style, new_figure
from cnnzoo.reporting.sweep.data import SweepData
from cnnzoo.text import counted

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def trial_curves(data: SweepData) -> Figure | None:
    """Draw a line for each trial, the best one on top; None if no epoch was measured."""
    measured = next((each.name for each in data.objectives if each.is_measured), None)
    if measured is None or not any(measured in rows[0] for rows in data.histories.values()):
        return None
    return _curves(data, measured)


@figure_style()
def _curves(data: SweepData, name: str) -> Figure:
    ticker = require("matplotlib.ticker", "report")
    figure = new_figure(6.6, 3.6)
    axes = figure.add_subplot()
    outcomes = {trial.number: trial for trial in data.record.trials}
    best = data.best[0].number if data.best else 0
    shown: set[str] = set()
    for number in sorted(data.histories, key=lambda number: number == best):
        rows = data.histories[number]
        label, colour, line = "stopped early", DIM, ":"
        if number == best:
            label, colour, line = "best trial", VERMILLION, "-"
        elif outcomes[number].is_complete:
            label, colour, line = "complete", SKY, "-"
        axes.plot(
            [row["epoch"] for row in rows],
            [row[name] for row in rows],
            line,
            color=colour,
            linewidth=2.2 if number == best else 1,
            marker="." if len(rows) == 1 else "",
            label="_" if label in shown else label,
        )
        shown.add(label)
    axes.xaxis.set_major_locator(ticker.MaxNLocator(nbins=8, integer=True, min_n_ticks=1))
    axes.set_xlabel("epoch")
    axes.set_ylabel(name)
    axes.set_title("learning curves", pad=26)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0.2)
    figure.set_label(f"{name} of {counted(len(data.histories), 'trial')} over the epochs.")
    return figure

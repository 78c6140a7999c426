"""The monitored metric of all folds over the epochs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from cnnzoo.extras import require
from cnnzoo.reporting.crossval.data import CrossvalData, History
from cnnzoo.reporting.style import SKY, VERMILLION, figure_style, new_figure
from cnnzoo.text import counted

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def fold_curves(data: CrossvalData) -> Figure | None:
    """Draw a line for each fold, with the epoch that it kept; None if no epoch was measured."""
    measured = {number: rows for number, rows in data.histories.items() if data.monitor in rows[0]}
    return _curves(data, measured) if measured else None


@figure_style()
def _curves(data: CrossvalData, histories: Mapping[int, History]) -> Figure:
    ticker = require("matplotlib.ticker", "report")
    figure = new_figure(6.6, 3.6)
    axes = figure.add_subplot()
    best = {result.number: result.best_epoch for result in data.record.results}
    for place, (number, rows) in enumerate(histories.items()):
        values = [row[data.monitor] for row in rows]
        epochs = [row["epoch"] for row in rows]
        axes.plot(
            epochs, values, color=SKY, linewidth=1, label="_" if place else "training of a fold"
        )
        kept = best.get(number)
        if kept and kept <= len(values):
            label = "_" if place else "epoch that is kept"
            axes.plot([kept], [values[kept - 1]], "o", color=VERMILLION, markersize=4, label=label)
    axes.xaxis.set_major_locator(ticker.MaxNLocator(nbins=8, integer=True, min_n_ticks=1))
    axes.set_xlabel("epoch")
    axes.set_ylabel(data.monitor)
    axes.set_title("learning curves", pad=26)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.2)
    figure.set_label(f"{data.monitor} of {counted(len(histories), 'fold')} over the epochs.")
    return figure

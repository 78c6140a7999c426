"""The objective over the values of each searched key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnnzoo.reporting.style import BLUE, VERMILLION, figure_style, new_figure
from cnnzoo.reporting.sweep.data import SweepData
from cnnzoo.reporting.sweep.scales import Scale, scale_of
from cnnzoo.runs.listing import short_keys
from cnnzoo.text import shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLUMNS = 2
_MOST = 12  # keys
_LETTERS = 36  # of a key


def slices(data: SweepData) -> Figure | None:
    """Draw the first objective over each key, the most important first; None without trials."""
    return _slices(data) if data.complete else None


@figure_style()
def _slices(data: SweepData) -> Figure:
    keys = list(data.importances) or list(data.sweep.parameters)
    keys = keys[:_MOST]
    columns = min(len(keys), _COLUMNS)
    rows = -(-len(keys) // columns)
    short = short_keys(keys, data.sweep.parameters)
    figure = new_figure(4.4 * columns, 2.9 * rows)
    values = [trial.values[0] for trial in data.complete]
    best = values.index(data.best[0].values[0])
    for index, key in enumerate(keys):
        axes = figure.add_subplot(rows, columns, index + 1)
        settings = [trial.settings[key] for trial in data.complete]
        scale = scale_of(data.sweep.parameters[key], settings)
        axes.plot(scale.positions, values, "o", color=BLUE, markersize=4, alpha=0.7)
        axes.plot(scale.positions[best], values[best], "D", color=VERMILLION, markersize=6)
        show_scale(axes, scale)
        axes.set_title(shorten(short[key], _LETTERS, "end"))
        axes.set_ylabel(data.objectives[0].name)
    figure.set_label(
        f"{data.objectives[0].name} over {', '.join(short.values())}; the best trial is marked."
    )
    return figure


def show_scale(axes: Axes, scale: Scale) -> None:
    """Give the horizontal axis the limits and, for choices, the labels of a scale."""
    if scale.logarithmic:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter("")
        axes.set_xlim(scale.low / 1.2, scale.high * 1.2)
        return
    margin = 0 if len(scale.ticks) > 2 or scale.low == -0.5 else 0.04 * (scale.high - scale.low)
    axes.set_xlim(scale.low - margin, scale.high + margin)
    if scale.low == -0.5:
        turned = any(len(text) > 8 for _, text in scale.ticks)
        axes.set_xticks(
            [place for place, _ in scale.ticks],
            [text for _, text in scale.ticks],
            rotation=20 if turned else 0,
            ha="right" if turned else "center",
        )

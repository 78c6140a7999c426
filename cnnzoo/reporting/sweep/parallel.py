"""Each trial as a line through its settings and its value: parallel coordinates."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from cnnzoo.extras import require
from cnnzoo.reporting.style import DIM, FONT_SIZE, INK, PAPER, SEQUENTIAL, figure_style, new_figure
from cnnzoo.reporting.sweep.data import SweepData
from cnnzoo.reporting.sweep.scales import Scale, scale_of
from cnnzoo.runs.listing import short_keys
from cnnzoo.text import shorten

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST = 8  # keys
_LETTERS = 16


def parallel_coordinates(data: SweepData) -> Figure | None:
    """Draw complete trials, the best ones dark; None with fewer than two of them."""
    return _lines(data) if len(data.complete) > 1 else None


@figure_style()
def _lines(data: SweepData) -> Figure:
    keys = (list(data.importances) or list(data.sweep.parameters))[:_MOST]
    short = short_keys(keys, data.sweep.parameters)
    values = [trial.values[0] for trial in data.complete]
    low, high = min(values), max(values)
    objective = data.objectives[0]
    scales = [
        scale_of(data.sweep.parameters[key], [trial.settings[key] for trial in data.complete])
        for key in keys
    ]
    ticks = [(low, f"{low:.4g}"), (high, f"{high:.4g}")] if high > low else [(low, f"{low:.4g}")]
    scales.append(Scale(values, low, high if high > low else low + 1, False, ticks))
    names = [*(shorten(short[key], _LETTERS, "end") for key in keys), objective.name]
    figure = new_figure(max(5.0, 1.7 * len(names)), 3.8)
    axes = figure.add_subplot()
    colours = require("matplotlib", "report").colormaps[SEQUENTIAL]
    places = range(len(names))
    order = sorted(range(len(values)), key=lambda row: values[row], reverse=objective.minimize)
    for rank, row in enumerate(order):
        heights = [_height(scale, scale.positions[row]) for scale in scales]
        colour = colours(0.25 + 0.75 * rank / max(len(order) - 1, 1))
        axes.plot(places, heights, color=colour, linewidth=1.2)
    for place, scale in enumerate(scales):
        axes.axvline(place, color=DIM, linewidth=0.8)
        for value, text in scale.ticks:
            axes.annotate(
                text,
                (place, _height(scale, value)),
                xytext=(4, 0),
                textcoords="offset points",
                fontsize=FONT_SIZE - 2,
                color=INK,
                va="center",
                bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 0.5, "alpha": 0.8},
            )
    axes.set_xlim(-0.3, len(names) - 0.3)
    axes.set_ylim(-0.06, 1.06)
    axes.set_xticks(list(places), names)
    axes.set_yticks([])
    axes.grid(visible=False)
    axes.spines["left"].set_visible(False)
    axes.set_title("trials as lines, the best ones dark")
    figure.set_label(f"Parallel coordinates of {len(values)} trials over {', '.join(names)}.")
    return figure


def _height(scale: Scale, value: float) -> float:
    """Return the position of a value on an axis from 0 to 1."""
    low, high = scale.low, scale.high
    if scale.logarithmic:
        low, high, value = math.log(low), math.log(high), math.log(value)
    return (value - low) / (high - low)

"""The importance of each searched key as a bar."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from cnnzoo.reporting.style import SKY, figure_style, new_figure
from cnnzoo.runs.listing import short_keys
from cnnzoo.text import shorten

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LETTERS = 30  # of a key


def importance_bars(importances: Mapping[str, float]) -> Figure | None:
    """Draw the share of the variance that each key explains; None if there are no shares."""
    return _bars(importances) if importances else None


@figure_style()
def _bars(importances: Mapping[str, float]) -> Figure:
    short = short_keys(importances, importances)
    names = [shorten(short[key], _LETTERS, "end") for key in importances]
    rows, shares = range(len(names)), list(importances.values())
    figure = new_figure(6.6, 1.2 + 0.3 * len(names))
    axes = figure.add_subplot()
    axes.barh(rows, shares, height=0.62, color=SKY)
    axes.set_yticks(rows, names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlim(0, 1)
    axes.set_xlabel("share of the variance, 0 to 1")
    axes.grid(axis="y", visible=False)
    axes.grid(axis="x", visible=True)
    axes.set_title("importance of the settings")
    parts = ", ".join(f"{name} {share:.2f}" for name, share in zip(names, shares, strict=True))
    figure.set_label(f"Share of the variance: {parts}.")
    return figure

"""Learning curves: the metrics and the learning rate of each epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from cnnzoo.extras import require
from cnnzoo.reporting.style import BLUE, DIM, VERMILLION, figure_style, new_figure
from cnnzoo.text import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

History = Sequence[Mapping[str, float]]

_NOT_METRICS = ("epoch", "learning_rate", "seconds", "epoch_seconds")
_UNITS = {"accuracy": "share of examples", "loss": "mean of the examples"}


def learning_curves(history: History, best_epoch: int | None = None) -> Figure | None:
    """Draw each metric in training and validation over the epochs, the loss first.

    `history` has one row per epoch, as `Run.history()` returns it. The best epoch is marked.
    Returns None before the first epoch has ended.
    """
    names = curve_names(history)
    return _curves(history, names, best_epoch) if names else None


def curve_names(history: History) -> list[str]:
    """Return the metrics of a history without `val_`, the loss first."""
    names = {name.removeprefix("val_"): None for row in history for name in row}
    return sorted((name for name in names if name not in _NOT_METRICS), key="loss".__ne__)


@figure_style()
def _curves(history: History, names: list[str], best_epoch: int | None) -> Figure:
    columns = min(len(names), 2)
    rows = -(-len(names) // columns)
    figure = new_figure(4.6 * columns, 3.4 * rows)
    for index, name in enumerate(names):
        axes = figure.add_subplot(rows, columns, index + 1)
        _draw(axes, history, name, "training", BLUE, "--")
        _draw(axes, history, f"val_{name}", "validation", VERMILLION, "-")
        title = name.replace("_", " ")
        axes.set_title(title)
        axes.set_ylabel(f"{title} ({_UNITS[name]})" if name in _UNITS else title)
        _mark_best(axes, best_epoch)
        _count_epochs(axes, history)
        axes.legend()
    texts = (_summary(history, name) for name in names)
    figure.set_label(f"Learning curves over {counted(len(history), 'epoch')}: {'; '.join(texts)}.")
    return figure


def _summary(history: History, name: str) -> str:
    parts = []
    for key, kind in ((name, "training"), (f"val_{name}", "validation")):
        values = [row[key] for row in history if key in row]
        if values:
            parts.append(f"{kind} {name.replace('_', ' ')} {values[0]:.4g} to {values[-1]:.4g}")
    return ", ".join(parts)


def learning_rate_curve(history: History, best_epoch: int | None = None) -> Figure | None:
    """Draw the learning rate at the end of each epoch; the axis is logarithmic if it falls far.

    Returns None before the first epoch has ended, or if the history has no learning rate.
    """
    rates = [row["learning_rate"] for row in history if "learning_rate" in row]
    return _rates(history, rates, best_epoch) if rates else None


@figure_style()
def _rates(history: History, rates: list[float], best_epoch: int | None) -> Figure:
    figure = new_figure(4.6, 3.4)
    axes = figure.add_subplot()
    _draw(axes, history, "learning_rate", "learning rate", BLUE, "-")
    positive = [rate for rate in rates if rate > 0]
    if positive and max(positive) >= 100 * min(positive):
        axes.set_yscale("log")
        # Matplotlib's default labels of this axis are formulas, which are switched off.
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter("")
    else:
        axes.set_ylim(bottom=0)
        axes.ticklabel_format(axis="y", scilimits=(-3, 3))
    axes.set_title("learning rate")
    figure.set_label(f"Learning rate: {rates[0]:.3g} to {rates[-1]:.3g}.")
    axes.set_ylabel("learning rate (at the end of the epoch)")
    _mark_best(axes, best_epoch)
    _count_epochs(axes, history)
    return figure


def _draw(axes: Axes, history: History, key: str, label: str, colour: str, line: str) -> None:
    points = [(row["epoch"], row[key]) for row in history if key in row]
    if not points:
        return
    epochs, values = zip(*points, strict=True)
    marker = "o" if len(points) <= 30 else ""
    axes.plot(epochs, values, line, label=label, color=colour, marker=marker, markersize=4)


def _mark_best(axes: Axes, best_epoch: int | None) -> None:
    if best_epoch is not None:
        axes.axvline(
            best_epoch, color=DIM, linestyle=":", linewidth=1.2, label=f"best epoch: {best_epoch}"
        )


def _count_epochs(axes: Axes, history: History) -> None:
    ticker = require("matplotlib.ticker", "report")
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(ticker.MaxNLocator(nbins=8, integer=True, min_n_ticks=1))
    epochs = [row["epoch"] for row in history]
    axes.set_xlim(min(epochs) - 0.5, max(epochs) + 0.5)

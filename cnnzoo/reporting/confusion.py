"""The confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnzoo.extras import require
from cnnzoo.reporting.style import (
    DIM,
    FONT_SIZE,
    INK,
    PAPER,
    SEQUENTIAL,
    figure_style,
    new_figure,
)
from cnnzoo.text import shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LETTERS = 20  # of a class name
_WITH_SHARES, _WITH_COUNTS, _WITH_NAMES = 12, 25, 120  # most classes with room for them


@figure_style()
def confusion_matrix(
    counts: ArrayLike, class_names: Sequence[str], split: str = "test", of: str = ""
) -> Figure:
    """Draw counts int [classes, classes]; rows are the truth, columns the predictions.

    The colour of a cell is its share of the examples of its row; with few classes the share is
    written below the count. A row without examples is crossed out. The title names the split, or
    what the predictions are `of`.
    """
    table = np.asarray(counts, np.int64)
    classes = len(class_names)
    support = table.sum(axis=1)
    shares = table / np.maximum(support, 1)[:, None]
    side = _cell_inches(classes) * classes
    figure = new_figure(side + 3.2, side + 2.0)
    axes = figure.add_subplot()
    # The square root makes rare mistakes visible.
    norm = require("matplotlib.colors", "report").PowerNorm(0.5, vmin=0, vmax=1)
    image = axes.imshow(shares, cmap=SEQUENTIAL, norm=norm)
    if classes <= _WITH_COUNTS:
        _write_cells(axes, table, shares, with_shares=classes <= _WITH_SHARES)
    for row in np.flatnonzero(support == 0):
        axes.plot([-0.5, classes - 0.5], [row, row], color=DIM, linewidth=0.8)
    _name_axes(axes, class_names, support)
    bar = figure.colorbar(image, ax=axes, shrink=0.6, pad=0.02, ticks=[0, 0.05, 0.25, 0.5, 1])
    bar.set_label("share of the true class")
    bar.outline.set_visible(False)
    accuracy = np.trace(table) / max(table.sum(), 1)
    axes.set_title(
        f"confusion, {of or f'{split} split'}\n"
        f"{np.trace(table):,} of {table.sum():,} correct ({accuracy:.1%})"
    )
    return figure


def _cell_inches(classes: int) -> float:
    if classes <= _WITH_SHARES:
        return max(0.62, 2.5 / classes)
    return 0.42 if classes <= _WITH_COUNTS else max(0.125, 9 / classes)


def _write_cells(
    axes: Axes, table: NDArray[np.int64], shares: NDArray[np.float64], with_shares: bool
) -> None:
    for (row, column), count in np.ndenumerate(table):
        share = shares[row, column]
        if count:
            axes.text(
                column,
                row,
                f"{count:,}\n{share:.0%}" if with_shares else f"{count}",
                ha="center",
                va="center",
                fontsize=FONT_SIZE - 2,
                color=PAPER if share > 0.4 else INK,
                in_layout=False,  # it stays in its cell, and measuring hundreds of texts is slow
            )


def _name_axes(axes: Axes, class_names: Sequence[str], support: NDArray[np.int64]) -> None:
    classes = len(class_names)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class (examples)")
    axes.grid(False)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    if classes > _WITH_NAMES:
        return
    size = FONT_SIZE - 1 if classes <= _WITH_COUNTS else FONT_SIZE - 4
    names = [shorten(name, _LETTERS, "both") for name in class_names]
    upright = max(map(len, names)) > 5 or classes > _WITH_COUNTS
    axes.set_xticks(range(classes), names, rotation=90 if upright else 0, fontsize=size)
    rows = [f"{name} ({count:,})" for name, count in zip(names, support, strict=True)]
    axes.set_yticks(range(classes), rows, fontsize=size)

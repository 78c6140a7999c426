"""Precision, recall and F1 of each class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cnnzoo.reporting.style import BLUE, FONT_SIZE, SKY, VERMILLION, figure_style, new_figure
from cnnzoo.text import counted, shorten

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAX_CLASSES = 60  # in the figure
_LETTERS = 28  # of a class name


def class_bars(per_class: Mapping[str, Mapping[str, Any]], split: str = "test") -> Figure | None:
    """Draw the F1 of each class as a bar, with its precision and recall, the lowest F1 on top.

    `per_class` comes from `metrics.json`. Classes without examples, and those after the
    MAX_CLASSES lowest ones, are counted in the title. Returns None if no class has an example.
    """
    measured = {name: values for name, values in per_class.items() if values["support"]}
    return _bars(measured, len(per_class) - len(measured), split) if measured else None


@figure_style()
def _bars(measured: Mapping[str, Mapping[str, Any]], absent: int, split: str) -> Figure:
    weakest = sorted(measured, key=lambda name: measured[name]["f1"])[:MAX_CLASSES]
    values = {
        key: [float(measured[name][key]) for name in weakest]
        for key in ("precision", "recall", "f1")
    }
    rows = range(len(weakest))
    figure = new_figure(6.6, 1.7 + 0.28 * len(weakest))
    axes = figure.add_subplot()
    axes.barh(rows, values["f1"], height=0.62, color=SKY, alpha=0.6, label="F1")
    axes.plot(values["precision"], rows, ">", color=BLUE, label="precision", clip_on=False)
    axes.plot(
        values["recall"],
        rows,
        "D",
        color=VERMILLION,
        markerfacecolor="none",
        markersize=FONT_SIZE - 4,
        label="recall",
        clip_on=False,
    )
    names = [
        f"{shorten(name, _LETTERS, 'both')} ({measured[name]['support']:,})" for name in weakest
    ]
    axes.set_yticks(rows, names)
    axes.set_ylim(len(weakest) - 0.4, -0.6)
    axes.set_xlim(0, 1)
    axes.set_xlabel("share, 0 to 1")
    axes.set_ylabel("class (examples)")
    axes.grid(axis="y", visible=False)
    axes.grid(axis="x", visible=True)
    axes.set_title(_title(len(weakest), len(measured), absent, split), pad=26)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0.2)
    lowest, highest = (values["f1"][place] for place in (0, -1))
    classes = counted(len(weakest), "class", "classes")
    figure.set_label(f"F1 of {classes}: {lowest:.3f} to {highest:.3f}.")
    return figure


def _title(shown: int, measured: int, absent: int, split: str) -> str:
    notes = []
    if shown < measured:
        notes.append(f"the lowest {shown} of {measured:,}")
    if absent:
        notes.append(f"{counted(absent, 'class', 'classes')} without examples omitted")
    return "\n".join([f"classes of the {split} split, lowest F1 first", *notes])

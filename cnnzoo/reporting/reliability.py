"""The reliability diagram: accuracy over probability."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cnnzoo.reporting.style import BLUE, DIM, SKY, VERMILLION, figure_style, new_figure
from cnnzoo.text import counted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Bins = Sequence[Mapping[str, Any]]


def reliability_diagram(bins: Bins, split: str = "test") -> Figure | None:
    """Draw accuracy over the probability of the predicted class, and the examples of each bin.

    `bins` are those of `calibration` in `metrics.json`. After Guo, Pleiss, Sun and Weinberger, "On
    Calibration of Modern Neural Networks", 2017. Returns None if no bin has an example.
    """
    filled = [each for each in bins if each["count"]]
    return _diagram(bins, filled, split) if filled else None


@figure_style()
def _diagram(bins: Bins, filled: Bins, split: str) -> Figure:
    figure = new_figure(5.2, 6.2)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    lows, widths = _column(filled, "low"), [each["high"] - each["low"] for each in filled]
    upper.plot([0, 1], [0, 1], ":", color=DIM, linewidth=1.2, label="perfectly calibrated")
    upper.bar(
        lows,
        _column(filled, "accuracy"),
        widths,
        align="edge",
        color=SKY,
        alpha=0.6,
        edgecolor=BLUE,
        label="accuracy in the bin",
    )
    upper.plot(
        _column(filled, "confidence"),
        _column(filled, "accuracy"),
        "o",
        color=VERMILLION,
        markersize=4,
        clip_on=False,
        label="at its mean probability",
    )
    upper.set_ylim(0, 1)
    upper.set_xlim(0, 1)
    upper.set_ylabel("accuracy (share of examples)")
    upper.set_title(f"reliability, {split} split")
    upper.legend(loc="upper left")
    lower.bar(
        _column(bins, "low"),
        _column(bins, "count"),
        [each["high"] - each["low"] for each in bins],
        align="edge",
        color=SKY,
        edgecolor=BLUE,
    )
    lower.set_ylabel("examples")
    lower.set_xlabel("probability of the predicted class")
    figure.set_label(
        f"Accuracy in {counted(len(filled), 'bin')} of the probability of the predicted class: "
        f"{filled[0]['accuracy']:.3f} to {filled[-1]['accuracy']:.3f}."
    )
    return figure


def _column(bins: Bins, key: str) -> list[float]:
    return [each[key] for each in bins]

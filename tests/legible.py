"""Whether the texts of a figure can be read: none is cut off, none lies on another."""

from __future__ import annotations

from itertools import combinations
from typing import Any

from matplotlib.figure import Figure
from matplotlib.text import Text

_SLACK = 1.0  # pixels that the boxes of two texts may share


def texts_of(figure: Figure) -> list[str]:
    """Every text that a figure shows."""
    figure.draw_without_rendering()
    return [text.get_text() for text in _shown(figure)]


def assert_legible(figure: Figure) -> None:
    """Fail where a text leaves the figure or lies on another."""
    figure.draw_without_rendering()
    boxes = [(text.get_text(), text.get_window_extent()) for text in _shown(figure)]
    assert boxes
    sheet = figure.bbox
    cut = [
        text
        for text, box in boxes
        if box.x0 < sheet.x0 - _SLACK
        or box.y0 < sheet.y0 - _SLACK
        or box.x1 > sheet.x1 + _SLACK
        or box.y1 > sheet.y1 + _SLACK
    ]
    assert not cut, f"cut off: {cut}"
    over = [(a, b) for (a, one), (b, two) in combinations(boxes, 2) if _overlap(one, two)]
    assert not over, f"one on another: {over}"


def _shown(figure: Figure) -> list[Text]:
    # A tick outside the limits of its axis has a label that is not drawn.
    hidden = {
        id(label)
        for axes in figure.axes
        for axis in (axes.xaxis, axes.yaxis)
        for ticks in (axis.get_major_ticks(), axis.get_minor_ticks())
        for tick in ticks
        if not _inside(tick.get_loc(), axis.get_view_interval())
        for label in (tick.label1, tick.label2)
    }
    return [
        text
        for text in figure.findobj(Text)
        if text.get_visible() and text.get_text().strip() and id(text) not in hidden
    ]


def _inside(value: float, interval: Any) -> bool:
    low, high = sorted(interval)
    return bool(low - 1e-9 <= value <= high + 1e-9)


def _overlap(one: Any, two: Any) -> bool:
    wide = min(one.x1, two.x1) - max(one.x0, two.x0)
    high = min(one.y1, two.y1) - max(one.y0, two.y0)
    # The box of a line of text has room above its letters.
    return bool(wide > _SLACK and high > 0.25 * min(one.height, two.height) + _SLACK)

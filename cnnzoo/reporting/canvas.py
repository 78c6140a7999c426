"""Shared parts of drawings of architectures: a sheet in inches with a heading, and patches."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from cnnzoo.architecture.layers import Architecture
from cnnzoo.extras import require
from cnnzoo.reporting.stages import KINDS, OTHER
from cnnzoo.reporting.style import FONT_SIZE, INK, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MARGIN = 0.22
_HEADING = 0.72
_LETTER = 0.1  # of the heading


def sheet(
    architecture: Architecture, name: str, size: tuple[float, float], colours: Iterable[str]
) -> Axes:
    """Return axes of a new figure in inches: x to the right from 0, y down from 0.

    `size` is the width and height below the heading, which has the cost of the architecture and a
    legend of the colours. The sheet is wider if the heading needs it.
    """
    heading = (
        f"{name}: {architecture.parameters:,} parameters, {architecture.macs:,} MACs per image"
    )
    width = max(size[0], len(heading) * _LETTER + 2 * MARGIN)
    figure = new_figure(width, size[1] + _HEADING)
    figure.set_layout_engine("none")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, width)
    axes.set_ylim(-size[1], _HEADING)
    axes.set_axis_off()
    top = _HEADING - 0.22
    axes.text(MARGIN, top, heading, fontsize=FONT_SIZE + 1, weight="bold", va="center")
    _legend(axes, top - 0.3, set(colours))
    return axes


def patch(
    axes: Axes,
    corner: tuple[float, float],
    size: tuple[float, float],
    colour: str,
    *,
    rounding: float = 0,
    dashed: bool = False,
) -> None:
    """Draw a rectangle from its lower left corner, optionally with rounded corners."""
    patches = require("matplotlib.patches", "report")
    axes.add_patch(
        patches.FancyBboxPatch(
            corner,
            *size,
            boxstyle=f"round,pad=0,rounding_size={rounding}" if rounding else "square,pad=0",
            facecolor=colour,
            edgecolor=INK,
            linewidth=0.7,
            linestyle="--" if dashed else "-",
        )
    )


def _legend(axes: Axes, middle: float, used: set[str]) -> None:
    left = MARGIN
    for name, colour in (*((name, colour) for name, _, colour in KINDS), OTHER):
        if colour in used:
            patch(axes, (left, middle - 0.06), (0.16, 0.12), colour)
            axes.text(left + 0.22, middle, name, va="center_baseline", fontsize=FONT_SIZE - 2)
            left += 0.5 + 0.062 * len(name)

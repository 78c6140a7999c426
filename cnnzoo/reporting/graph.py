"""An architecture as a graph of its layers: branches side by side, repetitions drawn once."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from cnnzoo.architecture.arithmetic import shape_text
from cnnzoo.architecture.layers import Architecture
from cnnzoo.errors import UserError
from cnnzoo.reporting.blocks import Block, Box, Fork, Repeated, blocks_of
from cnnzoo.reporting.canvas import MARGIN, patch, sheet
from cnnzoo.reporting.graph_layout import (
    BETWEEN,
    GAP,
    GUTTER,
    HEAD,
    LINE,
    MERGE,
    PAD,
    SPLIT,
    Layout,
    boxes_in,
    followers,
)
from cnnzoo.reporting.style import DIM, FONT_SIZE, INK, PAPER, TIMES, figure_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_BOXES = 500

_PILL = (1.9, 0.24)  # inches of the label of a merge

Point = tuple[float, float]


def boxes_of(architecture: Architecture) -> int:
    """Return the number of boxes in the graph, including the input."""
    return 1 + sum(1 for _ in boxes_in(blocks_of(architecture.layers)))


@figure_style()
def draw_graph(architecture: Architecture, name: str) -> Figure:
    """Draw the layers from top to bottom, in columns that are read from left to right.

    Raises UserError for more than MAX_BOXES boxes.
    """
    first = Box("input", (), shape_text(architecture.input_shape), PAPER)
    blocks = (first, *blocks_of(architecture.layers))
    boxes = list(boxes_in(blocks))
    if len(boxes) > MAX_BOXES:
        raise UserError(
            f"the graph of {name} would have {len(boxes):,} boxes, more than {MAX_BOXES}",
            hint="draw its volumes, which are grouped: --plot-style volumes",
        )
    layout = Layout.of(boxes)
    columns = layout.columns(blocks)
    sizes = [layout.stack_size(column) for column in columns]
    height = max(size[1] for size in sizes) + 3 * GAP
    width = sum(size[0] for size in sizes) + GUTTER * (len(sizes) - 1) + 2 * MARGIN
    axes = sheet(architecture, name, (width, height), [box.colour for box in boxes])
    left = (axes.get_xlim()[1] - width) / 2 + MARGIN
    for number, (column, size) in enumerate(zip(columns, sizes, strict=True)):
        centre = left + size[0] / 2
        bottom = _draw_stack(axes, layout, column, (centre, -GAP))
        left += size[0] + GUTTER
        if number + 1 < len(columns):
            _lead_over(axes, (centre, bottom), left - GUTTER / 2, left + sizes[number + 1][0] / 2)
    figure: Figure = axes.figure  # type: ignore[assignment]
    return figure


def _draw_stack(axes: Axes, layout: Layout, blocks: Sequence[Block], top: Point) -> float:
    """Draw blocks below each other from the middle of their top; return the end of the last one."""
    x, y = top
    for number, block in enumerate(blocks):
        if number:
            join = _arrow if isinstance(block, Box) else _line
            join(axes, (x, y), (x, y - GAP))
            y -= GAP
        height = layout.size(block)[1]
        if isinstance(block, Box):
            _draw_box(axes, block, (layout.box_width, height), (x, y))
        elif isinstance(block, Fork):
            _draw_fork(axes, layout, block, (x, y))
        else:
            _draw_repeated(axes, layout, block, (x, y))
        y -= height
    return y


def _draw_box(axes: Axes, box: Box, size: tuple[float, float], top: Point) -> None:
    (x, y), (width, height) = top, size
    left = x - width / 2
    patch(axes, (left, y - height), size, box.colour, rounding=0.05)
    middle = y - HEAD / 2 - 0.01
    axes.text(left + 0.1, middle, box.name, va="center", fontsize=FONT_SIZE - 1)
    axes.text(
        left + width - 0.1, middle, box.shape, va="center", ha="right", fontsize=FONT_SIZE - 2
    )
    for number, line in enumerate(followers(box)):
        below = y - HEAD - (number + 0.5) * LINE
        axes.text(left + 0.1, below, line, va="center", fontsize=FONT_SIZE - 2, color=DIM)


def _draw_fork(axes: Axes, layout: Layout, fork: Fork, top: Point) -> None:
    (x, y), (width, height) = top, layout.size(fork)
    split, join = y - SPLIT / 2, y - height + MERGE - 0.14
    _line(axes, (x, y), (x, split))
    left, middles = x - width / 2, []
    for branch in fork.branches:
        branch_width = layout.stack_size(branch)[0]
        middle = left + branch_width / 2
        if branch:
            _arrow(axes, (middle, split), (middle, y - SPLIT))
        end = _draw_stack(axes, layout, branch, (middle, y - SPLIT)) if branch else split
        _line(axes, (middle, end), (middle, join))
        middles.append(middle)
        left += branch_width + BETWEEN
    for level in (split, join):
        _line(axes, (min(middles), level), (max(middles), level))
    bottom = y - height
    _arrow(axes, (x, join), (x, bottom + _PILL[1]))
    patch(axes, (x - _PILL[0] / 2, bottom), _PILL, PAPER, rounding=0.11)
    axes.text(
        x,
        bottom + _PILL[1] / 2 - 0.01,
        f"{fork.merge}  {fork.shape}",
        ha="center",
        va="center",
        fontsize=FONT_SIZE - 2,
    )


def _draw_repeated(axes: Axes, layout: Layout, repeated: Repeated, top: Point) -> None:
    (x, y), (width, height) = top, layout.size(repeated)
    patch(axes, (x - width / 2, y - height), (width, height), "none", rounding=0.08, dashed=True)
    left = x - width / 2 + 0.08
    axes.text(left, y - 0.04, f"{repeated.times} {TIMES}", va="top", weight="bold")
    start = y - PAD - LINE
    join = _arrow if isinstance(repeated.blocks[0], Box) else _line
    join(axes, (x, y), (x, start))
    end = _draw_stack(axes, layout, repeated.blocks, (x, start))
    _line(axes, (x, end), (x, y - height))
    last = repeated.blocks[-1].shape
    if repeated.shape != last:
        text = f"last output: {repeated.shape}"
        axes.text(left, y - height + 0.04, text, va="bottom", fontsize=FONT_SIZE - 2)


def _lead_over(axes: Axes, end: Point, gutter: float, start: float) -> None:
    """Draw the line from the foot of a column to the head of the next."""
    (x, y), low, high = end, end[1] - GAP / 2, -GAP / 4
    corners = [(x, y), (x, low), (gutter, low), (gutter, high), (start, high)]
    for corner, following in pairwise(corners):
        _line(axes, corner, following)
    _arrow(axes, (start, high), (start, -GAP))


def _line(axes: Axes, start: Point, end: Point) -> None:
    axes.plot(*zip(start, end, strict=True), color=INK, linewidth=0.9, solid_capstyle="round")


def _arrow(axes: Axes, start: Point, end: Point) -> None:
    axes.annotate(
        "",
        xy=end,
        xytext=start,
        arrowprops={
            "arrowstyle": "-|>,head_width=0.14,head_length=0.28",
            "color": INK,
            "linewidth": 0.9,
            "shrinkA": 0,
            "shrinkB": 0,
        },
    )

"""An architecture as a drawing of its feature volumes.

After figure 2 of LeCun, Bottou, Bengio and Haffner, "Gradient-Based Learning Applied to Document
Recognition", 1998: maps as stacked planes named D@WxH, vectors as bars, and the window of a
convolution or pooling on the planes that it moves over.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cnnzoo.architecture.arithmetic import Shape
from cnnzoo.architecture.layers import Architecture
from cnnzoo.reporting.canvas import MARGIN, patch, sheet
from cnnzoo.reporting.stages import OTHER, Stage, kind_of, stages
from cnnzoo.reporting.style import DIM, FONT_SIZE, INK, PAPER, TIMES, figure_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Inches.
_SIDE = 1.15  # of the largest plane; others by the square root of their share of it
_SMALLEST = 0.2
_BAR = 0.14  # the width of a vector
_OFFSET = 0.06  # between stacked planes
_MOST_PLANES = 9
_GAP = 0.22
_LINE = 0.15  # of text
_LETTER = 0.072
_LABEL = 0.26

_MOST_IN_A_ROW = 9
_MOST_LINES = 6


@dataclass(frozen=True, slots=True)
class Volume:
    """A drawn feature volume: planes of `side` (width, height) inches, or one bar.

    `window` is the share (of the width, of the height) that the window of the next layer covers.
    """

    label: str
    lines: tuple[str, ...]
    colour: str
    side: tuple[float, float]
    planes: int = 1
    window: tuple[float, float] | None = None

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of all planes in inches."""
        spread = (self.planes - 1) * _OFFSET
        return self.side[0] + spread, self.side[1] + spread

    @property
    def column(self) -> float:
        """The width in inches with its texts."""
        letters = max(map(len, (self.label, *self.lines)))
        return max(self.size[0], letters * _LETTER) + _GAP


def volumes(architecture: Architecture) -> list[Volume]:
    """Return the input, with layers that only scale it, and the output of each stage."""
    found = stages(architecture)
    texts = [("input",), *map(_lines, found)]
    if found[0].shape == architecture.input_shape and kind_of(found[0].leading) == OTHER:
        texts[:2] = [("input", *texts[1])]
        found = found[1:]
    shapes = [architecture.input_shape, *(stage.shape for stage in found)]
    windows = [_window(shape, stage) for shape, stage in zip(shapes, found, strict=False)]
    colours = [PAPER, *(kind_of(stage.leading)[1] for stage in found)]
    largest = max((max(shape[:2]) for shape in shapes if len(shape) == 3), default=1)
    longest = max((math.prod(shape) for shape in shapes if len(shape) != 3), default=1)
    return [
        Volume(_label(shape), lines, colour, _side(shape, largest, longest), _planes(shape), window)
        for shape, lines, colour, window in zip(
            shapes, texts, colours, [*windows, None], strict=True
        )
    ]


@figure_style()
def draw_volumes(architecture: Architecture, name: str) -> Figure:
    """Draw the feature volumes from left to right in rows, with their layers below them."""
    found = volumes(architecture)
    each = -(-len(found) // -(-len(found) // _MOST_IN_A_ROW))
    rows = [found[at : at + each] for at in range(0, len(found), each)]
    heights = [_row_height(row) for row in rows]
    width = max(sum(volume.column for volume in row) for row in rows) + 2 * MARGIN
    axes = sheet(architecture, name, (width, sum(heights)), [v.colour for v in found[1:]])
    top = 0.0
    for row, height in zip(rows, heights, strict=True):
        _draw_row(axes, row, top)
        if row is not rows[-1]:
            right = MARGIN + sum(volume.column for volume in row)
            middle = top - _LABEL - max(volume.size[1] for volume in row) / 2
            axes.text(right, middle, "→", ha="center", va="center", color=DIM)
        top -= height
    figure: Figure = axes.figure  # type: ignore[assignment]
    return figure


def _label(shape: Shape) -> str:
    """Return `6@28x28`, maps before width and height; for a vector the number of its values."""
    if len(shape) == 3:
        return f"{shape[2]}@{shape[1]}{TIMES}{shape[0]}"
    return TIMES.join(map(str, shape)) or "1"


def _lines(stage: Stage) -> tuple[str, ...]:
    lines = stage.contents()
    if len(lines) > _MOST_LINES:
        lines = [*lines[: _MOST_LINES - 1], f"… {len(lines) - _MOST_LINES + 1} more kinds"]
    return (*lines, f"{stage.parameters:,} parameters") if stage.parameters else tuple(lines)


def _side(shape: Shape, largest: int, longest: int) -> tuple[float, float]:
    if len(shape) == 3:
        height, width = (max(_SMALLEST, _SIDE * math.sqrt(size / largest)) for size in shape[:2])
        return width, height
    share = math.log(math.prod(shape) + 1) / math.log(longest + 1)
    return _BAR, _SIDE * max(share, 0.15)


def _planes(shape: Shape) -> int:
    return min(_MOST_PLANES, 1 + math.ceil(math.log2(shape[2]))) if len(shape) == 3 else 1


def _window(shape: Shape, stage: Stage) -> tuple[float, float] | None:
    """Return the share of the input that one output of a stage sees, if one layer decides it."""
    moving = [layer for layer in stage.layers if layer.branches or kind_of(layer) != OTHER]
    if len(moving) != 1 or len(shape) != 3 or len(stage.shape) != 3:
        return None
    arguments = moving[0].arguments
    size = arguments.get("kernel_size", arguments.get("pool_size", 1))
    height, width = size if isinstance(size, tuple | list) else (size, size)
    if height == width == 1:
        return None
    return min(1, width / shape[1]), min(1, height / shape[0])


def _row_height(row: list[Volume]) -> float:
    texts = _LINE * max(len(volume.lines) for volume in row)
    return _LABEL + max(volume.size[1] for volume in row) + texts + 0.35


def _draw_row(axes: Axes, row: list[Volume], top: float) -> None:
    """Draw volumes on one middle line, with labels above them and texts on one line below."""
    tallest = max(volume.size[1] for volume in row)
    middle = top - _LABEL - tallest / 2
    left = MARGIN
    corner = None
    for volume in row:
        centre = left + volume.column / 2
        front = _draw_volume(axes, volume, centre, middle)
        axes.text(
            centre, middle + volume.size[1] / 2 + 0.06, volume.label, ha="center", va="bottom"
        )
        for number, line in enumerate(volume.lines):
            axes.text(
                centre,
                middle - tallest / 2 - 0.12 - number * _LINE,
                line,
                ha="center",
                va="top",
                fontsize=FONT_SIZE - 2,
                color=DIM if line.endswith(("in all", "parameters")) else INK,
            )
        if corner:
            _draw_window(axes, corner, front, volume)
        corner = (front, volume) if volume.window else None
        left += volume.column


def _draw_volume(axes: Axes, volume: Volume, centre: float, middle: float) -> tuple[float, float]:
    """Draw the planes, the front one last; return its lower left corner."""
    width, height = volume.size
    left, bottom = centre - width / 2, middle - height / 2
    for plane in range(volume.planes):
        x = left + plane * _OFFSET
        y = bottom + (volume.planes - 1 - plane) * _OFFSET
        patch(axes, (x, y), volume.side, volume.colour)
    return x, y


def _draw_window(
    axes: Axes,
    source: tuple[tuple[float, float], Volume],
    front: tuple[float, float],
    volume: Volume,
) -> None:
    """Draw the window on the front plane of a volume, converging to one value of the next."""
    (x, y), before = source
    assert before.window
    width, height = (
        max(0.05, share * side) for share, side in zip(before.window, before.side, strict=True)
    )
    left = x + (before.side[0] - width) * 0.7
    bottom = y + (before.side[1] - height) * 0.35
    patch(axes, (left, bottom), (width, height), "none")
    end = (front[0] + volume.side[0] * 0.4, front[1] + volume.side[1] * 0.5)
    for start in ((left + width, bottom), (left + width, bottom + height)):
        axes.plot(*zip(start, end, strict=True), color=INK, linewidth=0.6, zorder=5)

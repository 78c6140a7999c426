"""Many small pictures as one: grids of filters, feature maps and patches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from cnnzoo.extras import require
from cnnzoo.reporting.style import DIM, PALE, PAPER

TILE = 64  # pixels, the longer side of each
DIVERGING = "PuOr_r"  # orange is positive, purple negative: told apart by the colour-blind too
MAGNITUDE = "viridis"
GAP = 3  # pixels between them

Pixels = NDArray[np.uint8]


def coloured(values: NDArray[np.floating], low: float, high: float, colours: str) -> Pixels:
    """Numbers [height, width] as pixels uint8 [height, width, 3] in a colour map of matplotlib."""
    scaled = (values - low) / (high - low) if high > low else np.zeros_like(values)
    mapped = require("matplotlib", "report").colormaps[colours](np.clip(scaled, 0, 1), bytes=True)
    return np.asarray(mapped[..., :3])


def in_colour(pixels: Pixels) -> Pixels:
    """Pixels uint8 [height, width, 1 or 3] with 3 channels."""
    return np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels


def padded(pixels: Pixels, height: int, width: int) -> Pixels:
    """Pixels [height, width, 3] in the middle of a pale tile of at least their size."""
    tile = np.full((height, width, 3), _rgb(PALE), np.uint8)
    top, left = (height - pixels.shape[0]) // 2, (width - pixels.shape[1]) // 2
    tile[top : top + pixels.shape[0], left : left + pixels.shape[1]] = pixels
    return tile


def grid(tiles: Sequence[Pixels], columns: int) -> Pixels:
    """Tiles uint8 [height, width, 3] of one size in framed rows, each made TILE pixels large."""
    fitted = [_fitted(tile) for tile in tiles]
    height, width = fitted[0].shape[:2]
    columns = min(columns, len(tiles))
    rows = -(-len(tiles) // columns)
    step_down, step_right = height + GAP, width + GAP
    sheet = np.full((rows * step_down - GAP, columns * step_right - GAP, 3), _rgb(PAPER))
    for number, tile in enumerate(fitted):
        top, left = number // columns * step_down, number % columns * step_right
        sheet[top : top + height, left : left + width] = tile
    return sheet.astype(np.uint8)


def _fitted(tile: Pixels) -> Pixels:
    scale = TILE / max(tile.shape[:2])
    size = (max(1, round(tile.shape[1] * scale)), max(1, round(tile.shape[0] * scale)))
    # What is enlarged keeps its pixels to be counted.
    method = Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BOX
    # A frame tells what is white from the paper.
    return np.asarray(ImageOps.expand(Image.fromarray(tile).resize(size, method), 1, DIM))


def _rgb(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour.removeprefix("#")))

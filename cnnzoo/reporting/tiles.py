"""Many small images as one: grids of filters, feature maps and patches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from cnnzoo.extras import require
from cnnzoo.reporting.style import DIM, PALE, PAPER

TILE = 64  # pixels, the longer side
DIVERGING = "PuOr_r"  # orange is positive, purple negative: visible to the colour-blind
MAGNITUDE = "viridis"
GAP = 3  # pixels between tiles

Pixels = NDArray[np.uint8]


def coloured(values: NDArray[np.floating], low: float, high: float, colours: str) -> Pixels:
    """Return numbers [height, width] as uint8 [height, width, 3] in a colour map of matplotlib."""
    scaled = (values - low) / (high - low) if high > low else np.zeros_like(values)
    mapped = require("matplotlib", "report").colormaps[colours](np.clip(scaled, 0, 1), bytes=True)
    return np.asarray(mapped[..., :3])


def in_colour(pixels: Pixels) -> Pixels:
    """Return pixels uint8 [height, width, 1 or 3] with 3 channels."""
    return np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels


def heat_overlay(pixels: Pixels, values: NDArray[np.floating]) -> Pixels:
    """Lay values [height, width] from 0 to 1 in colour over an image in gray, uint8."""
    gray = in_colour(pixels.mean(axis=2, keepdims=True).astype(np.uint8))
    strength = (0.75 * np.sqrt(values))[..., None]
    heat = coloured(values, 0, 1, "inferno")
    return np.asarray(np.round(gray * (1 - strength) + heat * strength), np.uint8)


def padded(pixels: Pixels, height: int, width: int) -> Pixels:
    """Return pixels [height, width, 3] in the middle of a pale tile of at least their size."""
    tile = np.full((height, width, 3), _rgb(PALE), np.uint8)
    top, left = (height - pixels.shape[0]) // 2, (width - pixels.shape[1]) // 2
    tile[top : top + pixels.shape[0], left : left + pixels.shape[1]] = pixels
    return tile


def grid(tiles: Sequence[Pixels], columns: int) -> Pixels:
    """Return tiles uint8 [height, width, 3] of one size in framed rows, each scaled to TILE."""
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
    # An enlarged image keeps its pixels visible.
    method = Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BOX
    # A frame separates white pixels from the background.
    return np.asarray(ImageOps.expand(Image.fromarray(tile).resize(size, method), 1, DIM))


def _rgb(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour.removeprefix("#")))

"""Figures of explanations: one image explained, feature maps, filters, strongest responses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cnnzoo.datasets.dataset import Images
from cnnzoo.evaluation.classifier import Classifier
from cnnzoo.evaluation.explain.explain import Explanation, Stage, explainer
from cnnzoo.evaluation.explain.responses import Responses
from cnnzoo.evaluation.predictions import Predictions
from cnnzoo.reporting.style import BLUE, DIM, FONT_SIZE, figure_style, new_figure
from cnnzoo.reporting.tiles import (
    DIVERGING,
    MAGNITUDE,
    coloured,
    grid,
    heat_overlay,
    in_colour,
    padded,
)
from cnnzoo.text import shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]

BARS = 8  # the most probable classes
MAPS = 24  # of a stage
CHANNELS = 12  # of a stage with their responses
FILTERS = 96
OVERLAY_COLUMNS = 4

_MAP_COLUMNS = 12
_FILTER_COLUMNS = 16
_PIXELS_PER_INCH = 90  # of a grid on paper
_LEAST_WIDTH = 7  # inches, for the titles
_HEADING = 0.42
_BESIDE = 40  # pixels between the two columns of responses
_LETTERS = 18


@figure_style()
def explanation_figure(
    name: str, image: Pixels, explanation: Explanation, class_names: Sequence[str]
) -> Figure:
    """Draw an image uint8 [height, width, 1 or 3], its probabilities, Grad-CAM and gradients."""
    figure = new_figure(12.5, 3.7)
    picture, bars, cam, gradients = figure.subplots(1, 4, width_ratios=(1, 1, 1.15, 1.15))
    explained = shorten(class_names[explanation.label], _LETTERS, "both")
    picture.imshow(in_colour(image))
    picture.set_title(shorten(name, 30, "both"))
    _draw_bars(bars, explanation.probabilities, class_names)
    _draw_grad_cam(cam, image, explanation.grad_cam, explained)
    _draw_attribution(gradients, image, explanation, explained)
    for axes in (picture, cam, gradients):
        axes.set_axis_off()
    return figure


@figure_style()
def feature_maps_figure(stages: Sequence[Stage]) -> Figure:
    """Draw the strongest feature maps of each stage, in the order of their channels."""
    grids, titles = [], []
    for stage in stages:
        height, width, channels = stage.maps.shape
        chosen = np.sort(np.argsort(-stage.maps.max(axis=(0, 1)), kind="stable")[:MAPS])
        shown = stage.maps[..., chosen]
        low, high = float(shown.min()), float(shown.max())
        tiles = [coloured(shown[..., i], low, high, MAGNITUDE) for i in range(len(chosen))]
        grids.append(grid(tiles, _MAP_COLUMNS))
        some = "" if len(chosen) == channels else f", the {len(chosen)} strongest"
        titles.append(
            f"{height}x{width}x{channels}, {stage.name}{some}: dark {low:.3g}, bright {high:.3g}"
        )
    return _stacked(grids, titles)


@figure_style()
def filters_figure(filters: Floats) -> Figure:
    """Draw the filters [height, width, in channels, filters] of the first convolution.

    Filters of three channels are drawn in colour, and gray is 0; of others the mean is drawn.
    """
    height, width, channels, count = filters.shape
    if channels == 3:
        scale = np.maximum(np.abs(filters).max(axis=(0, 1, 2)), 1e-12)
        pixels = np.round(127.5 * (1 + filters / scale)).astype(np.uint8)
        tiles = [pixels[..., number] for number in range(min(count, FILTERS))]
        meaning = "red, green and blue: brighter is positive, gray is 0"
    else:
        mean = filters.mean(axis=2)
        largest = float(np.abs(mean).max())
        tiles = [
            coloured(mean[..., number], -largest, largest, DIVERGING)
            for number in range(min(count, FILTERS))
        ]
        meaning = f"orange is positive, purple negative, to {largest:.2g}"
    some = "" if count <= FILTERS else f", the first {FILTERS}"
    title = f"{count} first filters {height}x{width}x{channels}{some}: {meaning}"
    return _stacked([grid(tiles, _FILTER_COLUMNS)], [title])


@figure_style()
def responses_figure(responses: Sequence[Responses], images: Images) -> Figure:
    """Draw the regions of the data to which the first channels of each stage respond most.

    `images` are those in which the responses were found. A pale tile is of a channel that no image
    raises above 0; a region at the edge of its image is smaller than the others.
    """
    grids, titles = [], []
    for found in responses:
        channels, k = found.values.shape
        shown = min(channels, CHANNELS)
        middle = -(-shown // 2)
        panels = [
            grid([tile for channel in half for tile in _patches(found, channel, images)], k)
            for half in (range(middle), range(middle, shown))
            if half
        ]
        grids.append(_beside(panels))
        which = f"0 to {middle - 1} (left) and {middle} to {shown - 1} (right) of {channels}"
        titles.append(f"{found.name}: strongest responses of channels {which}, the strongest first")
    return _stacked(grids, titles)


@figure_style()
def overlays_figure(
    classifier: Classifier, images: Pixels, predictions: Predictions, rows: NDArray[np.intp]
) -> Figure:
    """Draw images uint8 [n, height, width, channels] with the Grad-CAM of their predicted class.

    The images are those of `rows` of the predictions.
    """
    explain = explainer(classifier, steps=1)
    columns = min(len(rows), OVERLAY_COLUMNS)
    lines = -(-len(rows) // columns)
    figure = new_figure(2.9 * columns, 0.4 + 2.0 * lines)
    for place, (row, image) in enumerate(zip(rows, images, strict=True), 1):
        cam = explain(image, None).grad_cam
        axes = figure.add_subplot(lines, columns, place)
        axes.imshow(np.hstack([in_colour(image), heat_overlay(image, cam)]))
        axes.set_axis_off()
        codes = (predictions.labels[row], predictions.predicted[row])
        names = (shorten(predictions.class_names[code], _LETTERS, "both") for code in codes)
        title = f"{' → '.join(names)} {predictions.confidence[row]:.1%}"
        axes.set_title(title, fontsize=FONT_SIZE - 1, fontweight="normal", loc="center")
    figure.suptitle("Grad-CAM of the most confident mistakes", x=0.01, ha="left")
    return figure


def _beside(panels: Sequence[Pixels]) -> Pixels:
    """Return grids of equal width side by side."""
    height, width, _ = panels[0].shape
    sheet = np.full((height, len(panels) * (width + _BESIDE) - _BESIDE, 3), 255, np.uint8)
    for number, panel in enumerate(panels):
        left = number * (width + _BESIDE)
        sheet[: panel.shape[0], left : left + width] = panel
    return sheet


def _patches(found: Responses, channel: int, images: Images) -> list[Pixels]:
    """Return the regions of one channel, each in the middle of a tile of one size per stage."""
    sizes = (found.regions[..., 2:] - found.regions[..., :2]).reshape(-1, 2)
    height, width = (int(size) for size in sizes.max(axis=0))
    pictures = images[found.rows[channel]]
    tiles = []
    for picture, value, (top, left, bottom, right) in zip(
        pictures, found.values[channel], found.regions[channel], strict=True
    ):
        patch = in_colour(picture[top:bottom, left:right])
        tiles.append(padded(patch if value > 0 else patch[:0, :0], height, width))
    return tiles


def _draw_bars(axes: Axes, probabilities: Floats, class_names: Sequence[str]) -> None:
    order = np.argsort(-probabilities, kind="stable")[:BARS]
    places = range(len(order))
    axes.barh(places, probabilities[order], color=BLUE, height=0.65)
    axes.set_yticks(places, [shorten(class_names[label], _LETTERS, "both") for label in order])
    axes.invert_yaxis()
    axes.set_xlim(0, 1.18)
    axes.set_xticks([0, 0.5, 1])
    axes.grid(visible=False)
    for place, label in enumerate(order):
        axes.text(probabilities[label] + 0.02, place, f"{probabilities[label]:.2f}", va="center")
    axes.set_title("probability")


def _draw_grad_cam(axes: Axes, image: Pixels, values: Floats, explained: str) -> None:
    axes.imshow(_gray(image), cmap="gray", vmin=0, vmax=255)
    drawn = axes.imshow(values, cmap="inferno", vmin=0, vmax=1, alpha=np.sqrt(values) * 0.75)
    axes.figure.colorbar(drawn, ax=axes, shrink=0.8, ticks=[0, 0.5, 1])
    axes.set_title(f"Grad-CAM: {explained}")
    if not values.any():
        axes.text(0.5, -0.06, "no positive evidence", transform=axes.transAxes, ha="center")


def _draw_attribution(axes: Axes, image: Pixels, explanation: Explanation, explained: str) -> None:
    found = explanation.attribution
    # A percentile: one very strong pixel would leave the others pale.
    largest = max(float(np.percentile(np.abs(found.values), 99.5)), 1e-12)
    faint = 255 - (255 - _gray(image)) * 0.25
    axes.imshow(faint, cmap="gray", vmin=0, vmax=255)
    strength = np.clip(np.abs(found.values) / largest, 0, 1)
    drawn = axes.imshow(
        found.values, cmap=DIVERGING, vmin=-largest, vmax=largest, alpha=np.sqrt(strength)
    )
    bar = axes.figure.colorbar(drawn, ax=axes, shrink=0.8, ticks=[-largest, 0, largest])
    bar.set_ticklabels(["against", "0", "for"])
    axes.set_title(f"integrated gradients: {explained}")
    axes.text(
        0.5,
        -0.06,
        f"sum: {found.values.sum():.2f} of {found.score - found.baseline_score:.2f}",
        transform=axes.transAxes,
        ha="center",
        color=DIM,
        fontsize=FONT_SIZE - 1,
    )


def _stacked(grids: Sequence[Pixels], titles: Sequence[str]) -> Figure:
    """Draw grids of tiles below each other, at one scale, each with its title."""
    widest = max(_LEAST_WIDTH * _PIXELS_PER_INCH, *(pixels.shape[1] for pixels in grids))
    heights = [pixels.shape[0] / _PIXELS_PER_INCH + _HEADING for pixels in grids]
    figure = new_figure(widest / _PIXELS_PER_INCH + 0.2, sum(heights))
    rows = figure.subplots(len(grids), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axes, pixels, title in zip(rows, grids, titles, strict=True):
        axes.imshow(pixels, interpolation="none")
        axes.set_xlim(-0.5, widest - 0.5)
        axes.set_axis_off()
        axes.set_title(title, fontsize=FONT_SIZE, fontweight="normal")
    return figure


def _gray(image: Pixels) -> Floats:
    gray: Floats = image.mean(axis=2, dtype=np.float32)
    return gray

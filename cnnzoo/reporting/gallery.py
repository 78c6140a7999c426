"""The most confident mistakes of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cnnzoo.datasets.dataset import Images
from cnnzoo.evaluation.predictions import Predictions
from cnnzoo.reporting.style import FONT_SIZE, INK, figure_style, new_figure
from cnnzoo.text import counted, shorten

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = 6
_LETTERS = 17  # of a class name


def surest_mistakes(predictions: Predictions, count: int) -> NDArray[np.intp]:
    """Return the indices of up to `count` wrong predictions, the most confident first."""
    predicted = predictions.predicted
    wrong = np.flatnonzero(predicted != predictions.labels)
    order = np.argsort(-predictions.confidence[wrong], kind="stable")
    return wrong[order[:count]]


def mistakes_gallery(images: Images, predictions: Predictions, count: int = 24) -> Figure | None:
    """Draw the most confident mistakes with truth → prediction and its probability.

    `images` uint8 [n, height, width, 1 or 3] are in the order of the predictions. Returns None if
    every prediction is correct.
    """
    chosen = surest_mistakes(predictions, count)
    return _tiles(images, predictions, chosen) if len(chosen) else None


@figure_style()
def _tiles(images: Images, predictions: Predictions, chosen: NDArray[np.intp]) -> Figure:
    rows = -(-len(chosen) // COLUMNS)
    columns = min(len(chosen), COLUMNS)
    figure = new_figure(max(1.55 * columns, 4), 0.8 + 2.25 * rows)
    predicted = predictions.predicted
    names = [shorten(name, _LETTERS, "both") for name in predictions.class_names]
    for place, (index, image) in enumerate(zip(chosen, images[chosen], strict=True), 1):
        axes = figure.add_subplot(rows, columns, place)
        axes.imshow(image[..., 0] if image.shape[-1] == 1 else image, cmap="gray", vmin=0, vmax=255)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_visible(False)
        share = predictions.confidence[index]
        label = f"{names[predictions.labels[index]]}\n→ {names[predicted[index]]}\n{share:.1%}"
        axes.set_title(label, fontsize=FONT_SIZE - 1, fontweight="normal", loc="center", color=INK)
    wrong = int((predicted != predictions.labels).sum())
    figure.suptitle(
        f"the most confident of {counted(wrong, 'mistake')}\ntruth → prediction, its probability",
        x=0.01,
        ha="left",
    )
    return figure

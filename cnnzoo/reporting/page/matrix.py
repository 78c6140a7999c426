"""The confusion matrix of a page: cells, and the images that each of them opens."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cnnzoo.datasets.dataset import Images
from cnnzoo.evaluation.predictions import Predictions
from cnnzoo.reporting.page.pictures import Picture, picture

MAX_CLASSES = 20  # with a row of their own
MAX_IMAGES = 720  # of all cells together
PER_CELL = 24
LEVELS = 10  # of shading


@dataclass(frozen=True, slots=True)
class Shown:
    """An image of the split and its prediction."""

    picture: Picture
    name: str
    truth: str
    prediction: str
    probability: float


@dataclass(slots=True)
class Cell:
    """The number of examples of a true class that were predicted as a class, and some of them."""

    id: str
    truth: str
    prediction: str
    count: int
    of: int
    right: bool
    rows: NDArray[np.intp]
    shown: list[Shown] = field(default_factory=list)

    @property
    def share(self) -> float:
        """The share of the true class."""
        return self.count / self.of if self.of else 0.0

    @property
    def level(self) -> int:
        """The shading; the square root makes rare mistakes visible."""
        return math.ceil(LEVELS * math.sqrt(self.share))


@dataclass(frozen=True, slots=True)
class Matrix:
    """The rows are the truth, the columns the predictions, both `names`.

    The last of `names` is for `others` classes if there are too many for a row each.
    """

    names: tuple[str, ...]
    support: tuple[int, ...]
    cells: tuple[tuple[Cell, ...], ...]
    others: int

    @property
    def filled(self) -> Iterator[Cell]:
        """The cells with examples, mistakes first, the most frequent first."""
        cells = [cell for row in self.cells for cell in row if cell.count]
        return iter(sorted(cells, key=lambda cell: (cell.right, -cell.count)))


def confusion(predictions: Predictions, prefix: str) -> Matrix:
    """Return the matrix of predictions without images; ids of its cells begin with `prefix`.

    With more than MAX_CLASSES classes, those with most mistakes have a row; the others share one.
    """
    truth, predicted = predictions.labels, predictions.predicted
    groups, names = _groups(predictions)
    rows, columns = groups[truth], groups[predicted]
    others = max(0, len(predictions.class_names) - MAX_CLASSES)
    # The most confident mistakes first, the least confident correct examples first.
    sureness = predictions.confidence
    order = np.argsort(np.where(truth == predicted, sureness, -sureness), kind="stable")
    support = tuple(int((rows == place).sum()) for place in range(len(names)))
    places = rows[order] * len(names) + columns[order]

    def cell(i: int, j: int) -> Cell:
        found = order[places == i * len(names) + j]
        return Cell(f"{prefix}-{i}-{j}", names[i], names[j], len(found), support[i], i == j, found)

    every = range(len(names))
    return Matrix(names, support, tuple(tuple(cell(i, j) for j in every) for i in every), others)


def fill(matrix: Matrix, predictions: Predictions, images: Images, budget: int) -> None:
    """Put images into the cells in turn, until the bytes are used up."""
    turns = [
        (rank, place, cell)
        for place, cell in enumerate(matrix.filled)
        for rank in range(min(PER_CELL, len(cell.rows)))
    ]
    turns.sort(key=lambda turn: turn[:2])
    chosen = turns[:MAX_IMAGES]
    if not chosen:
        return
    rows = np.array([cell.rows[rank] for rank, _, cell in chosen], np.intp)
    for (_, _, cell), row, pixels in zip(chosen, rows.tolist(), images[rows], strict=True):
        found = shown(pixels, predictions, row)
        budget -= len(found.picture.uri)
        if budget < 0:
            break
        cell.shown.append(found)


def shown(pixels: NDArray[np.uint8], predictions: Predictions, row: int) -> Shown:
    """Return one example of a split as the page shows it."""
    names = predictions.class_names
    return Shown(
        picture(pixels),
        predictions.names[row],
        names[int(predictions.labels[row])],
        names[int(predictions.predicted[row])],
        float(predictions.confidence[row]),
    )


def _groups(predictions: Predictions) -> tuple[NDArray[np.intp], tuple[str, ...]]:
    """Return the row of each class [classes], and the names of the rows."""
    names = predictions.class_names
    if len(names) <= MAX_CLASSES:
        return np.arange(len(names)), names
    wrong = predictions.labels != predictions.predicted
    involved = np.bincount(predictions.labels[wrong], minlength=len(names))
    involved += np.bincount(predictions.predicted[wrong], minlength=len(names))
    kept = np.sort(np.argsort(-involved, kind="stable")[:MAX_CLASSES])
    groups = np.full(len(names), MAX_CLASSES, np.intp)
    groups[kept] = np.arange(MAX_CLASSES)
    return groups, (*(names[code] for code in kept), f"{len(names) - MAX_CLASSES} others")
